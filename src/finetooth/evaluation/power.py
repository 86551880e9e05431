"""The statistical power of a test set: which difference it can show, and how many rows show a difference.

discordance: the share of examples on which one of two rows of the table is right and the other wrong. difference: of
their accuracies, 0 to `discordance`. Chances are for two-sided tests at `alpha`, by default ALPHA.
"""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, bdtrik, gammaln, xlog1py, xlogy

from finetooth.evaluation.intervals import score_statistic
from finetooth.evaluation.significance import Paired
from finetooth.evaluation.terms import ALPHA

POWER = 0.80
MOST_ROWS = 100_000_000
_TAIL = 1e-9  # numbers of differing examples are left out if they are less likely than this share of the likeliest
_Z_POWER = NormalDist().inv_cdf(POWER)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def rows_to_show(pair: Paired, *, difference: float, alpha: float = ALPHA) -> int | None:
    """The test rows with which the test of `pair` shows a true difference (above 0) with chance POWER.

    The rows are in units like those of `pair`. None beyond MOST_ROWS. Student's t is approximated by the normal
    distribution.
    """
    if pair.test == "mcnemar":
        discordance = min(1.0, max(_discordance(pair), difference))
        rows = rows_for_difference(difference, discordance=discordance, alpha=alpha)
    else:
        rows = _draws_of_means(difference, deviation=pair.deviation, alpha=alpha)
    return _in_units(rows, pair)


def smallest_shown(pair: Paired, *, alpha: float = ALPHA) -> float | None:
    """The smallest difference that the test of `pair` shows on its examples with chance POWER; None if it shows none.

    The sign flips of G units show none if 2^-G is not below alpha. Student's t is approximated by the normal
    distribution.
    """
    if pair.units < pair.examples and 2.0**-pair.units >= alpha:
        return None
    if pair.test == "mcnemar":
        return smallest_difference(max(1, int(pair.effective)), discordance=_discordance(pair), alpha=alpha)
    if pair.units == 1:
        return None
    return (_z(alpha) + _Z_POWER) * pair.deviation / math.sqrt(pair.units)


def rows_to_show_non_inferiority(pair: Paired, *, margin: float) -> int | None:
    """The test rows that show with chance POWER that one row is worse by `margin` at most, if both are equally good.

    The rows are in units like those of `pair`. None beyond MOST_ROWS. Student's t is approximated by the normal
    distribution.
    """
    if pair.test == "mcnemar":
        return _in_units(rows_for_non_inferiority(margin, discordance=_discordance(pair)), pair)
    return _in_units(_draws_of_means(margin, deviation=pair.deviation, alpha=ALPHA), pair)


def mcnemar_power(n: int, *, discordance: float, difference: float, alpha: float = ALPHA) -> float:
    """The chance that McNemar's mid-p test on `n` examples shows that the better row is better.

    Exact: for each number of differing examples, the chance of the number times the chance that few enough of them
    favour the worse row, added up.
    """
    assert n > 0 and 0 <= difference <= discordance <= 1
    if discordance == 0:
        return 0.0
    differing, chances = _differing(n, discordance)
    against = (discordance - difference) / (2 * discordance)
    few = _most_against(differing, alpha)
    reached = few >= 0
    chance_to_reject = np.where(reached, bdtr(np.maximum(few, 0), differing, against), 0.0)
    return float((chances * chance_to_reject).sum())


def smallest_difference(n: int, *, discordance: float, alpha: float = ALPHA) -> float | None:
    """The smallest difference that McNemar's mid-p shows on `n` examples with chance POWER; None if it shows none."""

    def excess(difference: float) -> float:
        return mcnemar_power(n, discordance=discordance, difference=difference, alpha=alpha) - POWER

    if excess(discordance) < 0:
        return None
    from scipy.optimize import brentq  # half a second to load

    return float(brentq(excess, 0.0, discordance, xtol=1e-9))


def rows_for_difference(difference: float, *, discordance: float, alpha: float = ALPHA) -> int | None:
    """The test rows with which McNemar's mid-p shows `difference` with chance POWER; None beyond MOST_ROWS.

    Above 2,000 rows, the number is accurate to a thousandth.
    """
    assert 0 < difference <= discordance <= 1
    # Miettinen 1968, the normal approximation; the search starts from it.
    spread = _z(alpha) * math.sqrt(discordance) + _Z_POWER * math.sqrt(max(0.0, discordance - difference**2))
    return _fewest(
        lambda n: mcnemar_power(n, discordance=discordance, difference=difference, alpha=alpha),
        alpha=alpha,
        guess=(spread / difference) ** 2,
    )


def non_inferiority_power(n: int, *, discordance: float, margin: float) -> float:
    """The chance that the lower end of the score interval on `n` examples is above -`margin`, if both are equally good.

    The interval is that of intervals.score_interval at level 1 - ALPHA. Exact, as in mcnemar_power.
    """
    assert n > 0 and 0 <= discordance <= 1 and 0 < margin < 1
    differing, chances = _differing(n, discordance)
    fewest = _fewest_in_favour(differing.tolist(), n=n, margin=margin)
    chance_to_show = np.where(fewest <= differing, bdtr(np.maximum(differing - fewest, 0), differing, 0.5), 0.0)
    return float((chances * chance_to_show).sum())


def rows_for_non_inferiority(margin: float, *, discordance: float) -> int | None:
    """The test rows with which non_inferiority_power is POWER; None beyond MOST_ROWS.

    Above 2,000 rows, the number is accurate to a thousandth.
    """
    spread = (_z(ALPHA) + _Z_POWER) ** 2 * discordance / margin**2
    return _fewest(
        lambda n: non_inferiority_power(n, discordance=discordance, margin=margin),
        alpha=ALPHA,
        guess=max(spread, _z(ALPHA) ** 2 * (1 - margin) / margin),
    )


def _discordance(pair: Paired) -> float:
    """The estimated share of examples on which two rows differ; at least their difference, and above 0.

    It is counted as if the pair had two more examples, and the rows differed on one of them.
    """
    return max((pair.only_a + pair.only_b + 1) / (pair.examples + 2), abs(pair.difference))


def _z(alpha: float) -> float:
    """The normal quantile of a two-sided test."""
    return NormalDist().inv_cdf(1 - alpha / 2)


def _in_units(draws: int | None, pair: Paired) -> int | None:
    """The test rows, in units like those of `pair`, that show as much as so many independent draws of its test.

    For `mcnemar` a draw is an independent example, for `paired_t` a unit.
    """
    if draws is None:
        return None
    rows = math.ceil(draws * pair.examples / (pair.effective if pair.test == "mcnemar" else pair.units))
    return rows if rows <= MOST_ROWS else None


def _draws_of_means(difference: float, *, deviation: float, alpha: float) -> int | None:
    """The independent draws that show a mean difference with chance POWER; None beyond MOST_ROWS."""
    draws = max(2, math.ceil(((_z(alpha) + _Z_POWER) * deviation / difference) ** 2))
    return draws if draws <= MOST_ROWS else None


def _fewest(achieved: Callable[[int], float], *, alpha: float, guess: float) -> int | None:
    """A number of rows that achieves POWER, near `guess`; one fewer (above 2,000, a thousandth fewer) does not."""
    rows = max(2, math.ceil(guess))
    if rows > MOST_ROWS:
        return None
    for _ in range(3):  # the missing power, in standard errors, gives the factor by which the rows must grow
        present = min(max(achieved(rows), 0.05), 0.995)
        factor = (_z(alpha) + _Z_POWER) / (_z(alpha) + NormalDist().inv_cdf(present))
        rows = max(2, math.ceil(rows * factor**2))
        if abs(factor - 1) < 0.001:
            break
    low = high = rows
    step = max(1, rows // 1000)
    while achieved(high) < POWER:
        low, high, step = high, high + step, 2 * step
        if high > MOST_ROWS:
            return None
    if low == high:
        while low > 1 and achieved(low) >= POWER:
            high, low, step = low, max(1, low - step), 2 * step
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if achieved(middle) >= POWER else (middle, high)
    return high


def _differing(n: int, discordance: float) -> tuple[Ints, Floats]:
    """The likely numbers of examples, of `n`, that differ, and the chance of each."""
    reach = 6 * math.sqrt(n * discordance * (1 - discordance)) + 40
    low, high = max(0, math.floor(n * discordance - reach)), min(n, math.ceil(n * discordance + reach))
    counts = np.arange(low, high + 1)
    logs = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    chances = np.exp(logs + xlogy(counts, discordance) + xlog1py(n - counts, -discordance))
    are_likely = chances > _TAIL * chances.max()
    return counts[are_likely], chances[are_likely]


def _most_against(differing: Ints, alpha: float) -> Ints:
    """The most examples in favour of the worse row at which the mid-p is at most alpha, by `differing`; -1: never."""
    near = np.nan_to_num(bdtrik(alpha / 2, differing, 0.5), nan=-1.0).astype(np.int64)
    counts, of = near[:, None] + [-1, 0, 1], differing[:, None]  # bdtrik is rounded, so its neighbours are tested too
    mid_p = bdtr(np.clip(counts, 0, of), of, 0.5) + np.where(counts > 0, bdtr(np.clip(counts - 1, 0, of), of, 0.5), 0.0)
    rejects = (counts < 0) | ((mid_p <= alpha) & (2 * counts < of))
    return np.asarray(np.where(rejects, counts, -1).max(axis=1))


def _fewest_in_favour(differing: Sequence[int], *, n: int, margin: float) -> Ints:
    """The fewest examples in favour of a row that show that it is worse by `margin` at most, by `differing`.

    differing: rising by one. With one more example that differs, the number stays or grows by one, because each example
    in favour raises the statistic and each one against lowers it.
    """
    z = _z(ALPHA)

    def shown(in_favour: int, count: int) -> bool:
        return score_statistic(in_favour, count - in_favour, n, difference=-margin) > z

    low, high = -1, differing[0] + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle, differing[0]) else (middle, high)
    fewest = [high]
    for count in differing[1:]:
        high = high if high <= count and shown(high, count) else high + 1
        fewest.append(high)
    return np.asarray(fewest, np.int64)
