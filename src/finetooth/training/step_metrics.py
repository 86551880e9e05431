"""Loss, score and gradient norm of training steps. They stay on the device until they are read, which waits for it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from finetooth.errors import DivergedError
from finetooth.models.batching import Rows

_NAMED = 8  # the most rows of a step that an error names


@dataclass(frozen=True, slots=True)
class OneStep:
    """The metrics of one step before its update.

    rows: its batch. losses: summed losses. scores: summed scores by the headline metric. norm: of the gradient,
    before it was clipped.
    """

    step: int
    rows: Rows
    losses: float
    scores: float
    norm: float

    def check_finite(self, ids: Sequence[str], *, remedy: str) -> None:
        """Check that loss and gradient are finite. ids: names of all rows. remedy: the end of the message.

        Raises: DivergedError naming the step and its rows.
        """
        if math.isfinite(self.norm) and math.isfinite(self.losses):
            return
        what = "loss" if not math.isfinite(self.losses) else "gradient"
        named = ", ".join(ids[row] for row in self.rows[:_NAMED])
        raise DivergedError(
            f"the {what} of step {self.step} is not finite (rows {named}"
            f"{', ...' if len(self.rows) > _NAMED else ''}); {remedy}."
        )


class StepMetrics:
    """The metrics of the steps that were not read yet.

    halted: () float32, 1 from the first step on whose loss or gradient was not finite, else 0. As `found_inf` of AdamW,
    it keeps that step and later ones from changing anything, even before their metrics are read.
    """

    def __init__(self, device: torch.device) -> None:
        self.halted = torch.zeros((), device=device)
        self._waiting: list[tuple[int, Rows, torch.Tensor]] = []

    def add(self, step: int, rows: Rows, *, sums: torch.Tensor, norm: torch.Tensor) -> None:
        """Keep the metrics of step number `step`: sums (2,) float64, of losses and of scores; norm () float32."""
        metrics = torch.cat([sums, norm.double()[None]])
        self.halted = torch.maximum(self.halted, 1.0 - torch.isfinite(metrics).all().float())
        self._waiting.append((step, rows, metrics))

    def take(self) -> list[OneStep]:
        """The metrics since the last call, in order."""
        if not self._waiting:
            return []
        metrics = torch.stack([values for *_, values in self._waiting]).tolist()
        steps = [OneStep(step, rows, *values) for (step, rows, _), values in zip(self._waiting, metrics, strict=True)]
        self._waiting.clear()
        return steps
