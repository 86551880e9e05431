"""The power of a verdict by accuracy: which gain over all baselines it shows, from simulated test rows.

An example is settled, so that all rows of the table answer it alike, or else open, with chance 2 x discordance. On an
open example, each baseline is right with chance 1/2, and the winner with chance 1/2 + gain / (2 x discordance). So the
baselines have equal true accuracies, the winner is better than each by `gain`, and any two rows differ on the share
`discordance` of the examples.

Equal texts have equal answers. In a unit with several texts, a text has the answers of its unit with chance
sqrt(ALIKE) and its own otherwise, so the differences of two rows on two texts of a unit are correlated by ALIKE.
Source: Lunn and Davies 1998, "A note on generating correlated binary variables", Biometrika 85.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from finetooth.evaluation.claim import LEAST_DIFFERING, LEAST_EXAMPLES, least_units
from finetooth.evaluation.intervals import quantile, score_statistic
from finetooth.evaluation.power import POWER
from finetooth.evaluation.units import Units

ALIKE = 0.03  # correlation of differences within a unit, see docs/check.md
FEW_UNITS = 50  # up to which the differences of units are kept, for a p that needs more than their moments
MOST_UNITS = 1_000  # units of several texts; more are counted by their effective number of independent examples
_RUNS, _CELLS = 4_000, 200_000  # simulated runs, and the most runs times units of several texts
_STEPS = 9  # of the bisection: to a five-hundredth of the discordance
_NEWTON, _SADDLE_COST = 6, 6  # steps to the saddle point; how much more a unit costs with it

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """N test rows in G units, a number of baselines, and the level of the verdict's test.

    examples: (G,) int64, the rows of each unit. texts: (G,) int64, its different texts. baselines: at least 1.
    """

    examples: Ints
    texts: Ints
    baselines: int
    alpha: float

    @classmethod
    def of(cls, units: Units, text_numbers: Ints, *, baselines: int, alpha: float) -> "Design":
        """The design of rows in units. text_numbers: (N,), equal for rows with equal texts."""
        assert baselines > 0
        _, first = np.unique(text_numbers, return_index=True)  # rows with one text are in one unit
        examples = np.bincount(units.of_example, minlength=units.count)
        texts = np.bincount(units.of_example[first], minlength=units.count)
        return cls(examples=examples, texts=texts, baselines=baselines, alpha=alpha)

    @property
    def effective(self) -> int:
        """The number of independent examples that would show about as much (Kish 1965, "Survey sampling", 8.2)."""
        spread = self.examples**2 * (1 + (self.texts - 1) * ALIKE) / self.texts
        return max(1, round(float(self.examples.sum()) ** 2 / float(spread.sum())))


def smallest_gain(design: Design, *, discordance: float) -> float | None:
    """The true gain over every baseline at which the verdict says "better" with chance POWER; None if none has it.

    "Better" is the outcome `gain` of a verdict that asks for no least gain. 0 < discordance <= 1/2.
    """
    simulation = _Simulation(design, discordance)

    def power(gain: float) -> float:
        return float(simulation.outcomes(gain).is_better().mean())

    if power(discordance) < POWER:
        return None
    low, high = 0.0, discordance
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return (low + high) / 2


def chance_to_show(design: Design, *, discordance: float, true_gain: float, gain: float) -> float:
    """The chance, 0 to 1, that the verdict says "better by at least `gain`" if the gain is `true_gain`.

    0 <= true_gain <= discordance <= 1/2.
    """
    outcomes = _Simulation(design, discordance).outcomes(true_gain)
    return float((outcomes.is_better() & outcomes.exceeds(gain)).mean())


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """Sums over the test rows of R simulated runs, each (R, K) float64 for K baselines.

    The difference of a unit is the number of its examples that only the winner has right, minus that of the baseline.
    sums, squares, fourths: of the units' differences and of their powers. by_size: of the differences times the
    examples of the unit. differing: the examples on which the two differ. of_units: (R, K, G) the differences, of at
    most FEW_UNITS units.
    """

    design: Design
    sums: Floats
    squares: Floats
    fourths: Floats
    by_size: Floats
    differing: Floats
    of_units: Floats | None = None

    def is_better(self) -> npt.NDArray[np.bool_]:
        """Whether the winner is better than every baseline, (R,): the rule of claim.claim."""
        units = len(self.design.examples)
        if self.design.examples.sum() < LEAST_EXAMPLES or units < least_units(self.design.alpha):
            return np.zeros(len(self.sums), np.bool_)
        shown = (self.sums > 0) & (self._p() < self.design.alpha) & (self.differing >= LEAST_DIFFERING)
        return np.asarray(shown.all(axis=1))

    def _p(self) -> Floats:
        """The mid-p of sign flips, (R, K), approximated; right only where the winner is ahead.

        Of many units by an Edgeworth series with the fourth cumulant, of few by the saddle point.
        """
        squares = np.maximum(self.squares, 1e-9)
        z = self.sums / np.sqrt(squares)
        kurtosis = -2 * self.fourths / squares**2
        p = np.asarray(2 * (ndtr(-z) + _density(z) * kurtosis / 24 * (z**3 - 3 * z)))
        if self.of_units is not None:
            near = z > 1  # a chance of at least 1/10 to be farther from 0
            p[near] = _saddle_point_p(self.of_units[near])
        return p

    def exceeds(self, gain: float) -> npt.NDArray[np.bool_]:
        """Whether the lower limit of the difference to every baseline is at least `gain`, (R,): as Paired.interval."""
        units, examples = len(self.design.examples), float(self.design.examples.sum())
        freedom = None if units == examples else units - 1
        least = quantile(1 - self.design.alpha, freedom) if freedom != 0 else math.inf
        effective = self._effective()
        share = effective / examples
        only_a, only_b = (self.differing + self.sums) / 2 * share, (self.differing - self.sums) / 2 * share
        statistic = np.array(
            [
                score_statistic(a, max(b, 0.0), n, difference=gain)
                for a, b, n in zip(only_a.flat, only_b.flat, effective.flat, strict=True)
            ]
        )
        return np.asarray((statistic.reshape(self.sums.shape) >= least).all(axis=1))

    def _effective(self) -> Floats:
        """Units.effective_size of the differences, (R, K), from their sums."""
        sizes = self.design.examples.astype(np.float64)
        units, examples = len(sizes), float(sizes.sum())
        if units in (1, examples):
            return np.full(self.sums.shape, float(units))
        mean = self.sums / examples
        independent = np.maximum(self.differing - self.sums * mean, 1e-9) / (examples - 1) / examples
        scatter = self.squares - 2 * mean * self.by_size + mean**2 * float((sizes**2).sum())
        over_units = np.maximum(scatter, 0.0) * units / (units - 1) / examples**2
        events = self.differing  # most differences are 0
        effect = (events * over_units / independent + examples / units) / (events + 1)
        return np.asarray(examples / np.maximum(1.0, effect))


def _density(z: Floats) -> Floats:
    return np.asarray(np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi))


def _saddle_point_p(values: Floats) -> Floats:
    """The two-sided p, (R,), of the sums of G values, (R, G), if each has either sign with equal chance; sums above 0.

    Source: Lugannani and Rice 1980, "Saddle point approximation for the distribution of the sum of independent random
    variables". The cumulant function of a value v with a random sign is log cosh(t v).
    """
    sums, sizes = values.sum(axis=1), np.abs(values)
    tilt = sums / (values**2).sum(axis=1)
    for _ in range(_NEWTON):
        slopes = np.tanh(tilt[:, None] * sizes)
        curvature = (sizes**2 * (1 - slopes**2)).sum(axis=1)
        step = ((sizes * slopes).sum(axis=1) - sums) / np.maximum(curvature, 1e-12)
        tilt = np.maximum(tilt - np.clip(step, -1, 1), 1e-6)
    curvature = (sizes**2 * (1 - np.tanh(tilt[:, None] * sizes) ** 2)).sum(axis=1)
    cumulant = np.logaddexp(tilt[:, None] * sizes, -tilt[:, None] * sizes).sum(axis=1) - values.shape[1] * math.log(2)
    w = np.sqrt(np.maximum(2 * (tilt * sums - cumulant), 1e-12))
    p = 2 * (ndtr(-w) + _density(w) * (1 / (tilt * np.sqrt(np.maximum(curvature, 1e-12))) - 1 / w))
    # If all values have one sign, no other signs give a larger sum: the mid-p is half of two outcomes of 2^count.
    return np.asarray(np.where(sums >= sizes.sum(axis=1) - 1e-9, 0.5 ** (sizes > 0).sum(axis=1), p))


class _Simulation:
    """Simulated runs at one discordance. The same random numbers serve every gain, so that power rises with it."""

    def __init__(self, design: Design, discordance: float) -> None:
        assert 0 < discordance <= 0.5
        if (design.texts > 1).sum() > MOST_UNITS:
            ones = np.ones(design.effective, np.int64)
            design = Design(examples=ones, texts=ones, baselines=design.baselines, alpha=design.alpha)
        self._design, self._open = design, 2 * discordance
        self._is_few = len(design.texts) <= FEW_UNITS
        self._drawn = (design.texts > 1) | self._is_few  # the units that are drawn one by one
        cost = int(self._drawn.sum()) * (_SADDLE_COST if self._is_few else 1)
        self._runs = min(_RUNS, _CELLS // max(1, cost))
        self._random = np.random.default_rng(0)
        self._fixed = self._of_units() if self._drawn.any() else None

    def outcomes(self, gain: float) -> _Outcomes:
        """The runs at a true gain, 0 to the discordance."""
        self._random = np.random.default_rng(1)
        right = 0.5 + gain / self._open
        sums = np.zeros((5, self._runs, self._design.baselines))
        alone, counts = np.unique(self._design.examples[~self._drawn], return_counts=True)
        for size, count in zip(alone.tolist(), counts.tolist(), strict=True):
            sums += self._of_texts(size, count, right)
        if self._fixed is None:
            return _Outcomes(self._design, *sums)
        of_units = self._fixed.differences(self._random, right)
        sums += self._fixed.sums(of_units)
        return replace(_Outcomes(self._design, *sums), of_units=of_units if self._is_few else None)

    def _of_texts(self, size: int, count: int, right: float) -> Floats:
        """The five sums, (5, R, K), over `count` units of one text that `size` examples have."""
        shape = (self._runs, self._design.baselines)
        opened = self._random.binomial(count, self._open, self._runs)
        winner = self._random.binomial(opened, right)
        only_a = self._random.binomial(winner[:, None], 0.5, shape)
        only_b = self._random.binomial((opened - winner)[:, None], 0.5, shape)
        ahead, differing = size * (only_a - only_b), only_a + only_b
        return np.array([ahead, size**2 * differing, size**4 * differing, size * ahead, size * differing], np.float64)

    def _of_units(self) -> "_Units":
        """What is drawn one by one of units for any gain."""
        design, random = self._design, self._random
        texts, examples = design.texts[self._drawn], design.examples[self._drawn]
        shape = (self._runs, len(texts))
        alike = random.binomial(texts, math.sqrt(ALIKE), shape)
        own = random.binomial(texts - alike, self._open)
        shared = alike * (random.random(shape) < self._open)
        baselines = [random.binomial(own, 0.5) + shared * (random.random(shape) < 0.5) for _ in range(design.baselines)]
        return _Units(own, shared, baselines, examples / texts, examples.astype(np.float64))


@dataclass(frozen=True, slots=True)
class _Units:
    """Units in R runs.

    own, shared: (R, G) int64, the open texts with answers of their own, and with those of the unit. baselines: of each,
    (R, G) int64, the open texts that it has right. weights: (G,), the examples of a text. examples: (G,).
    """

    own: Ints
    shared: Ints
    baselines: list[Ints]
    weights: Floats
    examples: Floats

    def differences(self, random: np.random.Generator, right: float) -> Floats:
        """The units' differences, (R, K, G); right: the chance that the winner has an open text right."""
        winner = random.binomial(self.own, right) + self.shared * (random.random(self.own.shape) < right)
        return np.stack([(winner - baseline) * self.weights for baseline in self.baselines], axis=1)

    def sums(self, differences: Floats) -> Floats:
        """The five sums, (5, R, K). An open text differs with chance 1/2, so half of them are counted as differing."""
        squares = differences**2
        differing = np.broadcast_to(((self.own + self.shared) @ self.weights / 2)[:, None], differences.shape[:2])
        powers = (differences.sum(axis=2), squares.sum(axis=2), (squares**2).sum(axis=2))
        return np.array([*powers, differences @ self.examples, differing])
