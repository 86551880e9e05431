"""How logits become answers: a calibrated probability of each class, and a label or none."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from finetooth.tasks import DEFAULT, Outputs, Task

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.05, 20.0
CURVE_POINTS = 101
ABSTENTION_ERROR = 0.05  # highest chance that a threshold chosen for an accuracy has a lower one on new texts


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """The validation rows whose answer has at least the probability `threshold`.

    coverage: their share of all validation rows. risk: the share of them that is wrong.
    """

    coverage: float
    risk: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Abstention:
    """No answer is given if the probability of the label is below `below`.

    target, share: what the recipe asks for. coverage: share of the validation rows that are answered.
    accuracy_answered: the accuracy on these, None if none is answered. curve: at most CURVE_POINTS points, by coverage.
    Source: El-Yaniv & Wiener 2010, "On the Foundations of Noise-free Selective Classification" (coverage and risk).
    """

    target: Literal["coverage", "accuracy"]
    share: float
    below: float
    coverage: float
    accuracy_answered: float | None
    curve: tuple[RiskPoint, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Loss (nats) and calibration error (0 to 1) of the validation rows before and after the temperature was fitted."""

    loss_before: float
    loss_after: float
    calibration_error_before: float
    calibration_error_after: float


@dataclass(frozen=True, slots=True)
class Decided:
    """The answers to N texts.

    labels: (N,) int64, also of the texts without an answer. probabilities: (N, C) float64, calibrated, each row summing
    to 1. abstained: (N,) bool, whether the text gets no answer.
    """

    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    abstained: npt.NDArray[np.bool_]

    @property
    def answers(self) -> npt.NDArray[np.int64]:
        """(N,) int64: the labels, and -1 for texts without an answer."""
        return np.where(self.abstained, -1, self.labels)


@dataclass(frozen=True, slots=True)
class Decision:
    """How logits become answers; by default the label of the largest logit, always.

    temperature: logits are divided by it. thresholds: one for each class, above 0 and summing to 1; the label has the
    largest ratio of probability to threshold, so of two classes one is answered from its threshold on.
    costs: (class, answer, cost) of each mistake that does not cost 1; the label has the least expected cost.
    Without thresholds and costs the label is the answer of `task`.
    validation: the effect of the temperature; None if the decision was not fitted.
    Source: Guo et al. 2017, arXiv 1706.04599, equation 9; Elkan 2001, "The Foundations of Cost-Sensitive Learning",
    equation 1.
    """

    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None
    costs: tuple[tuple[int, int, float], ...] = ()
    abstention: Abstention | None = None
    validation: Calibration | None = None
    task: Task = DEFAULT

    def probabilities(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Calibrated probabilities (N, C) float64 of logits (N, C)."""
        assert self.task.probabilities is not None, f"{self.task.name} has no probabilities"
        return self.task.probabilities(logits, self.temperature)

    def labels(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """The label (N,) int64 of each row of logits (N, C), also if it gets no answer; of equals the lowest class.

        Raises: DivergedError if a logit is not finite.
        """
        plain = self.task.answers(logits)
        if self.thresholds is not None:
            # The logarithm of probability over threshold, except for a constant of each row.
            scores = logits.astype(np.float64) / self.temperature - np.log(self.thresholds)
            return np.asarray(scores.argmax(axis=1), np.int64)
        if self.costs:
            shares = self.probabilities(logits)
            # The expected cost of a label is 1 - gain, since the mistakes that are not listed cost 1.
            gains = shares.copy()
            for true, answer, cost in self.costs:
                gains[:, answer] -= shares[:, true] * (cost - 1.0)
            return np.asarray(gains.argmax(axis=1), np.int64)
        return plain  # computed without the temperature, whose rounding could change it

    def confidences(self, logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The probability (N,) of each label in `labels` (N,) by logits (N, C)."""
        losses = self.task.metric("loss").each(Outputs(logits, labels, self.temperature), labels)
        return np.asarray(np.exp(-losses))

    def score(self, logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> dict[str, Any]:
        """Every metric of the answers to logits (N, C) against labels (N,), also of rows that get no answer.

        If the decision may abstain, also coverage, the share of rows that are answered, and accuracy_answered, the
        accuracy on these (None if no row is).
        Raises: DivergedError if a logit is not finite.
        """
        figures = self.task.score(logits, labels, answers=self.labels(logits), temperature=self.temperature)
        if self.abstention is None:
            return figures
        decided = self.apply(logits)
        answered = ~decided.abstained
        right = float((decided.labels == labels)[answered].mean()) if answered.any() else None
        return figures | {"coverage": float(answered.mean()), "accuracy_answered": right}

    def outputs(self, logits: npt.NDArray[np.float32]) -> Outputs:
        """Logits (N, C) and the answers to them, as metrics take them.

        Raises: DivergedError if a logit is not finite.
        """
        return Outputs(logits, self.labels(logits), self.temperature)

    def apply(self, logits: npt.NDArray[np.float32]) -> Decided:
        """The answers to logits (N, C) float32.

        Raises: DivergedError if a logit is not finite.
        """
        labels, shares = self.labels(logits), self.probabilities(logits)
        below = 0.0 if self.abstention is None else self.abstention.below
        return Decided(labels, shares, confidence(shares, labels) < below)

    @property
    def warnings(self) -> list[str]:
        """What readers of the row should know."""
        if self.abstention is None or self.abstention.coverage > 0:
            return []
        share = self.abstention.share
        return [
            f"the validation rows show an accuracy of {share:g} at no threshold (that takes at least "
            f"{least_answered(share):,} answered rows), so it answers nothing: lower decision.abstain.accuracy, or use "
            "more validation rows"
        ]


def least_answered(accuracy: float) -> int:
    """The fewest rows, all right, that show this accuracy (above 0, below 1) with ABSTENTION_ERROR; 59 for 0.95."""
    return math.ceil(math.log(ABSTENTION_ERROR) / math.log(accuracy))


def confidence(probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The probability of each label: probabilities (N, C), labels (N,), result (N,)."""
    return np.asarray(probabilities[np.arange(len(probabilities)), labels])
