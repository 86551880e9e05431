"""What the test rows show of a candidate beside all baselines: better by the gain asked for, behind, or open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from finetooth.evaluation.significance import Paired, Scores, paired
from finetooth.evaluation.terms import Terms

LEAST_EXAMPLES = 100  # with fewer test rows, or fewer that differ, there is no claim
LEAST_DIFFERING = 20

Outcome = Literal["too_few", "gain", "better", "small_gain", "behind", "no_gain", "open"]


@dataclass(frozen=True, slots=True)
class Standing:
    """The comparison of one candidate with the baselines, each by its index.

    pairs: the candidate against each baseline. best: the baseline with the highest mean score (the first among equals).
    hardest: the baseline with the largest p, or among baselines that the candidate does not lead, the best.
    p: tests "better than every baseline": the p against the hardest baseline, or 1 if any baseline has at least the
    candidate's mean score.
    p_behind: tests "a baseline is better": the p against the best baseline times the number of baselines, or 1 if that
    baseline is not ahead.
    """

    pairs: Sequence[Paired]
    best: int
    hardest: int
    p: float
    p_behind: float

    @property
    def to_best(self) -> Paired:
        """The candidate against the best baseline."""
        return self.pairs[self.best]

    @property
    def to_hardest(self) -> Paired:
        """The candidate against the hardest baseline."""
        return self.pairs[self.hardest]

    def nearest(self, level: float) -> int:
        """The baseline that the candidate is shown to lead by least: that of the lowest lower limit at `level`."""
        return min(range(len(self.pairs)), key=lambda index: self.pairs[index].interval(level=level)[0])


def standing(candidate: Scores, baselines: Sequence[Scores], *, terms: Terms) -> Standing:
    """The standing of a candidate. candidate, baselines: (N,) scores of the same examples, higher is better.

    A candidate is better than every baseline only if it is better than the hardest one, so the largest p tests this
    claim (an intersection-union test, Berger 1982). The best baseline was chosen by these same examples, so its p is
    multiplied by the number of baselines (Bonferroni) before it can show that a baseline is better.
    """
    assert baselines
    best = max(range(len(baselines)), key=lambda index: float(baselines[index].sum()))
    pairs = [paired(candidate, scores, test=terms.metric.paired_test, units=terms.units) for scores in baselines]
    hardest = max(range(len(pairs)), key=lambda index: pairs[index].p)
    is_ahead = all(pair.difference > 0 for pair in pairs)
    p_behind = min(1.0, len(pairs) * pairs[best].p) if pairs[best].difference < 0 else 1.0
    return Standing(pairs, best, hardest, pairs[hardest].p if is_ahead else 1.0, p_behind)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the test rows show of the winner, at the level of the terms.

    outcome: `too_few`: fewer than LEAST_EXAMPLES test rows, fewer than LEAST_DIFFERING on which it differs from a
    baseline, or too few of a class for the metric. `gain`: better than every baseline by at least the gain asked for.
    `small_gain`: better, by less than that. `better`: better, but by how much is open. `behind`: a baseline is better.
    `no_gain`: not shown to be better, and better by less than the gain asked for. `open`: none of these is shown.
    baseline: the index of the baseline that decides. pair, interval: of the winner against it, at 1 - Terms.alpha.
    """

    outcome: Outcome
    baseline: int
    pair: Paired
    interval: tuple[float, float]


def claim(of: Standing, terms: Terms) -> Claim:
    """The claim about the winner, which is one hypothesis: validation chose it before any test row was read."""
    level = 1 - terms.alpha
    nearest = of.nearest(level)
    low, high = of.pairs[nearest].interval(level=level)

    def decided(outcome: Outcome, baseline: int) -> Claim:
        return Claim(outcome, baseline, of.pairs[baseline], of.pairs[baseline].interval(level=level))

    is_ahead = of.to_best.difference > 0
    few_differ = any(pair.differing < LEAST_DIFFERING for pair in of.pairs)
    if of.to_best.examples < LEAST_EXAMPLES or few_differ or not terms.has_intervals:
        return decided("too_few", nearest)
    if of.p < terms.alpha:
        if terms.gain == 0 or low >= terms.gain:
            return decided("gain", nearest)
        return decided("small_gain" if high < terms.gain else "better", nearest)
    if of.p_behind < terms.alpha:
        return decided("behind", of.best)
    if terms.gain and high < terms.gain:
        return decided("no_gain", nearest)
    return decided("open", of.hardest if is_ahead else of.best)
