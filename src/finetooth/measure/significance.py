"""Whether two rows that were measured on the same examples can be told apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_WHOLE = 50_000  # discordant examples up to which p is summed in whole numbers: beyond, one such sum takes seconds


@dataclass(frozen=True, slots=True)
class Paired:
    """Two rows on the same examples; difference: accuracy of a minus accuracy of b, -1 to 1."""

    examples: int
    only_a: int
    only_b: int
    p: float

    @property
    def difference(self) -> float:
        """(examples only a has right - examples only b has right) / examples."""
        return (self.only_a - self.only_b) / self.examples


def paired(correct_a: npt.NDArray[np.bool_], correct_b: npt.NDArray[np.bool_]) -> Paired:
    """The difference of two rows with its two-sided exact McNemar p, 1.0 when no example tells the two apart.

    correct_a, correct_b: (N,) bool, right or wrong, example by example.
    Source: McNemar 1947, with the exact binomial distribution of the examples that only one row has right.
    """
    assert correct_a.shape == correct_b.shape and correct_a.ndim == 1 and len(correct_a) > 0
    only_a, only_b = int((correct_a & ~correct_b).sum()), int((correct_b & ~correct_a).sum())
    return Paired(len(correct_a), only_a, only_b, _binomial_p(only_a, only_b))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values adjusted for being one family, in the given order; each at least what it was, at most 1.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


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
