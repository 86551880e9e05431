"""The first seam: what a label is, how scores become answers, and which figures judge them. Numpy only.

A task is a module with the members of Task. single_label is the one there is; several labels per text and scores
(regression) join it here.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from finetooth.tasks.single_label import Labels


class Task(Protocol):
    """What data, training and measuring ask of a task."""

    METRICS: tuple[str, ...]

    def label_name(self, value: object) -> str:
        """The name of one label as a file holds it."""

    def resolve(self, names: Collection[str], *, declared: Sequence[str] | None, least: int = 2) -> Labels:
        """The classes and the number of every name."""

    def decode(self, logits: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
        """The answer for each example."""


__all__ = ["Labels", "Task"]
