"""Several adapters of one base in one process, each by its name; the base is in memory once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from finetooth.errors import ModelError, did_you_mean
from finetooth.models import artifact
from finetooth.models.text_model import TextModel


class SharedBase:
    """The adapters loaded on one base. Each computes the bits that it computes alone.

    Every adapter is loaded and verified by itself; then its matrices that equal those of the base are replaced by the
    base's. Vectors (biases, norms) are its own, since an adapter may have trained them.
    Not covered: a packed engine keeps the weights of its layers with the adapter folded in, so that of the base it
    shares the embeddings alone.

    base_folder: the staged folder of the base.
    """

    def __init__(self, base_folder: Path) -> None:
        self._base_folder = base_folder
        self._matrices: dict[str, torch.Tensor] = {}
        self._models: dict[str, TextModel] = {}

    def load(self, folder: Path, *, name: str) -> TextModel:
        """The adapter in `folder`, known by `name` from now on.

        Raises: ModelError as artifact.load does, for a name that is used already, and for a model without an adapter.
        """
        if name in self._models:
            raise ModelError(f"{name}: an adapter of this name is loaded already. Give this one another name.")
        trained = artifact.load(folder, base_folder=self._base_folder, name=name)
        if not hasattr(trained.model, "peft_config"):
            raise ModelError(f"{name}: is not an adapter and shares no base. Load it by itself.")
        for key, parameter in _matrices(trained.model):
            shared = self._matrices.setdefault(key, parameter.data)
            if torch.equal(shared, parameter.data):
                parameter.data = shared
        self._models[name] = trained
        return trained

    def __getitem__(self, name: str) -> TextModel:
        """The adapter of that name. Raises: ModelError when none is loaded by it."""
        if name not in self._models:
            raise ModelError(f"{name}: no adapter of this name is loaded.{did_you_mean(name, self._models)}")
        return self._models[name]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the adapters, in the order in which they were loaded."""
        return tuple(self._models)


def _matrices(model: Any) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """The matrices of a peft model that may be the base's, by their names in the base."""
    for name, parameter in model.get_base_model().named_parameters():
        if parameter.ndim > 1 and ".lora_" not in name and ".modules_to_save." not in name:
            yield name.replace(".base_layer.", ".").replace(".original_module.", "."), parameter
