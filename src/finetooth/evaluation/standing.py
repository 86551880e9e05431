"""Where each candidate stands against the baselines, all candidates and seeds judged as one family."""

from collections.abc import Sequence
from dataclasses import dataclass

from finetooth.evaluation.significance import Paired, Scores, holm, paired
from finetooth.tasks import PairedTest


@dataclass(frozen=True, slots=True)
class Standing:
    """One candidate against the baselines.

    best, to_best: place of the baseline with the highest mean score (the first among equals), and the difference to
    it. hardest, to_hardest: place of the baseline whose p is largest, and the difference to it.
    p_holm: that p, or 1 if any baseline has as high a mean score, Holm-corrected over the family: the test of "better
    than every baseline". p_best_holm: the p against the best baseline times the number of baselines, or 1 if that
    baseline is not ahead, corrected likewise: the test of "a baseline is better".
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
    """The standing of each candidate, in their order; (N,) scores of the same examples each, higher is better.

    test: the paired test of the metric, as in significance.paired.

    A candidate is better than every baseline only if it is better than the hardest: so the largest p is that of the
    claim (an intersection-union test, Berger 1982), and Holm's correction answers for having several candidates. The
    best baseline was chosen by these examples, so its p is multiplied by the number of baselines (Bonferroni) before it
    may say that a baseline is better.
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
