"""What the test rows show of a candidate beside all baselines: better by the gain asked for, behind, or open."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from finetooth.evaluation.significance import Paired, Scores, paired
from finetooth.evaluation.terms import Terms

LEAST_EXAMPLES = 100  # with fewer test rows, fewer that differ or fewer units, there is no claim
LEAST_DIFFERING = 20
LEAST_UNITS = 10

Outcome = Literal["too_few", "gain", "better", "small_gain", "behind", "no_gain", "open"]


@dataclass(frozen=True, slots=True)
class Standing:
    """The comparison of one candidate with the baselines, each by its index.

    pairs: the candidate against each baseline. differing: on how many examples the two differ, in being right or, for a
    metric that is no mean over examples, in their answers. best: the baseline with the highest mean score (the first
    among equals). hardest: the baseline with the largest p.
    p: tests "better than every baseline": the p against the hardest baseline, or 1 if any baseline has at least the
    candidate's mean score.
    p_behind: tests "a baseline is better": the p against the best baseline times the number of baselines, or 1 if that
    baseline is not ahead.
    """

    pairs: Sequence[Paired]
    differing: Sequence[int]
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


def standing(
    candidate: Scores, baselines: Sequence[Scores], *, terms: Terms, differing: Sequence[int] | None = None
) -> Standing:
    """The standing of a candidate. candidate, baselines: (N,) scores of the same examples, higher is better.

    differing: as in Standing, by default the examples with different scores.
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
    counts = [pair.differing for pair in pairs] if differing is None else differing
    return Standing(pairs, counts, best, hardest, pairs[hardest].p if is_ahead else 1.0, p_behind)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the test rows show of the winner, at the level of the terms.

    outcome: `too_few`: fewer than LEAST_EXAMPLES test rows, too few units (least_units), too few rows of a class for
    the metric, or fewer than LEAST_DIFFERING on which the winner differs from the baseline that decides. `gain`: better
    than every baseline by at least the gain asked for. `small_gain`: better, by less than that. `better`: better, but
    by how much is open. `behind`: a baseline is better. `no_gain`: not shown to be better, and better by less than the
    gain asked for. `open`: none of these is shown.
    baseline: the index of the baseline that decides. level: of the interval against it.
    """

    outcome: Outcome
    baseline: int
    level: float


def claim(of: Standing, terms: Terms) -> Claim:
    """The claim about the winner, which is one hypothesis: validation chose it before any test row was read.

    That the winner gains less than was asked for is shown by any one baseline. These rows choose which, so its upper
    limit is that at 1 - alpha over the number of baselines (Bonferroni).
    """
    level, corrected = 1 - terms.alpha, 1 - terms.alpha / len(of.pairs)
    indices = range(len(of.pairs))
    nearest = min(indices, key=lambda index: of.pairs[index].interval(level=level)[0])
    lowest = min(indices, key=lambda index: of.pairs[index].interval(level=corrected)[1])
    is_small = terms.gain > 0 and of.pairs[lowest].interval(level=corrected)[1] < terms.gain
    if of.to_best.examples < LEAST_EXAMPLES or terms.units.count < least_units(terms.alpha) or not terms.has_intervals:
        return Claim("too_few", nearest, level)
    if of.p < terms.alpha:
        most_alike = min(indices, key=lambda index: of.differing[index])
        if of.differing[most_alike] < LEAST_DIFFERING:
            return Claim("too_few", most_alike, level)
        if terms.gain == 0 or of.pairs[nearest].interval(level=level)[0] >= terms.gain:
            return Claim("gain", nearest, level)
        return Claim("small_gain", lowest, corrected) if is_small else Claim("better", nearest, level)
    if of.p_behind < terms.alpha:
        made = Claim("behind", of.best, level)
    elif is_small:
        made = Claim("no_gain", lowest, corrected)
    else:
        made = Claim("open", of.hardest if of.to_best.difference > 0 else of.best, level)
    return made if of.differing[made.baseline] >= LEAST_DIFFERING else Claim("too_few", made.baseline, level)


def least_units(alpha: float) -> int:
    """The least number of units of a claim: the p of fewer could not be below alpha (2^-G if all favour one row)."""
    return max(LEAST_UNITS, math.floor(-math.log2(alpha)) + 1)
