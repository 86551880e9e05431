"""How far a measured share may lie from the true one."""

import math
from statistics import NormalDist


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
