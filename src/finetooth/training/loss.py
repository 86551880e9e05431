"""The loss that training minimises, by its name in a task; for a batch, it is computed micro-batch by micro-batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from finetooth.models.batching import Rows
from finetooth.models.varlen import sent
from finetooth.tasks import Targets

Weights = Literal["balanced"] | Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss by example; B examples, C outputs of the model.

    each: from logits (B, C) and their targets to the loss of each example, (B,).
    scores: from logits and targets to the score of each example by the task's headline metric, (B,), for the task's own
    answers.
    weights: from all targets (N,), the classes and the recipe's setting to the weight of each target, (N,) float32.
    """

    each: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    scores: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    weights: Callable[[Targets, tuple[str, ...], Weights], torch.Tensor]


class BatchLoss:
    """The loss over training rows with these targets, by its name in LOSSES, computed on the device."""

    def __init__(
        self, name: str, targets: Targets, *, classes: tuple[str, ...], weights: Weights, device: torch.device
    ) -> None:
        self.device, self.loss = device, LOSSES[name]
        self.targets = torch.from_numpy(targets).to(device)
        self.weights = self.loss.weights(targets, classes, weights).to(device)

    def total_weight(self, rows: Rows) -> torch.Tensor:
        """Sum of the weights of a batch's rows, ()."""
        return self.weights[self._indices(rows)].sum()

    def __call__(
        self, logits: torch.Tensor, rows: Rows, *, total_weight: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """From a micro-batch's logits (B, C), its share of the weighted mean over the batch, and plain sums.

        The share, (), is differentiated. The sums, (2,) float64, are of the unweighted losses and of the scores by the
        headline metric.
        """
        indices = self._indices(rows)
        truth = self.targets[indices]
        each = self.loss.each(logits, truth)
        scores = self.loss.scores(logits.detach(), truth)
        sums = torch.stack([each.detach().double().sum(), scores.double().sum()])
        return (each * self.weights[indices]).sum() / total_weight, sums

    def _indices(self, rows: Rows) -> torch.Tensor:
        return sent(torch.from_numpy(rows), self.device)


def class_weights(labels: npt.NDArray[np.int64], *, classes: tuple[str, ...], setting: Weights) -> torch.Tensor:
    """Weight of each class in the loss, (C,) float32: 1, or N / (C count) if balanced, or that of the recipe."""
    if setting is None:
        return torch.ones(len(classes))
    if setting == "balanced":
        counts = np.bincount(labels, minlength=len(classes))
        return torch.tensor(len(labels) / (len(classes) * np.maximum(counts, 1)), dtype=torch.float32)
    return torch.tensor([setting.get(name, 1.0) for name in classes])


LOSSES: Mapping[str, Loss] = {
    "cross_entropy": Loss(
        each=partial(functional.cross_entropy, reduction="none"),
        scores=lambda logits, truth: logits.argmax(1) == truth,
        weights=lambda targets, classes, setting: class_weights(targets, classes=classes, setting=setting)[
            torch.from_numpy(targets)
        ],
    )
}
