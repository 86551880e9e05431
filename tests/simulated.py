"""Runs in which the truth is known, to see how often the statistics say what is not so.

Right or wrong comes from latent normals: how hard an example is, what a method makes of it, what a seed adds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from finetooth.evaluation.claim import claim, standing
from finetooth.evaluation.intervals import wilson
from finetooth.evaluation.judged import Judged
from finetooth.evaluation.seeds import recipe_difference
from finetooth.evaluation.significance import paired
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.units import Units


@dataclass(frozen=True)
class Rates:
    """Shares of simulated runs, 0 to 1."""

    runs: int
    better: float
    not_worth_it: float
    uncorrected: float
    as_examples: float


def rows_of_equal_truth(random: np.random.Generator, *, groups: int | None) -> tuple[list[Judged], Units]:
    """All rows of a run whose true accuracies are equal: 1 to 4 baselines, 1 to 8 candidates, 1 to 5 seeds.

    groups: the number of groups of test rows; each method finds the rows of a group easier or harder by chance. None:
    test rows are independent.
    """
    examples = int(random.choice([200, 500, 1000, 2000])) if groups is None else 2000
    accuracy, shared = random.uniform(0.6, 0.97), random.uniform(0.3, 0.8)
    units = Units.single(examples) if groups is None else Units.of(random.integers(0, groups, examples))
    limit = ndtri(accuracy)
    hard = random.normal(size=examples) * shared**0.5
    of_group = 0.0 if groups is None else 0.1  # variance of what a group is to a method

    def right(own: np.ndarray, share: float) -> np.ndarray:
        group = random.normal(size=units.count)[units.of_example] * of_group**0.5
        rest = random.normal(size=examples) * (1 - shared - share - of_group) ** 0.5
        return np.asarray(hard + own * share**0.5 + group + rest < limit)

    nothing = np.zeros(examples)
    rows = [
        Judged(f"baseline-{number}", "baseline", None, right(nothing, 0.0)) for number in range(random.integers(1, 5))
    ]
    seeds, of_method = int(random.integers(1, 6)), (1 - shared - of_group) / 2
    for number in range(random.integers(1, 9)):
        own = random.normal(size=examples)  # what the seeds of one candidate have in common
        trained = int(random.integers(1, 5)) * 1000
        rows += [Judged(f"lora-{number}", "candidate", seed, right(own, of_method), trained) for seed in range(seeds)]
    return rows, units


def verdicts(runs: int, *, groups: int | None = None, looks: int = 1, seed: int = 0) -> Rates:
    """How often rows of equal truth are called better, or not worth it because a baseline is better.

    looks: how often each user looks at the same test rows, each time with new candidates; a run is counted if any look
    says so. uncorrected: in any look, the candidate that happens to be best on the test rows has p < 0.05 against the
    first baseline, which is how such tables are often read. as_examples: the verdict in the first look if the rows of
    a group are taken for independent.
    """
    random = np.random.default_rng(seed)
    counts = np.zeros(4, np.int64)
    for _ in range(runs):
        said = np.zeros(4, np.bool_)
        first, units = rows_of_equal_truth(random, groups=groups)
        baselines = [row for row in first if row.role == "baseline"]
        for look in range(1, looks + 1):
            # A later look has other candidates; the baselines and the test rows stay.
            of_look = first if look == 1 else _other_candidates(random, first)
            candidates = [row for row in of_look if row.role == "candidate"]
            winner = candidates[random.integers(len(candidates))]  # validation knows nothing of the test rows
            found = _outcome(winner, baselines, Terms(units=units, looks=look))
            top = max(candidates, key=lambda row: int(row.scores.sum()))
            pair = paired(top.scores, baselines[0].scores)
            single = Terms(units=Units.single(len(units)))
            said |= (
                found == "gain",
                found == "behind",
                pair.p < 0.05 and pair.difference > 0,
                look == 1 and _outcome(winner, baselines, single) == "gain",
            )
        counts += said
    return Rates(runs, *(float(count) / runs for count in counts))


def _other_candidates(random: np.random.Generator, rows: list[Judged]) -> list[Judged]:
    """The candidates of a later look: as accurate as those of the first, wrong on other examples of the same chance."""
    changed = []
    for row in rows:
        if row.role == "candidate":
            shuffled = row.scores.copy()
            moved = random.random(len(shuffled)) < 0.5
            shuffled[moved] = random.permutation(shuffled[moved])
            changed.append(replace(row, scores=shuffled))
    return changed


def _outcome(winner: Judged, baselines: list[Judged], terms: Terms) -> str:
    """The outcome of the verdict: no winner is taken for one that has not learned."""
    return claim(standing(winner.scores, [row.scores for row in baselines], terms=terms), terms).outcome


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
