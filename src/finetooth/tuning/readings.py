"""Loss and gradient norm of the steps, kept where they were computed until they are read: reading waits for a GPU."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from finetooth.errors import DivergedError
from finetooth.model.batching import Rows

_NAMED = 8  # rows of a step that an error names


@dataclass(frozen=True, slots=True)
class Reading:
    """What a step told, before it was taken.

    rows: its batch. losses: summed cross-entropy. scores: summed score by the headline metric. norm: of the gradient,
    before it was clipped.
    """

    step: int
    rows: Rows
    losses: float
    scores: float
    norm: float

    def refuse(self, ids: Sequence[str]) -> None:
        """Nothing, if both are finite; ids: names of all rows.

        Raises: DivergedError naming the step and its rows.
        """
        if math.isfinite(self.norm) and math.isfinite(self.losses):
            return
        what = "loss" if not math.isfinite(self.losses) else "gradient"
        named = ", ".join(ids[row] for row in self.rows[:_NAMED])
        raise DivergedError(
            f"the {what} of step {self.step} is not finite (rows {named}"
            f"{', ...' if len(self.rows) > _NAMED else ''}); try a lower training.learning_rate."
        )


class Readings:
    """The steps that were not read yet.

    halted: () float32, 1 from the first step on whose loss or gradient was not finite, else 0. Given to AdamW as
    `found_inf`, it keeps that step and those after it from changing anything, though nobody has looked yet.
    """

    def __init__(self, device: torch.device) -> None:
        self.halted = torch.zeros((), device=device)
        self._waiting: list[tuple[int, Rows, torch.Tensor]] = []

    def add(self, step: int, rows: Rows, *, sums: torch.Tensor, norm: torch.Tensor) -> None:
        """Keep what step number `step` told: sums (2,) float64, of losses and of scores; norm () float32."""
        told = torch.cat([sums, norm.double()[None]])
        self.halted = torch.maximum(self.halted, 1.0 - torch.isfinite(told).all().float())
        self._waiting.append((step, rows, told))

    def take(self) -> list[Reading]:
        """All that were not taken yet, in order."""
        if not self._waiting:
            return []
        told = torch.stack([values for *_, values in self._waiting]).tolist()
        found = [Reading(step, rows, *values) for (step, rows, _), values in zip(self._waiting, told, strict=True)]
        self._waiting.clear()
        return found
