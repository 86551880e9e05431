"""The row of the probe: features of the frozen encoder, a regression on them, scored from what was saved."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from finetooth.controls import Probe
from finetooth.controls.control import SETTINGS
from finetooth.errors import DivergedError, ProofError
from finetooth.files import canonical_hash, read_json, sha256_file
from finetooth.model import device
from finetooth.model.batching import Tokens, tokenize
from finetooth.model.features import Feature, encode, feature_batch, head_input
from finetooth.model.loading import Base, encoder_parameters
from finetooth.model.predictor import Input
from finetooth.model.tokenizer import load_tokenizer
from finetooth.proof import latency
from finetooth.proof.planned_base import load_planned, planned
from finetooth.proof.task import Channel, Task, add_costs, keep_predictions
from finetooth.runs.work import read_labels


def fit(task: Task, channel: Channel) -> None:
    """Fit the probe on the training split, choose it on the validation split, and save it with the base's identity.

    Raises: ProofError if the base is not the plan's; DivergedError for a hidden state that is not finite.
    """
    plan = task.plan()
    device.configure(plan["device"])
    base = load_planned(task, head_seed=0)
    task.folder.path.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    features: tuple[Feature, ...] = (head_input(base), "mean")
    train, validation = (_encoded(task, base, split, features, channel) for split in ("train", "validation"))
    labels, truth = (read_labels(task.run_folder, split)[1] for split in ("train", "validation"))
    probe = Probe.fit(train, labels, validation=validation, truth=truth, classes=len(plan["classes"]))
    seconds = time.perf_counter() - started
    parameters = {"head": probe.parameters, "total": probe.parameters + encoder_parameters(base)}
    proof = {"validation_logits_sha256": _sha256(probe.logits(validation))}
    probe.save(task.folder.control, facts={"parameters": parameters, "identity": _identity(task), **proof})
    add_costs(task, train_seconds=seconds, examples_per_second=len(labels) / seconds)


def score(task: Task, channel: Channel) -> None:
    """Score a split with the saved probe, on features computed anew; of the validation rows, prove them bitwise.

    Raises: ProofError when base, tokenizer, labels or input are not those it was fitted with, or a bit of the
    validation rows' logits is not what was measured before it was saved (unless the run is marked inexact).
    """
    plan = task.plan()
    device.configure(plan["device"])
    probe = Probe.load(task.folder.control)
    saved = read_json(task.folder.control / SETTINGS)
    _refuse_another(task, saved["identity"])
    base = load_planned(task, head_seed=0)
    found = probe.logits(_encoded(task, base, task.split, (probe.chosen.feature,), channel))
    if task.split == "validation" and not plan["inexact"] and _sha256(found) != saved["validation_logits_sha256"]:
        raise ProofError(
            f"{task.row}: the reloaded probe is not the one measured: its validation logits differ. The run stops "
            f"here. Delete {task.folder.path} and give the same command again to fit it anew."
        )
    latency.record(task, _answering(task, base, probe))
    keep_predictions(task, found)


def _answering(task: Task, base: Base, probe: Probe) -> latency.Answer:
    recipe, tokenizer = task.recipe(), load_tokenizer(Path(task.base_folder))
    feature = cast(Feature, probe.chosen.feature)

    def answer(texts: Sequence[str], pairs: Sequence[str] | None) -> npt.NDArray[np.float32]:
        tokens = tokenize(tokenizer, texts, pairs, max_tokens=recipe.max_tokens, truncation=recipe.truncation)
        found = feature_batch(
            base.model, tokens, np.arange(len(texts)), features=(feature,), pad_id=tokenizer.pad_token_id
        )
        return probe.logits({feature: found[feature]})

    return answer


def _encoded(
    task: Task, base: Base, split: str, features: tuple[Any, ...], channel: Channel
) -> dict[str, npt.NDArray[np.float32]]:
    found = encode(
        base.model,
        Tokens.open(task.tokens / split),
        features=features,
        pad_id=load_tokenizer(Path(task.base_folder)).pad_token_id,
        budget=task.plan()["evaluation_budget"],
        advance=lambda count: channel.advance(count, ""),
    )
    for name, rows in found.items():
        if not np.isfinite(rows).all():
            raise DivergedError(f"a value of {name} of the {split} rows is not finite.")
    return {str(name): rows for name, rows in found.items()}


def _identity(task: Task) -> dict[str, Any]:
    """What the probe belongs to, by content: it says nothing with another base, tokenizer, classes or input."""
    recipe, plan, base, folder = task.recipe(), task.plan(), planned(task), Path(task.base_folder)
    return {
        "base": {
            "id": base["id"],
            "source_sha256": base["sha256"],
            "weights_sha256": base["weights_sha256"],
            "config_sha256": sha256_file(folder / "config.json"),
        },
        "tokenizer_sha256": sha256_file(folder / "tokenizer.json"),
        "labels_sha256": canonical_hash(plan["classes"]),
        "input": asdict(Input(recipe.max_tokens, recipe.truncation, pairs=plan["pairs"])),
    }


def _refuse_another(task: Task, saved: dict[str, Any]) -> None:
    now = _identity(task)
    for field in ("base", "tokenizer_sha256", "labels_sha256", "input"):
        if saved[field] != now[field]:
            raise ProofError(
                f"{task.row}: {field.removesuffix('_sha256')} is not what the probe was fitted with. Delete "
                f"{task.folder.path} and give the same command again to fit it anew."
            )


def _sha256(logits: npt.NDArray[np.float32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(logits).data).hexdigest()
