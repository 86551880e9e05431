"""What every baseline can do, and what every saved one has in common."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from finetooth.errors import VerificationError
from finetooth.files import damage, read_json

SETTINGS = "baseline.json"
WEIGHTS = "baseline.safetensors"


class FittedBaseline(Protocol):
    """A fitted baseline that reads texts."""

    @property
    def warnings(self) -> list[str]:
        """What its row of the table warns of."""

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> npt.NDArray[np.float32]:
        """Log-probabilities (N, C) float32 of each text, all finite."""

    def save(self, folder: Path) -> None:
        """Make `folder`, whole and with its manifest.

        Raises: RunError if it exists already.
        """


def read_kind(folder: Path, among: Sequence[str]) -> str:
    """The kind of the baseline saved at `folder`, one of `among`, after checking the folder against its manifest.

    Raises: VerificationError if the folder is not whole, or is not such a baseline.
    """
    wrong = damage(folder)
    if wrong is not None:
        raise VerificationError(f"{folder}: {wrong}. Delete the folder and run the same command again.")
    settings = read_json(folder / SETTINGS) if (folder / SETTINGS).is_file() else None
    kind = settings.get("kind") if isinstance(settings, dict) else None
    if kind not in among:
        raise VerificationError(f"{folder}: not a saved baseline ({', '.join(among)}).")
    return str(kind)


def shares(labels: npt.NDArray[np.int64], *, classes: int) -> npt.NDArray[np.float64]:
    """The share of each class, (C,) float64, smoothed by one example each so that none is zero."""
    counts = np.bincount(labels, minlength=classes)
    assert len(counts) == classes, "a label is not below the number of classes"
    return np.asarray((counts + 1.0) / (len(labels) + classes))
