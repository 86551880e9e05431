"""Confidence intervals: of a share, of a mean of scores, and of the difference of two rows on the same examples."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from finetooth.tasks import Metric, Scores

_TOLERANCE = 1e-14


def metric_interval(metric: Metric, scores: Scores, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of a metric from the score of each example, (N,): Wilson's for 0 and 1, else Student's t.

    Within the bounds of the metric; of one example, whose score may be any number, the bounds themselves.
    """
    if metric.paired_test == "mcnemar":
        return wilson(int(scores.sum()), len(scores), level)
    low, high = metric.bounds
    if len(scores) == 1:
        return low, high
    mean, reach = float(scores.mean()), student_reach(float(scores.std(ddof=1)), len(scores), level=level)
    return max(low, mean - reach), min(high, mean + reach)


def interval_as_json(interval: Sequence[float]) -> list[float] | None:
    """The two ends, or None if one is infinite: a single score says nothing about a mean without bounds."""
    return list(interval) if all(map(math.isfinite, interval)) else None


def student_reach(deviation: float, count: int, *, level: float) -> float:
    """Half the width of Student's t interval of a mean. deviation: of `count` values (divided by count - 1)."""
    from scipy.special import stdtrit  # a third of a second to load

    return float(stdtrit(count - 1, (1 + level) / 2)) * deviation / math.sqrt(count)


def wilson(correct: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of `correct` out of `n` at `level`, as shares 0 to 1.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference", without
    continuity correction.
    """
    assert 0 <= correct <= n and n > 0 and 0 < level < 1
    z = NormalDist().inv_cdf((1 + level) / 2)
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


def score_interval(only_a: int, only_b: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """The paired score interval of accuracy of a minus accuracy of b at `level`, -1 to 1.

    only_a, only_b: examples of `n` that only a, or only b, has right. The limits are the differences at which the
    score statistic is the normal quantile; there is one on each side of the measured difference.
    Not covered: near either end of -1 to 1, or with very few differing examples, coverage is approximate.
    Source: Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17, equations 5 to 8.
    """
    assert only_a >= 0 and only_b >= 0 and n > 0 and only_a + only_b <= n and 0 < level < 1
    z = NormalDist().inv_cdf((1 + level) / 2)
    # The upper limit is the lower one with the two rows exchanged: so the interval turns with its sign, bit by bit.
    return _lower(only_a, only_b, n, z), -_lower(only_b, only_a, n, z)


def score_statistic(only_a: int, only_b: int, n: int, *, difference: float) -> float:
    """By how many standard errors the measured difference exceeds `difference`, if that were the true one.

    The standard error is that of the likeliest shares among those with this difference. -1 < difference < 1.
    Source: Tango 1998, equation 5.
    """
    excess = only_a - only_b - n * difference
    spread = _variance(only_a, only_b, n, difference)
    if spread <= 0:
        return 0.0 if excess == 0 else math.copysign(math.inf, excess)
    return excess / math.sqrt(n * spread)


def _lower(only_a: int, only_b: int, n: int, z: float) -> float:
    measured = (only_a - only_b) / n
    if only_b == n:
        return -1.0
    # If only a is right on all n examples, or no example differs, the variance at the measured difference is 0. That
    # root of `beyond` is not the limit. At a smaller difference d, the statistic is sqrt(n (1 - d) / (1 + d)) in the
    # first case and sqrt(-n d / (1 + d)) in the second, and the limit is the d at which it equals z.
    if only_a == n:
        return (n - z * z) / (n + z * z)
    if only_a == only_b == 0:
        return -z * z / (n + z * z)

    def beyond(difference: float) -> float:
        """Squared distance minus the squared quantile: at most 0 inside the interval, without a division."""
        excess = only_a - only_b - n * difference
        return excess * excess - z * z * n * _variance(only_a, only_b, n, difference)

    from scipy.optimize import brentq  # half a second to load

    return float(brentq(beyond, -1.0, measured, xtol=_TOLERANCE, rtol=4 * math.ulp(1.0)))


def _variance(only_a: int, only_b: int, n: int, difference: float) -> float:
    """Variance of one example's difference at the likeliest shares whose difference this is."""
    return 2 * _share_only_b(only_a, only_b, n, difference) + difference * (1 - difference)


def _share_only_b(only_a: int, only_b: int, n: int, difference: float) -> float:
    """The likeliest share of examples that only b has right, given the difference: the larger root of a quadratic."""
    linear = (2 * n - only_a + only_b) * difference - only_a - only_b
    constant = -only_b * difference * (1 - difference)
    inner = math.sqrt(max(0.0, linear * linear - 8 * n * constant))
    # The root can be written in two ways. Use the one that does not subtract two nearly equal numbers.
    if linear > 0:
        return -2 * constant / (linear + inner)
    return (inner - linear) / (4 * n)
