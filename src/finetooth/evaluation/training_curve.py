"""Points of the training curve and of the learning curve, without numpy, which `show --json` does not load."""

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


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """A baseline fitted on `train_rows` of the training rows. validation_accuracy: of the headline metric."""

    train_rows: int
    validation_accuracy: float
