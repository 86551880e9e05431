"""Small data sets, clean but for the faults that a test puts in."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from finetooth.data import Dataset, Examples

Row = tuple[str, str]  # text, label name
CLASSES = ("ham", "spam")


def clean_rows(count: int, *, start: int = 0, classes: Sequence[str] = CLASSES) -> list[Row]:
    """Rows of the classes in turn: every text different, six of forty words that are its class's own in each."""
    rows = []
    for number in range(start, start + count):
        draw = random.Random(number)
        name = classes[number % len(classes)]
        words = [f"{name}word{draw.randrange(40)}" for _ in range(6)]
        rows.append((f"{' '.join(words)} of row{number}", name))
    return rows


def split(rows: Sequence[Row], file: str, *, classes: Sequence[str], order: Sequence[int] | None = None) -> Examples:
    """The rows as examples, numbered from 1; order: places of the rows, to shuffle them."""
    places = range(len(rows)) if order is None else order
    return Examples(
        ids=tuple(f"{file}:{place + 1}" for place in places),
        texts=tuple(rows[place][0] for place in places),
        pairs=None,
        labels=np.array([classes.index(rows[place][1]) for place in places], dtype=np.int64),
    )


def dataset(
    train: Sequence[Row] | None = None,
    validation: Sequence[Row] | None = None,
    test: Sequence[Row] | None = None,
    *,
    classes: Sequence[str] = CLASSES,
    seed: int | None = None,
    leaks: Sequence[dict[str, Any]] = (),
) -> Dataset:
    """A data set of the splits given, clean where none is; seed: shuffle the rows of every split with it."""
    given = {
        "train": clean_rows(300) if train is None else train,
        "validation": clean_rows(60, start=1000) if validation is None else validation,
        "test": clean_rows(60, start=2000) if test is None else test,
    }
    splits = {}
    for name, rows in given.items():
        order = list(range(len(rows)))
        if seed is not None:
            random.Random(seed).shuffle(order)
        splits[name] = split(rows, f"{name}.csv", classes=classes, order=order)
    return Dataset(**splits, classes=tuple(classes), test_id="", fingerprint="", summary={"leaks": list(leaks)})
