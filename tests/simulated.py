"""Runs in which the truth is known, to see how often the statistics say what is not so.

Right or wrong comes from latent normals: how hard an example is, what a method makes of it, what a seed adds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from finetooth.evaluation.claim import claim, standing
from finetooth.evaluation.intervals import metric_interval, wilson
from finetooth.evaluation.judged import Judged
from finetooth.evaluation.seeds import recipe_difference
from finetooth.evaluation.significance import paired
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.units import Units
from finetooth.tasks import DEFAULT, Outputs


@dataclass(frozen=True)
class Rates:
    """Shares of simulated runs, 0 to 1."""

    runs: int
    better: float
    not_worth_it: float
    uncorrected: float
    as_examples: float


@dataclass(frozen=True)
class Methods:
    """Baselines, and candidates that can be drawn again, on the same test rows.

    baselines: their true accuracy is `accuracy`; each candidate's is higher by `lead`, below 0 if it is lower.
    hard: (N,) how hard each example is for all methods. shared, of_group: the variances of `hard` and of what a group
    is to one method, out of 1. candidates, seeds: how many a look has.
    """

    units: Units
    baselines: list[Judged]
    hard: np.ndarray
    accuracy: float
    lead: float
    shared: float
    of_group: float
    candidates: int
    seeds: int

    def look(self, random: np.random.Generator) -> list[Judged]:
        """New candidates, each with its seeds; only the examples and their hardness are those of other looks."""
        of_method = (1 - self.shared - self.of_group) / 2  # variance of what the seeds of one candidate share
        rows = []
        for number in range(self.candidates):
            own = random.normal(size=len(self.hard)) * of_method**0.5
            trained = int(random.integers(1, 5)) * 1000
            for seed in range(self.seeds):
                scores = _right(
                    random, self.units, self.hard + own, self.accuracy + self.lead, self.of_group, of_method
                )
                rows.append(Judged(f"lora-{number}", "candidate", seed, scores, trained))
        return rows


def methods(
    random: np.random.Generator, *, groups: int | None, lead: float = 0.0, baselines: int | None = None
) -> Methods:
    """The methods of a run: 1 to 4 baselines if not given, 1 to 8 candidates, 1 to 5 seeds.

    groups: the number of groups of test rows; each method finds the rows of a group easier or harder by chance. None:
    test rows are independent.
    """
    examples = int(random.choice([200, 500, 1000, 2000])) if groups is None else 2000
    accuracy, shared = random.uniform(0.6, 0.97), random.uniform(0.3, 0.8)
    units = Units.single(examples) if groups is None else Units.of(random.integers(0, groups, examples))
    hard = random.normal(size=examples) * shared**0.5
    of_group = 0.0 if groups is None else 0.1
    count = int(random.integers(1, 5)) if baselines is None else baselines
    rest = 1 - shared - of_group
    rows = [
        Judged(f"baseline-{number}", "baseline", None, _right(random, units, hard, accuracy, of_group, rest))
        for number in range(count)
    ]
    seeds, candidates = int(random.integers(1, 6)), int(random.integers(1, 9))
    return Methods(units, rows, hard, accuracy, lead, shared, of_group, candidates, seeds)


def _right(
    random: np.random.Generator, units: Units, known: np.ndarray, accuracy: float, of_group: float, rest: float
) -> np.ndarray:
    """Which examples a method answers correctly, (N,) bool.

    known: (N,) the part of the latent that is drawn; of_group, rest: the variances of what is not.
    """
    group = random.normal(size=units.count)[units.of_example] * of_group**0.5
    return np.asarray(known + group + random.normal(size=len(known)) * rest**0.5 < ndtri(accuracy))


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
        of_run = methods(random, groups=groups)
        units, baselines = of_run.units, of_run.baselines
        for look in range(1, looks + 1):
            candidates = of_run.look(random)
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


def outcomes(
    runs: int, *, lead: float, gain: float, baselines: int, groups: int | None = None, seed: int = 0
) -> dict[str, float]:
    """The share of each outcome of a verdict, first look, if the winner's true lead over every baseline is `lead`."""
    random = np.random.default_rng(seed)
    counts: dict[str, int] = {}
    for _ in range(runs):
        of_run = methods(random, groups=groups, lead=lead, baselines=baselines)
        winner = of_run.look(random)[0]
        outcome = _outcome(winner, of_run.baselines, Terms(units=of_run.units, gain=gain))
        counts[outcome] = counts.get(outcome, 0) + 1
    return {outcome: count / runs for outcome, count in counts.items()}


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


def interval_coverage(trials: int, *, seed: int = 0) -> Iterator[tuple[str, str, float]]:
    """(figure, test rows, share of `trials` in which its 95 % interval holds the truth).

    Accuracy and the difference of two methods of equal accuracy, with and without groups; macro-F1 and loss of six
    classes, the rarest with a share of 5 %.
    """
    for groups in (None, 201, 112, 20):
        random = np.random.default_rng(seed)
        held = np.zeros(2, np.int64)
        for _ in range(trials):
            drawn = methods(random, groups=groups, baselines=2)
            first, second = (row.scores.astype(np.float64) for row in drawn.baselines)
            low, high = metric_interval(DEFAULT.headline, first, units=drawn.units)
            apart, beyond = paired(first, second, units=drawn.units).interval()
            held += (low <= drawn.accuracy <= high, apart <= 0 <= beyond)
        where = "200 to 2,000" if groups is None else f"2,000 in {groups} groups"
        yield "accuracy", where, held[0] / trials
        yield "difference of accuracies", where, held[1] / trials
    yield from _coverage_by_class(trials, seed=seed)


def _coverage_by_class(trials: int, *, seed: int) -> Iterator[tuple[str, str, float]]:
    """The coverage of macro-F1 and loss; the truth is the figure of a large number of examples."""
    random = np.random.default_rng(seed)
    shares = np.array([0.24, 0.22, 0.19, 0.15, 0.15, 0.05])
    targets = random.choice(6, 400_000, p=shares)
    logits = random.normal(size=(len(targets), 6)) * 1.5 + np.log(shares)
    logits[np.arange(len(targets)), targets] += 3.0
    outputs = Outputs(logits.astype(np.float32), logits.argmax(axis=1))
    for metric in (DEFAULT.metric("macro_f1"), DEFAULT.metric("loss")):
        truth = metric.value(outputs, targets)
        for examples in (400, 1000, 2620):
            held = 0
            for _ in range(trials):
                chosen = random.integers(0, len(targets), examples)
                one = Outputs(outputs.logits[chosen], outputs.answers[chosen])
                low, high = metric_interval(metric, metric.each(one, targets[chosen]))
                held += low <= truth <= high
            yield metric.title, f"{examples:,}", held / trials


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
