"""How much better a baseline gets with more training rows: measured on parts of the rows that are there."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from finetooth.evaluation.training_curve import LearningPoint

FRACTIONS = (0.25, 0.5)  # of the training rows, besides all of them
LEAST_ROWS = 40  # with fewer training rows there is no curve: a quarter of them teaches nothing
Positions = npt.NDArray[np.int64]


def learning_curve(
    strata: Positions, *, seed: int, accuracy_of: Callable[[Positions], float], of_all: float
) -> list[LearningPoint]:
    """The headline metric on the validation rows with each of FRACTIONS of the training rows, and with all.

    strata: (N,) of the training rows, 0 and up, each represented in every part. accuracy_of: fits on the rows at these
    positions as on all of them, the choice of settings on the validation rows included, and returns the metric there.
    of_all: the metric with all rows.
    Not covered: the settings of each point are chosen on the rows that measure it, so every point is a little too
    high; rows that belong together (groups) are drawn one by one.
    """
    if len(strata) < LEAST_ROWS:
        return []
    parts = nested_parts(strata, seed=seed)
    return [*(LearningPoint(len(part), accuracy_of(part)) for part in parts), LearningPoint(len(strata), of_all)]


def nested_parts(strata: Positions, *, seed: int) -> list[Positions]:
    """Ascending positions of each of FRACTIONS of the rows, each part inside the next, in proportion to the strata."""
    order = np.random.default_rng(seed).permutation(len(strata))
    ranks = np.empty(len(strata))  # 0 to 1 within the stratum
    for stratum in np.unique(strata):
        members = order[strata[order] == stratum]
        ranks[members] = np.arange(len(members)) / len(members)
    return [np.flatnonzero(ranks < fraction) for fraction in FRACTIONS]
