"""Confidence intervals: of a figure, and of the difference of two rows on the same examples."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from finetooth.evaluation.units import Units
from finetooth.tasks import Metric, Scores

_TOLERANCE = 1e-14
_ROUNDING = 1e-12


def metric_interval(
    metric: Metric, scores: Scores, *, units: Units | None = None, level: float = 0.95
) -> tuple[float, float]:
    """The interval of a metric from Metric.each of its N examples.

    units: the units of sampling; by default every example is one.
    Shares of right answers have Wilson's interval. Another metric with bounds has it too, with the effective number of
    examples, at which a share would vary as much as the metric does over units, and with Student's t. A metric without
    an upper bound has Student's interval of its logarithm (delta method). If all scores of such a metric are equal, the
    upper end is infinite.
    Source: Dean and Pagano 2015, "Evaluating confidence interval methods for binomial proportions in clustered
    surveys".
    """
    units = Units.single(len(scores)) if units is None else units
    low, high = metric.bounds
    if metric.paired_test == "mcnemar" and units.are_examples:
        return wilson(int(scores.sum()), len(scores), level)
    if units.count == 1:
        return low, high
    mean = float(scores.mean())
    if metric.paired_test == "mcnemar":
        size = units.effective_size(scores)
        return wilson(mean * size, size, level, freedom=units.count - 1)
    error = float(units.values(scores).std(ddof=1)) / math.sqrt(units.count)
    if math.isfinite(metric.span):
        share = min(1.0, max(0.0, (mean - low) / metric.span))
        size = float(units.count)  # the most cautious number, if the scores do not vary
        if 0 < share < 1 and error > 0:
            size = min(float(len(scores)), share * (1 - share) * (metric.span / error) ** 2)
        ends = wilson(share * size, size, level, freedom=units.count - 1)
        return low + metric.span * ends[0], low + metric.span * ends[1]
    if error == 0:
        return low, high
    reach = quantile(level, units.count - 1) * error
    if low == 0:
        return mean * math.exp(-reach / mean), mean * math.exp(reach / mean)
    return max(low, mean - reach), min(high, mean + reach)


def interval_as_json(interval: Sequence[float]) -> list[float] | None:
    """The two ends, or None if one is infinite: a single score says nothing about a mean without bounds."""
    return list(interval) if all(map(math.isfinite, interval)) else None


def quantile(level: float, freedom: int | None = None) -> float:
    """The two-sided quantile at `level` of Student's t, or of the normal distribution if `freedom` is None."""
    if freedom is None:
        return NormalDist().inv_cdf((1 + level) / 2)
    from scipy.special import stdtrit  # a third of a second to load

    return float(stdtrit(freedom, (1 + level) / 2))


def wilson(correct: float, n: float, level: float = 0.95, *, freedom: int | None = None) -> tuple[float, float]:
    """The Wilson score interval of `correct` out of `n` at `level`, as shares 0 to 1.

    n: the examples, or their effective number. freedom: as in quantile; with 0, the interval is 0 to 1.
    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference", without
    continuity correction.
    """
    assert 0 <= correct <= n and n > 0 and 0 < level < 1
    if freedom == 0:
        return 0.0, 1.0
    z = quantile(level, freedom)
    share = correct / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At the ends the formula gives 0 and 1 exactly on paper; rounding would leave 1e-17 of it.
    low = 0.0 if correct == 0 else max(0.0, (centre - spread) / scale)
    high = 1.0 if correct == n else min(1.0, (centre + spread) / scale)
    return low, high


def clopper_pearson(successes: int, total: int, *, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share, 0 to 1: it holds the share in at least `level` of cases, also with few examples.

    Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits", for the binomial.
    """
    from scipy.special import betaincinv  # a third of a second to load

    assert 0 <= successes <= total and total > 0 and 0 < level < 1
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, total - successes + 1, tail))
    high = 1.0 if successes == total else float(betaincinv(successes + 1, total - successes, 1 - tail))
    return low, high


def score_interval(
    only_a: float, only_b: float, n: float, *, level: float = 0.95, freedom: int | None = None
) -> tuple[float, float]:
    """The paired score interval of accuracy of a minus accuracy of b at `level`, -1 to 1.

    only_a, only_b: examples of `n` that only a, or only b, has right; for examples in units, all three are multiplied
    by the effective share of examples (Units.effective_size over N). freedom: as in quantile; with 0, the interval is
    -1 to 1. The limits are the differences at which the score statistic is the quantile; there is one on each side of
    the measured difference.
    Not covered: near either end of -1 to 1, or with very few differing examples, coverage is approximate.
    Source: Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17, equations 5 to 8.
    """
    assert only_a >= 0 and only_b >= 0 and n > 0 and only_a + only_b <= n * (1 + _ROUNDING) and 0 < level < 1
    if freedom == 0:
        return -1.0, 1.0
    z = quantile(level, freedom)
    # The upper limit is the lower one with the two rows exchanged: so the interval turns with its sign, bit by bit.
    return _lower(only_a, only_b, n, z), -_lower(only_b, only_a, n, z)


def score_statistic(only_a: float, only_b: float, n: float, *, difference: float) -> float:
    """By how many standard errors the measured difference exceeds `difference`, if that were the true one.

    The standard error is that of the likeliest shares among those with this difference. -1 < difference < 1.
    Source: Tango 1998, equation 5.
    """
    excess = only_a - only_b - n * difference
    spread = _variance(only_a, only_b, n, difference)
    if spread <= 0:
        return 0.0 if excess == 0 else math.copysign(math.inf, excess)
    return excess / math.sqrt(n * spread)


def _lower(only_a: float, only_b: float, n: float, z: float) -> float:
    measured = (only_a - only_b) / n
    if only_b >= n * (1 - _ROUNDING):
        return -1.0
    # If only a is right on all n examples, or no example differs, the variance at the measured difference is 0. That
    # root of `beyond` is not the limit. At a smaller difference d, the statistic is sqrt(n (1 - d) / (1 + d)) in the
    # first case and sqrt(-n d / (1 + d)) in the second, and the limit is the d at which it equals z.
    if only_a >= n * (1 - _ROUNDING):
        return (n - z * z) / (n + z * z)
    if only_a == only_b == 0:
        return -z * z / (n + z * z)

    def beyond(difference: float) -> float:
        """Squared distance minus the squared quantile: at most 0 inside the interval, without a division."""
        excess = only_a - only_b - n * difference
        return excess * excess - z * z * n * _variance(only_a, only_b, n, difference)

    from scipy.optimize import brentq  # half a second to load

    return float(brentq(beyond, -1.0, measured, xtol=_TOLERANCE, rtol=4 * math.ulp(1.0)))


def _variance(only_a: float, only_b: float, n: float, difference: float) -> float:
    """Variance of one example's difference at the likeliest shares whose difference this is."""
    return 2 * _share_only_b(only_a, only_b, n, difference) + difference * (1 - difference)


def _share_only_b(only_a: float, only_b: float, n: float, difference: float) -> float:
    """The likeliest share of examples that only b has right, given the difference: the larger root of a quadratic."""
    linear = (2 * n - only_a + only_b) * difference - only_a - only_b
    constant = -only_b * difference * (1 - difference)
    inner = math.sqrt(max(0.0, linear * linear - 8 * n * constant))
    # The root can be written in two ways. Use the one that does not subtract two nearly equal numbers.
    if linear > 0:
        return -2 * constant / (linear + inner)
    return (inner - linear) / (4 * n)
