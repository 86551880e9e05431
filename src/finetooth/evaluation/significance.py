"""Whether rows that were measured on the same examples differ: two of them, and candidates against baselines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetooth.evaluation.intervals import score_interval, student_reach
from finetooth.tasks import PairedTest

_WHOLE = 50_000  # discordant examples up to which p is summed in whole numbers: beyond, one such sum takes seconds

# Of each example; higher is better. Right or wrong, as bool, counts as 1 and 0.
Scores = npt.NDArray[np.float64] | npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Paired:
    """Two rows on the same examples.

    difference: mean score of a minus that of b. only_a, only_b: examples on which a, or b, has the higher score.
    p: two-sided, by `test`. deviation: standard deviation of the examples' differences (divided by examples - 1).
    """

    examples: int
    difference: float
    only_a: int
    only_b: int
    p: float
    deviation: float
    test: PairedTest = "mcnemar"

    def interval(self, *, level: float = 0.95) -> tuple[float, float]:
        """The interval of the difference that belongs to the test: Tango's score interval, or Student's t.

        Student's t of one example has infinite ends.
        """
        if self.test == "mcnemar":
            return score_interval(self.only_a, self.only_b, self.examples, level=level)
        if self.examples == 1:
            return -math.inf, math.inf
        reach = student_reach(self.deviation, self.examples, level=level)
        return self.difference - reach, self.difference + reach


def paired(scores_a: Scores, scores_b: Scores, *, test: PairedTest = "mcnemar") -> Paired:
    """The difference of two rows with its two-sided p, 1.0 when both have the same score on every example.

    scores_a, scores_b: (N,) scores of the same examples, higher is better.
    test: `mcnemar`, for scores of 0 and 1: exact McNemar; `paired_t`, for other scores: Student's t of the differences.
    Source: McNemar 1947, with the exact binomial distribution of the examples that only one row has right.
    """
    assert scores_a.shape == scores_b.shape and scores_a.ndim == 1 and len(scores_a) > 0
    a, b, examples = np.asarray(scores_a, np.float64), np.asarray(scores_b, np.float64), len(scores_a)
    only_a, only_b = int((a > b).sum()), int((a < b).sum())
    deviation = float((a - b).std(ddof=1)) if examples > 1 else 0.0
    if test == "mcnemar":
        assert all(((scores == 0) | (scores == 1)).all() for scores in (a, b)), "McNemar's test needs scores of 0 and 1"
        difference, p = (only_a - only_b) / examples, _binomial_p(only_a, only_b)
    else:
        difference = float((a - b).sum()) / examples
        p = _student_p(difference, deviation, examples)
    return Paired(examples, difference, only_a, only_b, p, deviation, test)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values adjusted for being one family, in the given order; each at least what it was, at most 1.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = highest
    return adjusted


@dataclass(frozen=True, slots=True)
class Standing:
    """The comparison of one candidate with the baselines.

    best: index of the baseline with the highest mean score (the first among equals). hardest: index of the baseline
    with the largest p. to_best, to_hardest: the differences to these two.
    p_holm: tests "better than every baseline". It is the p against the hardest baseline, or 1 if any baseline has at
    least the candidate's mean score, Holm-corrected over all candidates and seeds.
    p_best_holm: tests "a baseline is better". It is the p against the best baseline times the number of baselines, or 1
    if that baseline is not ahead, Holm-corrected likewise.
    """

    best: int
    to_best: Paired
    hardest: int
    to_hardest: Paired
    p_holm: float
    p_best_holm: float


def standings(
    candidates: Sequence[Scores], baselines: Sequence[Scores], *, test: PairedTest = "mcnemar"
) -> list[Standing]:
    """The standing of each candidate, in their order; all candidates and seeds are one family of tests.

    candidates, baselines: (N,) scores of the same examples each, higher is better. test: as in paired.

    A candidate is better than every baseline only if it is better than the hardest one. So the largest p tests this
    claim (an intersection-union test, Berger 1982), and Holm's correction allows for several candidates. The best
    baseline was chosen by these same examples. So its p is multiplied by the number of baselines (Bonferroni) before it
    can show that a baseline is better.
    """
    assert baselines
    best = max(range(len(baselines)), key=lambda index: float(baselines[index].sum()))
    pairs_by_candidate = [[paired(scores, baseline, test=test) for baseline in baselines] for scores in candidates]
    hardest = [max(range(len(baselines)), key=lambda index: pairs[index].p) for pairs in pairs_by_candidate]
    claims = [
        pairs[index].p if all(pair.difference > 0 for pair in pairs) else 1.0
        for pairs, index in zip(pairs_by_candidate, hardest, strict=True)
    ]
    losses = [
        min(1.0, len(baselines) * pairs[best].p) if pairs[best].difference < 0 else 1.0 for pairs in pairs_by_candidate
    ]
    claims_holm, best_holm = holm(claims), holm(losses)
    return [
        Standing(best, pairs[best], index, pairs[index], claim, to_best)
        for pairs, index, claim, to_best in zip(pairs_by_candidate, hardest, claims_holm, best_holm, strict=True)
    ]


def _binomial_p(only_a: int, only_b: int) -> float:
    """2 P(X <= min) for X ~ Binomial(only_a + only_b, 1/2), at most 1.

    In whole numbers up to _WHOLE, so right to the last bit; above, by the incomplete beta function.
    """
    trials, fewer = only_a + only_b, min(only_a, only_b)
    if trials > _WHOLE:
        from scipy.special import bdtr  # a third of a second to load, and hardly ever needed

        return min(1.0, 2 * float(bdtr(fewer, trials, 0.5)))
    term = tail = 1
    for k in range(fewer):
        term = term * (trials - k) // (k + 1)
        tail += term
    return min(1.0, 2 * tail / (1 << trials))


def _student_p(difference: float, deviation: float, examples: int) -> float:
    """Two-sided p of a mean difference; where all examples differ by the same, 0.0, and 1.0 where that is nothing."""
    if examples == 1 or difference == 0:
        return 1.0
    if deviation == 0:
        return 0.0
    from scipy.special import stdtr  # a third of a second to load

    return 2 * float(stdtr(examples - 1, -abs(difference) * math.sqrt(examples) / deviation))
