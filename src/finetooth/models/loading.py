"""The base model from a staged folder: the loader names the layers that are new, and we draw their values."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from finetooth.errors import ModelError
from finetooth.families import Family, family_of, model_types
from finetooth.models import seeds
from finetooth.models.checked import CONFIG, refused
from finetooth.models.config_file import load_config, transformers_library
from finetooth.sources.safetensors_header import read_header
from finetooth.untrusted import check_sizes


@dataclass(frozen=True, slots=True)
class Base:
    """A base model, ready to be scored or adapted.

    model: transformers' sequence classifier, in eval mode, float32, frozen.
    head_modules: full names of the modules outside the encoder and of those that are missing in the checkpoint.
    head: "checkpoint" if the head comes from the checkpoint, in the order of the labels; "new" if it is untrained.
    drawn: full names of the parameters that were drawn from the head seed.
    """

    model: Any
    head_modules: tuple[str, ...]
    head: Literal["new", "checkpoint"]
    drawn: tuple[str, ...]


def load_base(folder: Path, *, classes: Sequence[str], head_seed: int, dropout: float | Literal["model"] = 0.0) -> Base:
    """The classifier over `classes`, its new layers drawn from `head_seed`.

    If the checkpoint has a head with the label names of `classes`, it is kept, its rows in the order of `classes`;
    otherwise the output layer is new. dropout: probability everywhere in the model, or "model" for its own.
    Raises: ModelError for an unknown family, or a tensor that the model does not have or has in another shape.
    """
    rows = _aligned_rows(load_config(folder), classes)
    model, missing = _load(folder, classes if rows is None else None, dropout)
    output = output_layer(model)
    if rows is not None and any(name.startswith(f"{output}.") for name in missing):
        rows = None  # the configuration names the labels, but the checkpoint has no output layer
        model, missing = _load(folder, classes, dropout)
    if rows is None:
        missing |= {f"{output}.weight", f"{output}.bias"}  # never by position, even where the shapes agree
    else:
        _move_rows(model, output, rows)
        _set_labels(model.config, classes)
        model.num_labels = len(classes)
    _initialise(model, sorted(missing), head_seed)
    model.requires_grad_(False)
    head: Literal["new", "checkpoint"] = "new" if rows is None else "checkpoint"
    return Base(model.eval(), _head_modules(model, missing), head, tuple(sorted(missing)))


def draw_head(base: Base, seed: int) -> None:
    """Draw the new layers again, as load_base does with this head seed."""
    _initialise(base.model, base.drawn, seed)


def import_library() -> None:
    """Import now what is otherwise imported when the first model and tokenizer are loaded."""
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as CLASSES

    for name in ("AutoTokenizer", "BertTokenizer", *(CLASSES[model_type] for model_type in model_types())):
        getattr(transformers, name)


def hash_tensors(named: Iterable[tuple[str, torch.Tensor]]) -> str:
    """SHA-256 over names, types, shapes and bytes of tensors, in any order: the identity of weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(named, key=lambda item: item[0]):
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def base_tensors(base: Base) -> list[tuple[str, torch.Tensor]]:
    """The tensors from the checkpoint: all except those of the head modules."""
    head = head_tensors(base)
    return [(name, tensor) for name, tensor in base.model.state_dict().items() if name not in head]


def encoder_parameters(base: Base) -> int:
    """The number of parameters of the base without its head modules and buffers; a shared one counts once."""
    head = head_tensors(base)
    return sum(parameter.numel() for name, parameter in base.model.named_parameters() if name not in head)


def head_tensors(base: Base) -> dict[str, torch.Tensor]:
    """The tensors of the head modules by full name."""
    heads = tuple(f"{name}." for name in base.head_modules)
    return {name: tensor for name, tensor in base.model.state_dict().items() if name.startswith(heads)}


def _load(folder: Path, classes: Sequence[str] | None, dropout: float | Literal["model"]) -> tuple[Any, set[str]]:
    """The model, and the parameters that the checkpoint lacks. classes: None for the checkpoint's own labels."""
    transformers, config = transformers_library(), load_config(folder)
    family = family_of(config)
    _check_sizes(folder, config, family)
    _set_dropout(config, dropout)
    if classes is not None:
        _set_labels(config, classes)
    with refused("the base model: the model could not be loaded"):
        model, info = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            attn_implementation="sdpa",
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    inside = [str(key[0]) for key in info["mismatched_keys"] if str(key[0]).startswith(f"{model.base_model_prefix}.")]
    if inside:
        raise ModelError(
            f"the base model: {inside[0]} has another shape than {CONFIG} says. Download the model again, or name "
            "another one."
        )
    _refuse_unexpected(info["unexpected_keys"], family)
    for tensor in [*model.parameters(), *model.buffers()]:
        # The loader maps the file: tensors would be at unaligned addresses, on which the last bit of a product depends,
        # and a file cut short would kill the process.
        tensor.data = tensor.data.clone()
    return model, {*info["missing_keys"], *(str(key[0]) for key in info["mismatched_keys"])}


def _check_sizes(folder: Path, config: Any, family: Family) -> None:
    """Check the sizes that config.json claims against the checkpoint's header, before anything is allocated."""
    files = sorted(file for file in folder.iterdir() if file.suffix == ".safetensors")
    tensors = (item for file in files for item in read_header(file, shown=file.name).items())
    shapes = {name: tensor.shape for name, tensor in tensors}
    for problem in check_sizes(shapes, config, family=family):
        raise ModelError(f"the base model: {CONFIG}: {problem}")


def _aligned_rows(config: Any, classes: Sequence[str]) -> list[int] | None:
    """For each class the row of the checkpoint's head; None if the head lacks a label of this name."""
    rows = {str(label).strip().casefold(): int(row) for row, label in (config.id2label or {}).items()}
    folded = [label.strip().casefold() for label in classes]
    if len(rows) != config.num_labels or len(set(folded)) != len(folded) or any(label not in rows for label in folded):
        return None
    return [rows[label] for label in folded]


def _set_labels(config: Any, classes: Sequence[str]) -> None:
    config.num_labels = len(classes)
    config.id2label = dict(enumerate(classes))
    config.label2id = {label: number for number, label in enumerate(classes)}
    config.problem_type = "single_label_classification"


def _set_dropout(config: Any, dropout: float | Literal["model"]) -> None:
    if dropout == "model":
        return
    for key, value in config.to_dict().items():
        if re.search(r"drop(out)?(_prob)?$", key) and isinstance(value, float | int | None):
            setattr(config, key, float(dropout))


def _refuse_unexpected(keys: Iterable[str], family: Family) -> None:
    unexpected = [key for key in sorted(keys) if not any(re.fullmatch(pattern, key) for pattern in family.surplus)]
    if unexpected:
        raise ModelError(
            f"the base model: {len(unexpected)} tensors of the checkpoint are not tensors of the model, first "
            f"{unexpected[0]!r}; it would be another model than the one saved. Name another model."
        )


def output_layer(model: Any) -> str:
    """Full name of the last linear layer outside the encoder, whose rows are the classes."""
    inside = f"{model.base_model_prefix}."
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and not name.startswith(inside)
        and module.out_features == model.config.num_labels
    ]
    if not names:
        raise ModelError(
            f"the base model: it has no output layer of {model.config.num_labels} classes outside {inside[:-1]!r}. "
            "Name another model."
        )
    return str(names[-1])


def _move_rows(model: Any, output: str, rows: list[int]) -> None:
    old = model.get_submodule(output)
    new = nn.Linear(old.in_features, len(rows), bias=old.bias is not None)
    with torch.no_grad():
        new.weight.copy_(old.weight[rows])
        if old.bias is not None:
            new.bias.copy_(old.bias[rows])
    parent, _, leaf = output.rpartition(".")
    setattr(model.get_submodule(parent), leaf, new)


def _initialise(model: Any, names: Sequence[str], seed: int) -> None:
    """Draw new layers as BERT does: weights normal with the model's initializer_range, biases zero.

    The loader does not draw them, so that they depend on the seed alone.
    """
    generator = seeds.generator(seed, "head")
    scale = float(getattr(model.config, "initializer_range", 0.02))
    for name in names:
        module = model.get_submodule(name.rpartition(".")[0])
        if not isinstance(module, nn.Linear):
            raise ModelError(
                f"the base model: its checkpoint lacks {name}, which is no linear layer, so it is no base for "
                "classification. Name another model."
            )
        with torch.no_grad():
            if name.endswith(".weight"):
                module.weight.normal_(0.0, scale, generator=generator)
            elif module.bias is not None:
                module.bias.zero_()


def _head_modules(model: Any, missing: Iterable[str]) -> tuple[str, ...]:
    """The modules of the head, as peft saves them (one for several layers), and those missing in the encoder."""
    inside = f"{model.base_model_prefix}."
    outside = {
        name.partition(".")[0]
        for name, module in model.named_modules()
        if name and not f"{name}.".startswith(inside) and any(True for _ in module.parameters(recurse=False))
    }
    return tuple(sorted(outside | {name.rpartition(".")[0] for name in missing if name.startswith(inside)}))
