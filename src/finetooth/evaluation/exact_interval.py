"""The exact interval of a share, for few examples; apart from intervals, which needs no scipy."""

from scipy.special import betaincinv


def clopper_pearson(successes: int, total: int, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of a share, 0 to 1, that holds it in at least `level` of cases, however few the examples.

    Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits", for the binomial.
    """
    assert 0 <= successes <= total and total > 0 and 0 < level < 1
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, total - successes + 1, tail))
    high = 1.0 if successes == total else float(betaincinv(successes + 1, total - successes, 1 - tail))
    return low, high
