"""A point of the training curve, without numpy, which `show --json` does not load."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One evaluation during training. Losses are means in nats, accuracies 0 to 1.

    epoch: passes over the training rows so far. train_loss, train_accuracy: of the training rows since the previous
    evaluation, each measured before its own step.
    """

    epoch: float
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    train_accuracy: float
