"""Which rows hold the same text: equal after Unicode NFKC and with every run of white space as one blank.

Case is kept: "US" and "us" differ. Labels play no part: one text under two labels is one text.
"""

import hashlib
import unicodedata
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt


def normalise(text: str) -> str:
    """The text by which rows are compared."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.split())


def keys(texts: Sequence[str], pairs: Sequence[str] | None) -> list[bytes]:
    """A 16-byte key for every row; equal keys mean equal texts (and second texts) after normalise()."""
    if pairs is None:
        return [hashlib.blake2b(normalise(text).encode(), digest_size=16).digest() for text in texts]
    # A normalised text holds no newline, so one keeps the two apart.
    return [
        hashlib.blake2b(f"{normalise(text)}\n{normalise(pair)}".encode(), digest_size=16).digest()
        for text, pair in zip(texts, pairs, strict=True)
    ]


def folds(row_keys: Sequence[bytes], labels: npt.NDArray[np.int64], *, count: int) -> npt.NDArray[np.int64]:
    """The fold of every row, 0 to count - 1, (N,) int64: equal texts in one fold, classes spread evenly.

    row_keys: as keys() gives them; labels: (N,) int64. The order of the rows changes nothing.
    """
    first: dict[bytes, int] = {}
    for key, label in zip(row_keys, labels.tolist(), strict=True):
        first[key] = min(label, first.get(key, label))
    of_key = {key: rank % count for rank, key in enumerate(sorted(first, key=lambda key: (first[key], key)))}
    return np.array([of_key[key] for key in row_keys], dtype=np.int64)


def units(row_keys: Sequence[bytes], groups: Sequence[str | None]) -> npt.NDArray[np.int64]:
    """The unit of every row, (N,) int64: rows that share a text or a group, directly or through others, share a unit.

    groups: empty where no group column is declared; None for a row without one, which then stands alone.
    """
    parents = list(range(len(row_keys)))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    first: dict[Hashable, int] = {}
    for row, key in enumerate(row_keys):
        other = first.setdefault(key, row)
        if other != row:
            parents[root(row)] = root(other)
    for row, group in enumerate(groups):
        if group is not None:
            other = first.setdefault(group, row)
            if root(other) != root(row):
                parents[root(row)] = root(other)
    roots = np.fromiter((root(row) for row in range(len(parents))), dtype=np.int64, count=len(parents))
    return renumber(roots)[1]


def renumber(values: npt.NDArray[np.int64]) -> tuple[int, npt.NDArray[np.int64]]:
    """(how many distinct values, each value's rank among them): numpy.unique's inverse, without its hash table."""
    if not len(values):
        return 0, values
    present = np.zeros(int(values.max()) + 1, dtype=bool)
    present[values] = True
    ranks = np.cumsum(present) - 1
    return int(ranks[-1]) + 1, ranks[values].astype(np.int64)
