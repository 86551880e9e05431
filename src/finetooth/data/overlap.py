"""Which examples have the same text: equal after Unicode NFKC and with every run of white space as one blank.

Case counts: "US" and "us" differ. Labels do not count: one text with two labels is one text.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Key = TypeVar("Key", bytes, int)


def normalise(text: str) -> str:
    """The text in the form in which texts are compared."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.split())


def keys(texts: Sequence[str], pairs: Sequence[str] | None) -> list[bytes]:
    """A 16-byte key for every example; equal keys mean equal texts (and second texts) after normalise()."""
    normal: Iterable[str] = map(normalise, texts)
    if pairs is not None:  # a normalised text holds no newline, so the newline marks where the second text begins
        normal = (f"{text}\n{normalise(pair)}" for text, pair in zip(normal, pairs, strict=True))
    return [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in normal]


def folds(row_keys: Sequence[Key], labels: npt.NDArray[np.int64], *, count: int) -> npt.NDArray[np.int64]:
    """The fold of every example, 0 to count - 1, (N,) int64: equal keys share a fold, classes are spread evenly.

    row_keys: from keys() or units(); labels: (N,) int64. With keys(), the folds do not depend on the order of the
    examples.
    """
    first: dict[Key, int] = {}
    for key, label in zip(row_keys, labels.tolist(), strict=True):
        first[key] = min(label, first.get(key, label))
    of_key = {key: rank % count for rank, key in enumerate(sorted(first, key=lambda key: (first[key], key)))}
    return np.array([of_key[key] for key in row_keys], dtype=np.int64)


def units(row_keys: Sequence[bytes], groups: Sequence[str | None]) -> npt.NDArray[np.int64]:
    """The unit of every example, (N,) int64. Examples that share a text or a group, also through others, share a unit.

    groups: empty if no group column is declared; None for an example without a group.
    """
    return joined(row_keys, groups)


def joined(*columns: Sequence[object]) -> npt.NDArray[np.int64]:
    """A number for every example, (N,) int64, 0 and up; examples that share a value of a column share a number.

    They do so through other examples too. columns: N values each, or none, the first of N; None is no value.
    """
    parents = list(range(len(columns[0])))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for values in columns:
        first: dict[object, int] = {}
        for row, value in enumerate(values):
            if value is not None:
                parents[root(row)] = root(first.setdefault(value, row))
    return np.unique([root(row) for row in range(len(parents))], return_inverse=True)[1]
