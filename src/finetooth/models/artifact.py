"""The folder a row is scored and shipped from: a PEFT adapter (or an untrained head), tokenizer, labels and identity.

adapter_config.json  adapter_model.safetensors   a standard PEFT folder; or, for the original model,
head.safetensors  heads.safetensors              its head, and other untrained heads, each name after its seed; or
config.json  model.safetensors                   a standard transformers folder, of full fine-tuning
tokenizer.json ...                               those of the base, unchanged
labels.json                                      {"schema": 1, "task": .., "labels": [..]}
decision.json                                    how its logits become answers; of a trained model only
inference.json                                   whether bfloat16 gives its labels (finetooth.models.agreement)
finetooth.json                                   what it belongs to, by content; its reference outputs
README.md  MANIFEST.json                         how to load an adapter with plain peft; sha256 of every file
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from finetooth.errors import DivergedError, ModelError
from finetooth.evaluation import decision_file
from finetooth.families import family_of
from finetooth.files import canonical_hash, damage, new_directory, read_json, sha256_file, write_json
from finetooth.models import adapter_readme, adapters, device, full_fine_tuning, saved_tensors
from finetooth.models.agreement import Measured
from finetooth.models.artifact_files import (
    ADAPTER_CONFIG,
    HEAD,
    HEADS,
    IDENTITY,
    LABELS,
    MODEL_WEIGHTS,
    REFERENCE_INPUTS,
    REFERENCE_TOLERANCE,
    TOKENIZER_FILES,
    identity_of,
    labels_of,
    task_of,
)
from finetooth.models.batching import Input, Tokens
from finetooth.models.loading import Base, base_tensors, hash_tensors, head_tensors, load_base
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import check_tokenizer, load_tokenizer
from finetooth.row_kinds import row_kind


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a base came from. id: source id, never a local path. sha256: of the staged folder's content."""

    id: str
    sha256: str


def reference_outputs(trained: TextModel) -> npt.NDArray[np.float32]:
    """Logits (8, C) float32 of the reference inputs; a model of pairs gets each sentence with the next one.

    They are from a second pass: the first one of a process may differ from later ones in its last bits (ADR 5).
    """
    tokens = reference_tokens(trained)
    trained.logits(tokens)
    return trained.logits(tokens)


def reference_tokens(trained: TextModel) -> Tokens:
    """Tokens of the reference inputs."""
    return trained.tokenize(
        REFERENCE_INPUTS, [*REFERENCE_INPUTS[1:], REFERENCE_INPUTS[0]] if trained.input.pairs else None
    )


def save(
    trained: TextModel,
    folder: Path,
    *,
    base: Base,
    base_folder: Path,
    source: Provenance,
    weights_sha256: str,
    head_seed: int,
    more_heads: Mapping[int, Mapping[str, torch.Tensor]] | None = None,
) -> None:
    """Write the artifact of a trained (peft or full fine-tuning) or untrained model to `folder`, or nothing.

    trained: named as its row. weights_sha256: hash_tensors of the base's checkpoint tensors from before the training.
    more_heads: the other heads of an untrained model, by seed.
    Raises: DivergedError if a logit of the reference inputs is not finite.
    """
    outputs = reference_outputs(trained)
    if not np.isfinite(outputs).all():
        raise DivergedError(f"a logit of the reference inputs is not finite; {row_kind(trained.name).if_not_finite}.")
    with new_directory(folder) as inside:
        adapted, released = adapters.has_adapter(trained.model), full_fine_tuning.is_released(trained.model)
        if adapted:
            adapters.save(trained.model, inside, base_id=source.id)
        elif released:
            full_fine_tuning.save(trained.model, inside)
        else:
            _save_heads(base, more_heads or {}, inside)
        _save_tokenizer(trained.tokenizer, base_folder, inside)
        write_json(inside / LABELS, {"schema": 1, "task": trained.decision.task.name, "labels": list(trained.classes)})
        write_json(
            inside / IDENTITY,
            {
                "schema": 1,
                "base": {
                    "id": source.id,
                    "source_sha256": source.sha256,
                    "weights_sha256": weights_sha256,
                    "config_sha256": sha256_file(base_folder / "config.json"),
                },
                "tokenizer_sha256": sha256_file(base_folder / "tokenizer.json"),
                "labels_sha256": canonical_hash(list(trained.classes)),
                "head_seed": head_seed,
                "input": asdict(trained.input),
                "platform": device.facts(),
                "reference_logits": outputs.astype(float).tolist(),
            },
        )
        trained.measured.save(inside)
        if adapted or released:
            write_json(inside / decision_file.DECISION, decision_file.as_file(trained.decision, trained.classes))
        if adapted:
            reference = (REFERENCE_INPUTS[0], REFERENCE_INPUTS[1], outputs[0])
            (inside / "README.md").write_text(
                adapter_readme.text(trained, source.id, reference=reference), encoding="utf-8"
            )


def _save_heads(base: Base, more_heads: Mapping[int, Mapping[str, torch.Tensor]], folder: Path) -> None:
    save_file(head_tensors(base), folder / HEAD, metadata={"format": "pt"})
    others = {f"{seed}/{name}": tensor for seed, head in more_heads.items() for name, tensor in head.items()}
    if others:
        save_file(others, folder / HEADS, metadata={"format": "pt"})


def _save_tokenizer(tokenizer: Any, base_folder: Path, folder: Path) -> None:
    """The base's own files; what transformers would take from config.json is added to tokenizer_config.json."""
    for name in TOKENIZER_FILES:
        if (base_folder / name).is_file():
            shutil.copyfile(base_folder / name, folder / name)
    file = folder / "tokenizer_config.json"
    settings = read_json(file) if file.is_file() else {}
    special = {name: str(token) for name, token in tokenizer.special_tokens_map.items() if isinstance(token, str)}
    defaults = {"tokenizer_class": type(tokenizer).__name__, "model_max_length": tokenizer.model_max_length, **special}
    write_json(file, defaults | settings)


def load(folder: Path, *, base_folder: Path, name: str) -> TextModel:
    """The artifact in `folder` on its base in `base_folder`, verified to be what was saved.

    Raises: ModelError beginning with `name`, with the field that differs: a file's hash, base, tokenizer, labels, a
    tensor, or reference outputs.
    """
    with _own_faults(name):
        identity, classes, task = _verified_files(folder), labels_of(folder), task_of(folder)
    base = _verified_base(identity, base_folder, classes=classes, name=name)
    with _own_faults(name):
        trained = _verified_model(folder, base, identity, classes=classes, name=name)
    decision = decision_file.load(folder, classes=trained.classes, name=name, task=task, sealed=True)
    return replace(trained, decision=decision)


@contextmanager
def _own_faults(name: str) -> Iterator[None]:
    """A block whose errors are faults of the artifact, not of its base."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{name}: {error} Take it from its run or a backup again.") from error


def _check_same(field: str, recorded: str, actual: str, *, identity: Mapping[str, Any]) -> None:
    if recorded != actual:
        raise ModelError(
            f"{field} is not what the adapter was made with (recorded sha256 {recorded[:12]}, actual "
            f"{actual[:12]}); its base is {identity['base']['id']}."
        )


def _verified_files(folder: Path) -> dict[str, Any]:
    """The identity of an artifact whose files are those of its manifest and of its identity."""
    identity = identity_of(folder)
    if (fault := damage(folder)) is not None:
        raise ModelError(f"the artifact is damaged: {fault}.")
    _check_same("tokenizer", identity["tokenizer_sha256"], sha256_file(folder / "tokenizer.json"), identity=identity)
    labels = canonical_hash(list(labels_of(folder)))
    _check_same("labels", identity["labels_sha256"], labels, identity=identity)
    return identity


def _verified_base(identity: dict[str, Any], base_folder: Path, *, classes: Sequence[str], name: str) -> Base:
    """The base that the identity names. Raises: ModelError with the base's own fault, or what differs."""
    recorded, config = identity["base"], base_folder / "config.json"
    try:
        if config.is_file():  # if it is missing, load_base says so
            _check_same("base config", recorded["config_sha256"], sha256_file(config), identity=identity)
        base = load_base(base_folder, classes=classes, head_seed=identity["head_seed"])
        weights = hash_tensors(base_tensors(base))
        _check_same("base weights", recorded["weights_sha256"], weights, identity=identity)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error
    return base


def _verified_model(
    folder: Path, base: Base, identity: dict[str, Any], *, classes: tuple[str, ...], name: str
) -> TextModel:
    """The artifact on its base, without its decision; its tensors, tokenizer and reference outputs are verified."""
    model = base.model
    if (folder / ADAPTER_CONFIG).is_file():
        model = adapters.load(base, folder)
    elif (folder / MODEL_WEIGHTS).is_file():
        saved_tensors.restore(folder / MODEL_WEIGHTS, model.state_dict(), owner="the saved model")
    else:
        saved_tensors.restore(folder / HEAD, head_tensors(base), owner="the saved head")
    tokenizer, settings, config = load_tokenizer(folder), Input(**identity["input"]), base.model.config
    check_tokenizer(tokenizer, config, pairs=settings.pairs, name="the adapter")
    positions = family_of(config).positions(config.to_dict())
    if settings.max_tokens > positions:
        raise ModelError(
            f"{IDENTITY}: max_tokens {settings.max_tokens:,} is more than the base model's {positions:,} positions."
        )
    moved = identity["platform"] != device.facts()
    trained = TextModel(model, tokenizer, classes, settings, name, measured=Measured.load(folder), moved=moved)
    off, allowed = reference_difference(trained, identity)
    if not off <= allowed:  # so that NaN is refused too
        raise ModelError(
            f"reference outputs differ by {off:.3g} from those recorded; this is not the model that was measured."
        )
    return trained


def heads_of(folder: Path) -> dict[int, dict[str, torch.Tensor]]:
    """The heads of an original model's artifact by seed, its own first; each by full names of its tensors.

    Raises: ModelError if one is damaged, or does not have the tensors of the first.
    """
    first = saved_tensors.read(folder / HEAD, owner="the saved head")
    heads = {identity_of(folder)["head_seed"]: first}
    others = saved_tensors.read(folder / HEADS, owner="the saved heads") if (folder / HEADS).is_file() else {}
    for key, tensor in sorted(others.items()):
        seed, _, name = key.partition("/")
        heads.setdefault(int(seed), {})[name] = tensor
    for seed, head in heads.items():
        saved_tensors.check(head, first, owner=f"the saved head of seed {seed}")
    return dict(sorted(heads.items()))


def reference_difference(trained: TextModel, identity: dict[str, Any]) -> tuple[float, float]:
    """The largest difference of a reference output from the recorded one, and the largest allowed one.

    On the platform that recorded them none is allowed.

    identity: as identity_of gives it.
    """
    recorded, outputs = identity["reference_logits"], reference_outputs(trained)
    off = float(np.abs(recorded - outputs).max()) if recorded.shape == outputs.shape else float("inf")
    return off, 0.0 if identity["platform"] == device.facts() else REFERENCE_TOLERANCE
