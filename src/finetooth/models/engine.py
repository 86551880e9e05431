"""The contract of engines: numpy arrays of tokens in, logits out; texts, labels and torch stay outside.

B examples of a batch, L tokens of its longest, C classes (docs/shapes.md). tests/contracts/test_engine.py checks every
engine; CONTRIBUTING says how to add one.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Batch:
    """The tokens of B examples, each padded at its end to L tokens.

    ids: (B, L) int64, numbers of tokens. mask: (B, L) int64, 1 for a token and 0 for padding. types: (B, L) int64, the
    segment of each token in a pair of texts; None for single texts.
    """

    ids: npt.NDArray[np.int64]
    mask: npt.NDArray[np.int64]
    types: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        assert self.ids.ndim == 2 and self.mask.shape == self.ids.shape
        assert self.types is None or self.types.shape == self.ids.shape

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """(B,) int64, the tokens of each example without padding."""
        return np.asarray(self.mask.sum(axis=1), np.int64)


class Engine(Protocol):
    """Computes the logits of batches by one finished model, which does not change.

    Except for rounding of at most 1e-5, the logits of an example depend neither on the other examples of its batch and
    their order nor on its padding. Equal calls give equal bits, also from several threads at once.
    """

    @property
    def outputs(self) -> int:
        """C, the number of outputs."""
        ...

    @property
    def threads(self) -> int:
        """How many threads compute batches at a time; 0: the caller's own thread, one batch after another."""
        ...

    def prepare_thread(self) -> None:
        """Prepare a new thread; called once in each of the `threads` threads, before its first batch."""
        ...

    def batches(self, lengths: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        """The batches in which examples of these lengths (N,) cost least: each example's number exactly once.

        They depend on `lengths` alone, so that equal texts give equal bits.
        """
        ...

    def logits(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Logits (B, C) float32 of a batch, which may be empty. The arrays of the batch are not changed."""
        ...
