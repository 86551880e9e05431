"""The most frequent class for every text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as load_tensors

from finetooth import row_kinds
from finetooth.baselines import fitted
from finetooth.data import Examples


@dataclass(frozen=True, slots=True)
class Majority:
    """Gives every text the shares of the classes in train; log_shares: (C,) float32."""

    KIND: ClassVar[str] = row_kinds.MAJORITY.name

    log_shares: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, train: Examples, *, classes: int) -> "Majority":
        """The shares of the classes in `train`, smoothed by one example each; of equal shares the lowest class wins."""
        return cls(np.log(fitted.shares(train.labels, classes=classes)).astype(np.float32))

    @classmethod
    def load(cls, folder: Path) -> "Majority":
        """The baseline saved at `folder`, which was checked before."""
        return cls(load_tensors((folder / fitted.WEIGHTS).read_bytes())["log_shares"])

    @property
    def settings_tried(self) -> int:
        """One: nothing is chosen."""
        return 1

    @property
    def warnings(self) -> list[str]:
        """None: shares can always be counted."""
        return []

    def save(self, folder: Path) -> None:
        """Make `folder`. Raises: RunError if it exists."""
        fitted.save(folder, {"kind": self.KIND}, tensors={"log_shares": self.log_shares})

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> npt.NDArray[np.float32]:
        """The same log-probabilities for each text: (N, C) float32."""
        return np.tile(self.log_shares, (len(texts), 1))
