"""Tensors from a safetensors file, which are checked against those of the model that takes them."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from finetooth.errors import ModelError


def read(file: Path, *, owner: str) -> dict[str, torch.Tensor]:
    """The tensors in `file` by name, in memory: a mapped file that is cut short would kill the process.

    owner: what they belong to, for messages. Raises: ModelError if the file is missing or cannot be read.
    """
    if not file.exists():
        raise ModelError(f"{owner}: {file.name} is missing.")
    try:
        return dict(load(file.read_bytes()))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{owner}: {file.name} is damaged ({error}).") from error


def check(saved: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor], *, owner: str) -> None:
    """Check that saved tensors have the names and the shapes of a model's own, and finite values.

    Raises: ModelError naming the first that is missing, not expected, of another shape or not finite.
    """
    missing, unexpected = sorted(own.keys() - saved.keys()), sorted(saved.keys() - own.keys())
    for names, problem in ((missing, "missing"), (unexpected, "not expected by the model")):
        if names:
            count = "1 tensor is" if len(names) == 1 else f"{len(names):,} tensors are"
            raise ModelError(f"{owner}: {count} {problem}, first {names[0]!r}; nothing was loaded.")
    for name, tensor in saved.items():
        if tensor.shape != own[name].shape:
            raise ModelError(
                f"{owner}: tensor {name!r} has shape {tuple(tensor.shape)}, the model needs {tuple(own[name].shape)}; "
                "it was made for another base, rank or number of labels."
            )
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{owner}: tensor {name!r} holds a value that is not finite.")


def restore(file: Path, own: Mapping[str, torch.Tensor], *, owner: str) -> None:
    """Give a model's own tensors the values of those in `file`. Raises: ModelError, as read and check."""
    saved = read(file, owner=owner)
    check(saved, own, owner=owner)
    for name, tensor in saved.items():
        own[name].copy_(tensor)
