"""The loss that training minimises: the cross-entropy of a batch with weighted classes, micro-batch by micro-batch."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from finetooth.model.batching import Rows
from finetooth.model.varlen import sent

Weights = Literal["balanced"] | Mapping[str, float] | None


class BatchLoss:
    """The loss over training rows of these labels (N,), computed where the device is."""

    def __init__(
        self, labels: npt.NDArray[np.int64], *, classes: tuple[str, ...], weights: Weights, device: torch.device
    ) -> None:
        self.device = device
        self.labels = torch.from_numpy(labels).to(device)
        self.weights = class_weights(labels, classes=classes, asked=weights).to(device)

    def total_weight(self, rows: Rows) -> torch.Tensor:
        """Sum of the weights of a batch's rows, ()."""
        return self.weights[self._labels(rows)].sum()

    def __call__(
        self, logits: torch.Tensor, rows: Rows, *, total_weight: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What a micro-batch's logits (B, C) give: its share of the weighted mean over the batch, and plain sums.

        The share, (), is what is differentiated. The sums, (2,) float64, are its cross-entropy, unweighted, and how
        many of its rows have the likeliest label.
        """
        truth = self._labels(rows)
        each = functional.cross_entropy(logits, truth, reduction="none")
        right = logits.detach().argmax(1) == truth
        sums = torch.stack([each.detach().double().sum(), right.double().sum()])
        return (each * self.weights[truth]).sum() / total_weight, sums

    def _labels(self, rows: Rows) -> torch.Tensor:
        return self.labels[sent(torch.from_numpy(rows), self.device)]


def class_weights(labels: npt.NDArray[np.int64], *, classes: tuple[str, ...], asked: Weights) -> torch.Tensor:
    """Weight of each class in the loss, (C,) float32: ones, N / (C count) when balanced, or as the recipe says."""
    if asked is None:
        return torch.ones(len(classes))
    if asked == "balanced":
        counts = np.bincount(labels, minlength=len(classes))
        return torch.tensor(len(labels) / (len(classes) * np.maximum(counts, 1)), dtype=torch.float32)
    return torch.tensor([asked.get(name, 1.0) for name in classes])
