"""Whether two rows that were measured on the same examples differ."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetooth.evaluation.intervals import quantile, score_interval
from finetooth.evaluation.units import Units
from finetooth.tasks import PairedTest

_WHOLE = 50_000  # discordant examples up to which p is summed in whole numbers: beyond, one such sum takes seconds

# Of each example; higher is better. Right or wrong, as bool, counts as 1 and 0.
Scores = npt.NDArray[np.float64] | npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Paired:
    """Two rows on the same N examples in G units of sampling.

    difference: mean score of a minus that of b. only_a, only_b: examples on which a, or b, has the higher score.
    p: two-sided, by `test`. deviation: standard deviation of the units' differences (divided by G - 1).
    effective: the number of independent examples that would show as much (Units.effective_size); N if each example is a
    unit.
    """

    examples: int
    difference: float
    only_a: int
    only_b: int
    p: float
    deviation: float
    test: PairedTest
    units: int
    effective: float

    @property
    def differing(self) -> int:
        """The number of examples on which the two rows have different scores."""
        return self.only_a + self.only_b

    def interval(self, *, level: float = 0.95) -> tuple[float, float]:
        """The interval of the difference: Tango's score interval for `mcnemar`, or Student's t.

        If there are fewer units than examples, the score interval is that of the effective number of examples, with
        Student's t instead of the normal quantile. Student's t has infinite ends if all examples differ by the same or
        are one unit: nothing shows how much the difference varies.
        """
        if self.test == "mcnemar":
            share = self.effective / self.examples
            freedom = None if self.units == self.examples else self.units - 1
            counts = (self.only_a * share, self.only_b * share, self.effective)
            return score_interval(*counts, level=level, freedom=freedom)
        if self.units == 1 or self.deviation == 0:
            return -math.inf, math.inf
        reach = quantile(level, self.units - 1) * self.deviation / math.sqrt(self.units)
        return self.difference - reach, self.difference + reach


def paired(scores_a: Scores, scores_b: Scores, *, test: PairedTest = "mcnemar", units: Units | None = None) -> Paired:
    """The difference of two rows with its two-sided p, 1.0 if the difference is 0.

    scores_a, scores_b: (N,) scores of the same examples, higher is better. units: of sampling; by default every example
    is one.
    test: `mcnemar`, for scores of 0 and 1: the mid-p of sign flips, which is McNemar's test if every example is a unit;
    `paired_t`, for other scores: Student's t of the units' differences.
    Source: Fagerland, Lydersen and Laake 2013, "The McNemar test for binary matched-pairs data: mid-p and asymptotic
    are better than exact conditional".
    """
    assert scores_a.shape == scores_b.shape and scores_a.ndim == 1 and len(scores_a) > 0
    a, b, examples = np.asarray(scores_a, np.float64), np.asarray(scores_b, np.float64), len(scores_a)
    units = Units.single(examples) if units is None else units
    gaps = a - b
    only_a, only_b = int((gaps > 0).sum()), int((gaps < 0).sum())
    deviation = float(units.values(gaps).std(ddof=1)) if units.count > 1 else 0.0
    if test == "mcnemar":
        assert all(((scores == 0) | (scores == 1)).all() for scores in (a, b)), "McNemar's test needs scores of 0 and 1"
        difference, p = (only_a - only_b) / examples, sign_flip_p(np.rint(units.sums(gaps)).astype(np.int64))
    else:
        difference = float(gaps.sum()) / examples
        p = _student_p(difference, deviation, units.count)
    return Paired(examples, difference, only_a, only_b, p, deviation, test, units.count, units.effective_size(gaps))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values adjusted for being one family, in the given order; each at least what it was, at most 1.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = highest
    return adjusted


def sign_flip_p(sums: npt.NDArray[np.int64]) -> float:
    """The two-sided mid-p of the sum of whole numbers, (G,), if each has either sign with equal chance.

    The chance of a sum farther from 0, plus half that of one equally far; 1.0 if the sum is 0. Exact: the distribution
    is a convolution of binomial ones, one for each size of number. With ones alone, it is McNemar's mid-p.
    """
    sizes, observed = np.abs(sums[sums != 0]), abs(int(sums.sum()))
    if observed == 0:
        return 1.0
    total = int(sizes.sum())
    against = (total - observed) // 2  # the sum of the sizes that have the rarer sign
    if (sizes == 1).all():
        return _binomial_mid_p(against, total - against)
    chances = np.ones(1)  # of each sum 0, 1, ... of the sizes that have one sign; those above `against` are not needed
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        before, chances = chances, np.zeros(min(against, len(chances) - 1 + int(size * count)) + 1)
        steps = np.arange(min(int(count), against // int(size)) + 1)
        for step, chance in zip(steps.tolist(), np.exp(_log_binomial(int(count), steps)).tolist(), strict=True):
            shifted = chances[step * int(size) :][: len(before)]
            shifted += chance * before[: len(shifted)]
    at = float(chances[against]) if len(chances) > against else 0.0
    return min(1.0, 2 * float(chances[:against].sum()) + at)


def _log_binomial(trials: int, successes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The logarithm of P(X = successes) for X ~ Binomial(trials, 1/2)."""
    from scipy.special import gammaln  # a third of a second to load

    ways = gammaln(trials + 1) - gammaln(successes + 1) - gammaln(trials - successes + 1)
    return np.asarray(ways - trials * math.log(2))


def _binomial_mid_p(fewer: int, more: int) -> float:
    """2 P(X < fewer) + P(X = fewer) for X ~ Binomial(fewer + more, 1/2), with fewer < more.

    In whole numbers up to _WHOLE, so right to the last bit; above, by the incomplete beta function.
    """
    trials = fewer + more
    if trials > _WHOLE:
        from scipy.special import bdtr  # a third of a second to load, and hardly ever needed

        return float(bdtr(fewer, trials, 0.5)) + (float(bdtr(fewer - 1, trials, 0.5)) if fewer else 0.0)
    term, below = 1, 0
    for k in range(fewer):
        below += term
        term = term * (trials - k) // (k + 1)
    return (2 * below + term) / (1 << trials)


def _student_p(difference: float, deviation: float, count: int) -> float:
    """Two-sided p of the mean of `count` differences; 1.0 if all are the same: nothing shows how much they vary."""
    if count == 1 or deviation == 0:
        return 1.0
    from scipy.special import stdtr  # a third of a second to load

    return 2 * float(stdtr(count - 1, -abs(difference) * math.sqrt(count) / deviation))
