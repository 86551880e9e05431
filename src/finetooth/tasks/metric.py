"""A metric: one figure that judges answers, and what comparing rows by it needs to know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]
Targets = npt.NDArray[Any]
Scores = npt.NDArray[np.float64]

# The paired tests, by name; finetooth.evaluation.significance implements them.
PairedTest = Literal["mcnemar", "paired_t"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a row of the table gives for N examples.

    logits: (N, C) float32. answers: one for each example along the first axis, in the form of the task's targets.
    temperature: what logits are divided by to become probabilities.
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
    better: which direction is better. bounds: the lowest and the highest value that there can be.
    scores: the score of each example, (N,) float64, whose mean is the metric.
    aggregate: the figure of all examples at once, for a metric that is no mean over examples. Exactly one of the two
    is set.
    paired_test: the test of a difference between two rows on the same examples: `mcnemar` for scores of 0 and 1,
    `paired_t` for other scores; None: rows are not compared by a test of this metric.
    fast_resampling: of `aggregate`, the name of a quicker way to resample it, in finetooth.evaluation.bootstrap; None:
    there is none, and the metric of each resample is computed in full.
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
        """The largest difference that there can be between two values."""
        return self.bounds[1] - self.bounds[0]

    def each(self, outputs: Outputs, targets: Targets) -> Scores:
        """The score of each example, (N,) float64; not for `aggregate`."""
        assert self.scores is not None, f"{self.key} is no mean over examples"
        return self.scores(outputs, targets)

    def value(self, outputs: Outputs, targets: Targets) -> float:
        """The figure over all examples; of a mean, the sum over examples divided by examples."""
        assert len(targets) == len(outputs) > 0, "no examples to score"
        if self.scores is not None:
            return float(self.scores(outputs, targets).sum()) / len(targets)
        assert self.aggregate is not None
        return self.aggregate(outputs, targets)

    def gain(self, value: float) -> float:
        """`value` with its sign turned where lower is better, so that of two gains the higher is the better one."""
        return value if self.better == "higher" else -value

    def gains(self, outputs: Outputs, targets: Targets) -> Scores:
        """The score of each example, (N,) float64, with its sign turned where lower is better; not for `aggregate`."""
        return self.oriented(self.each(outputs, targets))

    def oriented(self, scores: Scores) -> Scores:
        """Scores of examples with their sign turned where lower is better."""
        return scores if self.better == "higher" else -scores
