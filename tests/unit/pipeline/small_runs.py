"""A small complete run, made in this process: two baselines and one candidate, saved, verified and concluded."""

from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import yaml

import plans
import tiny
from finetooth.baselines.majority import Majority
from finetooth.data import Examples
from finetooth.files import sha256_file, write_file, write_hashed_json, write_json
from finetooth.models import adapters, artifact
from finetooth.models.batching import Input
from finetooth.models.loading import base_tensors, hash_tensors, load_base
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer
from finetooth.pipeline import finish
from finetooth.recipe import Recipe, load
from finetooth.runs import finished, plan_file, predictions
from finetooth.runs.layout import RunFolder
from finetooth.runs.ledger import History
from finetooth.runs.plan_file import Plan
from finetooth.runs.work import save_examples, write_splits
from finetooth.training import checkpoints
from finetooth.verification import reload_check

CLASSES = ("bad", "good")
SEED = 3
KEYS: list[tuple[str, int | None]] = [("majority", None), ("original", SEED), ("r4", SEED)]


def make_run(parent: Path) -> Path:
    """The folder of a complete run in `parent`, its base model in `parent`/m."""
    base_folder = tiny.save_model(parent / "m", "bert")
    folder = RunFolder(parent / "run")
    folder.work.mkdir(parents=True)
    splits = {name: _split(name, count) for name, count in (("train", 20), ("validation", 21), ("test", 30))}
    recipe, plan = _recipe(base_folder), _plan(base_folder, splits)
    write_file(folder.recipe, yaml.safe_dump(recipe.model_dump(mode="json")).encode())
    plan_file.write(folder, replace(plan, files={folder.recipe.name: sha256_file(folder.recipe)}))
    write_hashed_json(folder.seconds, {})
    dataset: Any = SimpleNamespace(**splits, classes=CLASSES)  # all that is read
    write_splits(folder, dataset)
    save_examples(folder, dataset)
    majority = Majority.fit(splits["train"], classes=2)
    majority.save(folder.row("majority", None).baseline)
    _keep(folder, KEYS[0], splits, {name: majority.logits(part.texts) for name, part in splits.items()})
    for key in KEYS[1:]:
        logits, trained = _save(folder, key, base_folder, plan, splits)
        if trained is not None:
            _verify(folder, logits["validation"], trained)
        _keep(folder, key, splits, logits)
    for key in KEYS:
        finished.record(folder.row(*key), (*finished.FITTED, *finished.SCORED), run_id=plan.run_id)
    finish.conclude(recipe, plan, folder, keys=KEYS, winner=("r4", SEED), history=History(), command_bytes=0)
    return folder.path


def _split(name: str, count: int) -> Examples:
    rows = tiny.texts(count, seed=len(name))
    labels = np.asarray([CLASSES.index(label) for _, label in rows], np.int64)
    return Examples(tuple(f"{name}.csv:{row}" for row in range(count)), tuple(text for text, _ in rows), None, labels)


def _recipe(base_folder: Path) -> Recipe:
    return load(
        {
            "name": "small",
            "model": str(base_folder),
            "data": {"source": "owner/reviews"},
            "seeds": [SEED],
            "baselines": ["majority", "original"],
            "candidates": [{"name": "r4", "rank": 4, "bias": "lora_only"}],
        }
    )


def _plan(base_folder: Path, splits: dict[str, Examples]) -> Plan:
    clean = load_base(base_folder, classes=CLASSES, head_seed=0)
    base = plans.base(
        id="m",
        weights_sha256=hash_tensors(base_tensors(clean)),
        tokenizer_sha256=sha256_file(base_folder / "tokenizer.json"),
    )
    counts = {name: len(part) for name, part in splits.items()}
    model = plans.model(base=base, tokens={"test": plans.lengths(rows_cut=0.0)})
    return plans.plan(test_id="ab" * 32, classes=CLASSES, counts=counts, inference="float32", model=model)


def _save(
    folder: RunFolder, key: tuple[str, int | None], base_folder: Path, plan: Plan, splits: dict[str, Examples]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The artifact of one row; its logits of each split, and how many values of a candidate are trained."""
    clean = load_base(base_folder, classes=CLASSES, head_seed=SEED)
    model, trained = clean.model, None
    if key[0] == "r4":
        model = tiny.disturb(adapters.attach(clean, _recipe(base_folder).candidates[0], seed=SEED)).eval()
        trained = asdict(adapters.parameters(model))
    predictor = TextModel(model, load_tokenizer(base_folder), CLASSES, Input(48, "head", False), key[0])
    artifact.save(
        predictor, folder.row(*key).adapter, base=clean, base_folder=base_folder,
        source=artifact.Provenance("m", "0" * 64), weights_sha256=plan.of_model().base.weights_sha256, head_seed=SEED,
    )  # fmt: skip
    return {name: predictor.logits(predictor.tokenize(part.texts)) for name, part in splits.items()}, trained


def _verify(folder: RunFolder, logits: Any, parameters: dict[str, Any]) -> None:
    row = folder.row("r4", SEED)
    row.checkpoints.mkdir(parents=True)
    checkpoints.save_best(row.checkpoints, 4, named={}, logits=logits)
    curve = {"best_step": 4, "kept_epoch": 1.0, "head": "new", "curve": [], "warnings": [], "token_budget": 96}
    write_json(row.curve, {"parameters": parameters, **curve})
    reload_check.verify(row, logits, name="r4", exact=True, new_interpreter=True)


def _keep(folder: RunFolder, key: tuple[str, int | None], splits: dict[str, Examples], logits: dict[str, Any]) -> None:
    parts = {
        name: predictions.Predictions(splits[name].ids, splits[name].labels, logits[name])
        for name in ("validation", "test")
    }
    predictions.write(folder.row(*key).predictions, parts)
