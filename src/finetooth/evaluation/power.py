"""How much a test set of so many rows can show, and how many rows it takes to show so much.

Two rows of the table that differ on a share `discordance` of the examples (one of them right, the other wrong), with
accuracies that differ by `difference`, 0 to `discordance`.
"""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, gammaln, xlog1py, xlogy

from finetooth.evaluation.intervals import score_statistic
from finetooth.evaluation.significance import Paired

ALPHA, POWER = 0.05, 0.80
MOST_ROWS = 100_000_000
_TAIL = 1e-9  # of the number of differing examples, left out at each end

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def rows_to_show(pair: Paired, *, alpha: float = ALPHA) -> int | None:
    """Test rows with which the test of `pair` finds its difference, above 0, with chance POWER, if it is as seen.

    None beyond MOST_ROWS. Of Student's t by the normal approximation.
    """
    if pair.test == "mcnemar":
        discordance = max(_discordance(pair), abs(pair.difference))
        return rows_for_difference(pair.difference, discordance=discordance, alpha=alpha)
    return _rows_of_means(pair.difference, deviation=pair.deviation, alpha=alpha)


def smallest_shown(pair: Paired, *, alpha: float = ALPHA) -> float | None:
    """The smallest difference that the test of `pair` finds on its examples with chance POWER; None if it finds none.

    Of Student's t by the normal approximation.
    """
    if pair.test == "mcnemar":
        discordance = max(_discordance(pair), abs(pair.difference))
        return smallest_difference(pair.examples, discordance=discordance, alpha=alpha)
    return _reach(alpha) * pair.deviation / math.sqrt(pair.examples)


def rows_to_suffice(pair: Paired, *, margin: float) -> int | None:
    """Test rows with which the lower limit is above -`margin` with chance POWER, if both rows are equally good.

    None beyond MOST_ROWS. Of Student's t by the normal approximation.
    """
    if pair.test == "mcnemar":
        return rows_for_sufficiency(margin, discordance=_discordance(pair))
    return _rows_of_means(margin, deviation=pair.deviation, alpha=ALPHA)


def mcnemar_power(n: int, *, discordance: float, difference: float, alpha: float = ALPHA) -> float:
    """Chance that exact McNemar at two-sided `alpha` finds the better row better on `n` examples.

    Exact: the sum over how many examples differ of the chance that few enough of them speak for the worse row.
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


def smallest_difference(n: int, *, discordance: float, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """The smallest difference that exact McNemar finds on `n` examples with chance `power`; None if it finds none."""

    def short(difference: float) -> float:
        return mcnemar_power(n, discordance=discordance, difference=difference, alpha=alpha) - power

    if short(discordance) < 0:
        return None
    from scipy.optimize import brentq  # half a second to load

    return float(brentq(short, 0.0, discordance, xtol=1e-9))


def rows_for_difference(
    difference: float, *, discordance: float, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """Test rows with which exact McNemar finds `difference` with chance `power`; None beyond MOST_ROWS.

    Above 2,000 rows right to a thousandth.
    """
    assert 0 < difference <= discordance <= 1
    z_alpha, z_power = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    # Miettinen 1968, the normal approximation; the search starts from it.
    spread = z_alpha * math.sqrt(discordance) + z_power * math.sqrt(max(0.0, discordance - difference**2))
    return _fewest(
        lambda n: mcnemar_power(n, discordance=discordance, difference=difference, alpha=alpha),
        power=power,
        z_alpha=z_alpha,
        guess=(spread / difference) ** 2,
    )


def sufficiency_power(n: int, *, discordance: float, margin: float, alpha: float = ALPHA) -> float:
    """Chance that the lower limit of the score interval is above -`margin` on `n` examples, if both are equally good.

    The interval is that of intervals.score_interval at level 1 - `alpha`. Exact, as mcnemar_power is.
    """
    assert n > 0 and 0 <= discordance <= 1 and 0 < margin < 1
    z = NormalDist().inv_cdf(1 - alpha / 2)
    differing, chances = _differing(n, discordance)
    fewest = _fewest_for(differing.tolist(), n=n, margin=margin, z=z)
    chance_to_show = np.where(fewest <= differing, bdtr(np.maximum(differing - fewest, 0), differing, 0.5), 0.0)
    return float((chances * chance_to_show).sum())


def rows_for_sufficiency(
    margin: float, *, discordance: float, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """Test rows with which the lower limit is above -`margin` with chance `power`, if both rows are equally good.

    None beyond MOST_ROWS. Above 2,000 rows right to a thousandth.
    """
    z_alpha, z_power = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    spread = (z_alpha + z_power) ** 2 * discordance / margin**2
    return _fewest(
        lambda n: sufficiency_power(n, discordance=discordance, margin=margin, alpha=alpha),
        power=power,
        z_alpha=z_alpha,
        guess=max(spread, z_alpha**2 * (1 - margin) / margin),
    )


def _discordance(pair: Paired) -> float:
    """The share of examples on which two rows differ, drawn towards the middle so that none seen is not none."""
    return (pair.only_a + pair.only_b + 1) / (pair.examples + 2)


def _rows_of_means(difference: float, *, deviation: float, alpha: float) -> int | None:
    """Test rows with which a mean difference is found with chance POWER; None beyond MOST_ROWS."""
    rows = max(2, math.ceil((_reach(alpha) * deviation / difference) ** 2))
    return rows if rows <= MOST_ROWS else None


def _reach(alpha: float) -> float:
    """How many standard errors a difference must be to be found at two-sided `alpha` with chance POWER."""
    return NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(POWER)


def _fewest(achieved: Callable[[int], float], *, power: float, z_alpha: float, guess: float) -> int | None:
    """A number of rows that achieves `power`, near `guess`; one fewer (above 2,000, a thousandth fewer) does not."""
    rows = max(2, math.ceil(guess))
    if rows > MOST_ROWS:
        return None
    for _ in range(3):  # what the power falls short by, in standard errors, says how many times the rows are needed
        short = min(max(achieved(rows), 0.05), 0.995)
        factor = (z_alpha + NormalDist().inv_cdf(power)) / (z_alpha + NormalDist().inv_cdf(short))
        rows = max(2, math.ceil(rows * factor**2))
        if abs(factor - 1) < 0.001:
            break
    low = high = rows
    step = max(1, rows // 1000)
    while achieved(high) < power:
        low, high, step = high, high + step, 2 * step
        if high > MOST_ROWS:
            return None
    if low == high:
        while low > 1 and achieved(low) >= power:
            high, low, step = low, max(1, low - step), 2 * step
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if achieved(middle) >= power else (middle, high)
    return high


def _differing(n: int, discordance: float) -> tuple[Ints, Floats]:
    """How many of `n` examples differ, and the chance of each number; the far tails are left out."""
    reach = 6 * math.sqrt(n * discordance * (1 - discordance)) + 40
    low, high = max(0, math.floor(n * discordance - reach)), min(n, math.ceil(n * discordance + reach))
    counts = np.arange(low, high + 1)
    logs = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    chances = np.exp(logs + xlogy(counts, discordance) + xlog1py(n - counts, -discordance))
    are_likely = chances > _TAIL * chances.max()
    return counts[are_likely], chances[are_likely]


def _most_against(differing: Ints, alpha: float) -> Ints:
    """The most examples against the better row at which exact McNemar still rejects, for each number; -1: never."""

    def rejects(against: Ints) -> npt.NDArray[np.bool_]:
        return np.asarray((against < 0) | (2 * bdtr(np.maximum(against, 0), differing, 0.5) <= alpha))

    # The normal approximation is right within an example or two; where it is not, the search begins from the ends.
    near = np.floor(differing / 2 - NormalDist().inv_cdf(1 - alpha / 2) * np.sqrt(differing) / 2).astype(np.int64)
    low, high = np.clip(near - 3, -1, differing), np.clip(near + 3, 0, differing)
    low, high = np.where(rejects(low), low, -1), np.where(rejects(high), differing, high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        rejected = rejects(middle)
        low, high = np.where(rejected, middle, low), np.where(rejected, high, middle)
    return low


def _fewest_for(differing: Sequence[int], *, n: int, margin: float, z: float) -> Ints:
    """Of each number of differing examples, how many must speak for a row to show that it is not worse by the margin.

    differing: rising by one. One more example that differs asks for none or for one more that speaks for the row,
    since the statistic grows with each of the one kind and falls with each of the other.
    """

    def shown(speaking: int, count: int) -> bool:
        return score_statistic(speaking, count - speaking, n, difference=-margin) > z

    low, high = -1, differing[0] + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle, differing[0]) else (middle, high)
    fewest = [high]
    for count in differing[1:]:
        high = high if high <= count and shown(high, count) else high + 1
        fewest.append(high)
    return np.asarray(fewest, np.int64)
