"""A metric: one figure that judges answers, and how rows are compared by it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]
Targets = npt.NDArray[Any]
Scores = npt.NDArray[np.float64]
Value = TypeVar("Value", float, Scores)

# The paired tests, by name; finetooth.evaluation.significance implements them.
PairedTest = Literal["mcnemar", "paired_t"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of a row of the table for N examples.

    logits: (N, C) float32. answers: one for each example along the first axis, in the form of the task's targets.
    temperature: logits are divided by it before they become probabilities.
    """

    logits: Logits
    answers: Targets
    temperature: float = 1.0

    def __len__(self) -> int:
        return len(self.logits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure of answers against targets.

    key: stable, snake_case, as in files and recipes. title: as it is shown.
    unit: `share` from 0 to 1, shown in percent; `nats`; or `own`, the unit of the labels.
    better: which direction is better. bounds: the lowest and the highest possible value.
    scores: a score for each example, (N,) float64, whose mean is the metric. For a metric that is no mean over examples
    they are the values of its jackknife, whose spread over examples is that of the metric.
    aggregate: such a metric, of all examples at once.
    paired_test: the test of the difference between two rows on the same examples: `mcnemar` for scores of 0 and 1,
    `paired_t` for other scores.
    least_per_stratum: the metric has intervals if each stratum of the targets (Task.strata) has so many examples.
    """

    key: str
    title: str
    unit: Literal["share", "nats", "own"]
    better: Literal["higher", "lower"]
    bounds: tuple[float, float]
    scores: Callable[[Outputs, Targets], Scores]
    aggregate: Callable[[Outputs, Targets], float] | None = None
    paired_test: PairedTest = "paired_t"
    least_per_stratum: int = 0

    @property
    def best(self) -> float:
        """The value of perfect answers."""
        return self.bounds[1] if self.better == "higher" else self.bounds[0]

    @property
    def span(self) -> float:
        """The largest possible difference between two values."""
        return self.bounds[1] - self.bounds[0]

    def each(self, outputs: Outputs, targets: Targets) -> Scores:
        """The score of each example, (N,) float64."""
        return self.scores(outputs, targets)

    def value(self, outputs: Outputs, targets: Targets) -> float:
        """The figure over all examples; a mean is the sum over examples divided by their number."""
        assert len(targets) == len(outputs) > 0, "no examples to score"
        if self.aggregate is not None:
            return self.aggregate(outputs, targets)
        return float(self.scores(outputs, targets).sum()) / len(targets)

    def gain(self, value: Value) -> Value:
        """A value, or scores of examples, with the sign changed if lower is better: a higher gain is always better."""
        return value if self.better == "higher" else -value

    def gains(self, outputs: Outputs, targets: Targets) -> Scores:
        """The gain of each example, (N,) float64."""
        return self.gain(self.each(outputs, targets))
