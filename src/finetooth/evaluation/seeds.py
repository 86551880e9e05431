"""Figures of a recipe over several seeds, in contrast to those of one saved adapter.

Seeds are never counted as examples: three seeds on the same test rows are not three test sets.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetooth.evaluation.significance import Scores
from finetooth.evaluation.units import Units

LEAST_SEEDS = 3  # with fewer, the spread over seeds is not reliable
FEW_SEEDS = 5  # with fewer, the result of another seed is hardly predictable
_ROUNDING = 1e-9  # a variance below this share of its parts is zero, except for rounding


@dataclass(frozen=True, slots=True)
class Pooled:
    """The headline metric of one candidate over its seeds. standard_deviation: over seeds (divided by seeds - 1)."""

    seeds: int
    mean: float
    standard_deviation: float | None


@dataclass(frozen=True, slots=True)
class RecipeDifference:
    """Mean score of recipe a minus that of recipe b, with a 95 % interval and a two-sided p.

    If all examples and seeds differ by the same, nothing shows how much they vary: the interval is infinite and p is 1.
    """

    difference: float
    interval: tuple[float, float]
    p: float


def pool(values: Sequence[float]) -> Pooled:
    """Mean and standard deviation of one candidate's values, one for each seed; no deviation of a single seed."""
    assert values
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Pooled(len(values), float(np.mean(values)), deviation)


def recipe_difference(
    scores_a: Scores, scores_b: Scores, *, units: Units | None = None, span: float = 1.0, level: float = 0.95
) -> RecipeDifference:
    """The difference of recipe a minus recipe b to expect for a new seed and new examples.

    scores_a, scores_b: (seeds, N), higher is better; at least two seeds, or one row if seeds change nothing.
    units: of sampling; by default every example is one. span: the largest possible difference, at which the interval
    ends.
    Units and seeds are crossed random effects: the variance of the mean difference is the variance of the units' mean
    differences over their number N, plus (MS_seeds - MS_rest) / (N seeds) for each recipe with seeds. The degrees of
    freedom are Satterthwaite's. False positives in simulation: docs/results.md.
    Not covered: with two seeds it errs 5 to 7 times in 100 instead of 5 (in simulation); seeds that two recipes share
    are treated as independent, which at worst makes the interval too wide.
    Source: Satterthwaite 1946, "An approximate distribution of estimates of variance components"; crossed random
    effects as in Clark 1973, "The language-as-fixed-effect fallacy", quasi-F.
    """
    assert scores_a.ndim == scores_b.ndim == 2 and scores_b.shape[1] == scores_a.shape[1]
    units = Units.single(scores_a.shape[1]) if units is None else units
    scores_a, scores_b = (np.stack([units.values(row) for row in scores]) for scores in (scores_a, scores_b))
    examples = units.count
    assert examples > 1
    gaps = scores_a.mean(axis=0) - scores_b.mean(axis=0)
    difference = float(gaps.mean())
    parts = [(float(gaps.var(ddof=1)) / examples, examples - 1)]
    for scores in (scores_a, scores_b):
        parts += _seed_parts(scores)
    variance = sum(part for part, _ in parts)
    # The part to subtract is as large as the others: too few examples to separate the parts.
    if variance <= _ROUNDING * sum(abs(part) for part, _ in parts):
        parts = parts[:1]
        variance = parts[0][0]
    if variance == 0:
        return RecipeDifference(difference, (-math.inf, math.inf), 1.0)
    from scipy.special import stdtr, stdtrit  # a third of a second to load

    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    spread = math.sqrt(variance)
    reach = float(stdtrit(freedom, (1 + level) / 2)) * spread
    p = 2 * float(stdtr(freedom, -abs(difference) / spread))
    return RecipeDifference(difference, (max(-span, difference - reach), min(span, difference + reach)), min(1.0, p))


def _seed_parts(scores: Scores) -> list[tuple[float, int]]:
    """What seeds add to the variance of a recipe's mean: the terms of the sum with their degrees of freedom."""
    seeds, examples = scores.shape
    if seeds == 1:
        return []
    by_seed, by_example = scores.mean(axis=1), scores.mean(axis=0)
    of_seeds = examples * float(by_seed.var(ddof=1))
    rest = scores - by_example[None, :] - by_seed[:, None] + by_seed.mean()
    degrees = (examples - 1) * (seeds - 1)
    of_rest = float((rest**2).sum()) / degrees
    cells = examples * seeds
    return [(of_seeds / cells, seeds - 1), (-of_rest / cells, degrees)]
