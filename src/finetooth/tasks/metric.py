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
    scores: the score of each example, (N,) float64, whose mean is the metric. aggregate: the figure of all examples at
    once, for a metric that is not a mean over examples. Exactly one of the two is set.
    paired_test: the test of the difference between two rows on the same examples: `mcnemar` for scores of 0 and 1,
    `paired_t` for other scores; None: rows are not compared by this metric.
    fast_resampling: the name of a fast way to resample `aggregate`, in finetooth.evaluation.bootstrap; None: the metric
    is computed for each resample.
    """

    key: str
    title: str
    unit: Literal["share", "nats", "own"]
    better: Literal["higher", "lower"]
    bounds: tuple[float, float]
    scores: Callable[[Outputs, Targets], Scores] | None = None
    aggregate: Callable[[Outputs, Targets], float] | None = None
    paired_test: PairedTest | None = None
    fast_resampling: Literal["macro_f1"] | None = None

    def __post_init__(self) -> None:
        assert (self.scores is None) != (self.aggregate is None), f"{self.key}: either scores or aggregate"
        assert self.paired_test is None or self.scores is not None, f"{self.key}: a paired test needs scores"

    @property
    def best(self) -> float:
        """The value of perfect answers."""
        return self.bounds[1] if self.better == "higher" else self.bounds[0]

    @property
    def span(self) -> float:
        """The largest possible difference between two values."""
        return self.bounds[1] - self.bounds[0]

    def each(self, outputs: Outputs, targets: Targets) -> Scores:
        """The score of each example, (N,) float64; not for `aggregate`."""
        assert self.scores is not None, f"{self.key} is no mean over examples"
        return self.scores(outputs, targets)

    def value(self, outputs: Outputs, targets: Targets) -> float:
        """The figure over all examples; a mean is the sum over examples divided by their number."""
        assert len(targets) == len(outputs) > 0, "no examples to score"
        if self.scores is not None:
            return float(self.scores(outputs, targets).sum()) / len(targets)
        assert self.aggregate is not None
        return self.aggregate(outputs, targets)

    def gain(self, value: Value) -> Value:
        """A value, or scores of examples, with the sign changed if lower is better: a higher gain is always better."""
        return value if self.better == "higher" else -value

    def gains(self, outputs: Outputs, targets: Targets) -> Scores:
        """The gain of each example, (N,) float64; not for `aggregate`."""
        return self.gain(self.each(outputs, targets))
