"""Units of sampling: examples that share a group or a text are one draw from the population, not several."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Units:
    """Which of N examples belong together; G units.

    of_example: (N,) int64, the unit of each example, 0 to count - 1. count: G.
    """

    of_example: npt.NDArray[np.int64]
    count: int

    @classmethod
    def of(cls, numbers: npt.NDArray[np.int64]) -> "Units":
        """Examples with the same number, (N,), are one unit."""
        distinct, of_example = np.unique(numbers, return_inverse=True)
        return cls(np.asarray(of_example, np.int64), len(distinct))

    @classmethod
    def single(cls, examples: int) -> "Units":
        """Every example is a unit of its own."""
        return cls(np.arange(examples, dtype=np.int64), examples)

    def __len__(self) -> int:
        return len(self.of_example)

    @property
    def are_examples(self) -> bool:
        """Whether every example is a unit of its own."""
        return self.count == len(self.of_example)

    def sums(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The sum in each unit, (G,), of values of examples, (N,)."""
        return np.bincount(self.of_example, weights=values, minlength=self.count).astype(np.float64)

    def values(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """A value for each unit, (G,), with the mean of the examples' values, (N,); these if they are the units.

        The standard deviation of the result over sqrt(G) is the cluster-robust standard error of the mean, which is a
        ratio of sums if units differ in size: the value of a unit is m + G/N (sum over its examples of x - m).
        Source: Miller 2024, "Adding error bars to evals", section 2.2; Cochran 1977, "Sampling techniques", 6.3.
        """
        if self.are_examples:
            return values
        mean = float(values.mean())
        return np.asarray(mean + self.count / len(self) * self.sums(values - mean))

    def effective_size(self, values: npt.NDArray[np.float64]) -> float:
        """The number of independent examples, at most N, whose mean would vary as much as that of `values`, (N,).

        It is N over the design effect: the variance of the mean over units, divided by that over independent examples.
        Few events (values other than the most frequent one) cannot show how alike the examples of a unit are. So the
        estimate counts as many times as there are events, and the design effect of units that are wholly alike, N/G,
        counts once.
        Source: Kish 1965, "Survey sampling", 8.2; Rao and Scott 1992, "A simple method for the analysis of clustered
        binary data", which use it as here.
        """
        if self.are_examples or self.count == 1:
            return float(self.count)
        examples = len(self)
        events = examples - int(np.unique(values, return_counts=True)[1].max())
        independent = float(values.var(ddof=1)) / examples
        over_units = float(self.values(values).var(ddof=1)) / self.count
        estimate = over_units / independent if independent > 0 else 0.0
        return examples / max(1.0, (events * estimate + examples / self.count) / (events + 1))
