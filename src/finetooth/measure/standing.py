"""Where each candidate stands against the baselines, all candidates and seeds judged as one family."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetooth.measure.significance import Paired, holm, paired

Right = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Standing:
    """One candidate against the controls.

    best, to_best: place of the baseline with the most examples right (the first among equals), and the difference to
    it. hardest, to_hardest: place of the baseline whose exact McNemar p is largest, and the difference to it.
    p_holm: that p, or 1 if any baseline has as many examples right, Holm-corrected over the family: the test of "better
    than every baseline". p_best_holm: the p against the best baseline times the number of controls, or 1 if that
    control is not ahead, corrected likewise: the test of "a baseline is better".
    """

    best: int
    to_best: Paired
    hardest: int
    to_hardest: Paired
    p_holm: float
    p_best_holm: float


def standings(candidates: Sequence[Right], controls: Sequence[Right]) -> list[Standing]:
    """The standing of each candidate, in their order; right or wrong example by example, (N,) bool each.

    A candidate is better than every baseline only if it is better than the hardest: so the largest p is that of the
    claim (an intersection-union test, Berger 1982), and Holm's correction answers for having several candidates. The
    best baseline was chosen by these examples, so its p is multiplied by the number of controls (Bonferroni) before it
    may say that a baseline is better.
    """
    assert controls
    best = max(range(len(controls)), key=lambda place: int(controls[place].sum()))
    found = [[paired(right, control) for control in controls] for right in candidates]
    hardest = [max(range(len(controls)), key=lambda place: pairs[place].p) for pairs in found]
    claims = [
        pairs[place].p if all(pair.difference > 0 for pair in pairs) else 1.0
        for pairs, place in zip(found, hardest, strict=True)
    ]
    losses = [min(1.0, len(controls) * pairs[best].p) if pairs[best].difference < 0 else 1.0 for pairs in found]
    claims_holm, best_holm = holm(claims), holm(losses)
    return [
        Standing(best, pairs[best], place, pairs[place], claim, to_best)
        for pairs, place, claim, to_best in zip(found, hardest, claims_holm, best_holm, strict=True)
    ]
