"""How far a measured share, or the mean of scores, may lie from the true one."""

import math
from statistics import NormalDist

from finetooth.tasks import Metric, Scores


def metric_interval(metric: Metric, scores: Scores, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of a metric from the score of each example, (N,): Wilson's for 0 and 1, else Student's t.

    Within the bounds of the metric; of one example, whose score may be any number, the bounds themselves.
    """
    if metric.paired_test == "mcnemar":
        return wilson(int(scores.sum()), len(scores), level)
    low, high = metric.bounds
    if len(scores) == 1:
        return low, high
    from scipy.special import stdtrit  # a third of a second to load

    reach = float(stdtrit(len(scores) - 1, (1 + level) / 2) * scores.std(ddof=1)) / math.sqrt(len(scores))
    mean = float(scores.mean())
    return max(low, mean - reach), min(high, mean + reach)


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
