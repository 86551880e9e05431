"""Runs in which the truth is known, to see how often the statistics say what is not so.

Right or wrong comes from latent normals: how hard an example is, what a method makes of it, what a seed adds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from finetooth.evaluation.intervals import wilson
from finetooth.evaluation.seeds import recipe_difference
from finetooth.evaluation.significance import paired
from finetooth.evaluation.verdict import Judged, judge, standings_of

MARGIN = 0.005


@dataclass(frozen=True)
class Rates:
    """Shares of simulated runs, 0 to 1."""

    runs: int
    worth_it: float
    any_better: float
    uncorrected: float
    not_worth_it: float
    any_behind: float
    uncorrected_behind: float


def alike(random: np.random.Generator) -> list[Judged]:
    """All rows of a run whose true accuracies are equal: 1 to 4 baselines, 1 to 8 candidates, 1 to 5 seeds."""
    examples = int(random.choice([200, 500, 1000, 2000]))
    accuracy, shared = random.uniform(0.6, 0.97), random.uniform(0.3, 0.9)
    limit = ndtri(accuracy)
    hard = random.normal(size=examples) * shared**0.5

    def right(own: np.ndarray, share: float) -> np.ndarray:
        rest = random.normal(size=examples) * (1 - shared - share) ** 0.5
        return np.asarray(hard + own * share**0.5 + rest < limit)

    nothing = np.zeros(examples)
    rows = [
        Judged(f"baseline-{number}", "baseline", None, right(nothing, 0.0)) for number in range(random.integers(1, 5))
    ]
    seeds, of_method = int(random.integers(1, 6)), (1 - shared) / 2
    for number in range(random.integers(1, 9)):
        own = random.normal(size=examples)  # what the seeds of one candidate have in common
        trained = int(random.integers(1, 5)) * 1000
        rows += [Judged(f"lora-{number}", "candidate", seed, right(own, of_method), trained) for seed in range(seeds)]
    return rows


def verdicts(runs: int, *, seed: int = 0) -> Rates:
    """How often rows of equal truth are called worth it, or not worth it because a baseline is better.

    any_better: a candidate, the winner or not, is better than every baseline. uncorrected: the candidate that happens
    to be best on the test rows has p < 0.05 against the first baseline, which is how such tables are often read.
    any_behind: of a candidate, the winner or not, a baseline is shown to be better. uncorrected_behind: likewise, by
    p < 0.05 against the baseline that happens to be best on the test rows.
    """
    random = np.random.default_rng(seed)
    counts = np.zeros(6, np.int64)
    for _ in range(runs):
        rows = alike(random)
        candidates = [row for row in rows if row.role == "candidate"]
        baselines = [row for row in rows if row.role == "baseline"]
        winner = candidates[random.integers(len(candidates))]  # validation knows nothing of the test rows
        standing = standings_of(rows)
        found = judge(rows, winner=(winner.name, winner.seed), margin=MARGIN, standings=standing)
        top = max(candidates, key=lambda row: int(row.scores.sum()))
        pair = paired(top.scores, baselines[0].scores)
        counts += (
            bool(found.worth_it),
            any(item.p_holm < 0.05 for item in standing),
            pair.p < 0.05 and pair.difference > 0,
            found.text.startswith("Not worth it:"),
            any(item.p_best_holm < 0.05 and item.to_best.difference < 0 for item in standing),
            any(item.to_best.p < 0.05 and item.to_best.difference < 0 for item in standing),
        )
    return Rates(runs, *(float(count) / runs for count in counts))


def wilson_coverage(trials: int, *, seed: int = 0) -> Iterator[tuple[int, float, float]]:
    """(examples, true accuracy, share of `trials` in which the 95 % Wilson interval holds it)."""
    random = np.random.default_rng(seed)
    for examples in (100, 500, 2000, 5000, 25_000):
        for accuracy in (0.5, 0.8, 0.9, 0.95):
            correct = random.binomial(examples, accuracy, size=trials)
            values, counts = np.unique(correct, return_counts=True)
            held = [low <= accuracy <= high for low, high in (wilson(int(value), examples) for value in values)]
            yield examples, accuracy, float(counts[held].sum()) / trials


@dataclass(frozen=True)
class SeedRates:
    """Shares of simulated runs in which two recipes of equal accuracy are distinguished, 0 to 1."""

    seeds: int
    deviation: float
    recipe: float
    pooled: float


def seed_claims(runs: int, *, seeds: int, shift: float, seed: int = 0) -> SeedRates:
    """How often a recipe with seeds is distinguished from a baseline of the same accuracy, 1,000 examples a run.

    shift: standard deviation of what a seed adds to the latent, 0.05: about 1.2 points of accuracy (`deviation`).
    pooled: exact McNemar with each seed's examples counted as examples of their own, which is wrong.
    """
    random = np.random.default_rng(seed)
    examples, accuracy, shared = 1000, 0.85, 0.7
    limit = ndtri(accuracy)
    recipe = pooled = 0
    spread = []
    for _ in range(runs):
        hard = random.normal(size=examples) * shared**0.5
        own, baseline = random.normal(size=(2, examples)) * (1 - shared) ** 0.5
        noise = random.normal(size=(seeds, examples)) * (1 - shared) ** 0.5
        # A shift drawn anew for each seed widens the latent: so the limit moves, and the mean accuracy stays.
        shifts = random.normal(size=(seeds, 1)) * shift
        right = hard + (own + noise) / 2**0.5 + shifts < limit * (1 + shift**2) ** 0.5
        held = hard + baseline < limit
        recipe += recipe_difference(right, held[None, :]).p < 0.05
        pooled += paired(right.ravel(), np.tile(held, seeds)).p < 0.05
        spread.append(right.mean(axis=1).var(ddof=1))
    return SeedRates(seeds, float(np.mean(spread)) ** 0.5, recipe / runs, pooled / runs)
