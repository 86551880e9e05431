"""Small data sets without faults, except those that a test adds."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from finetooth.data import Dataset, Examples

Row = tuple[str, str]  # text, label name
CLASSES = ("ham", "spam")


def clean_rows(count: int, *, start: int = 0, classes: Sequence[str] = CLASSES) -> list[Row]:
    """Rows of the classes in turn: every text differs, and has six of forty words that only its class has."""
    rows = []
    for number in range(start, start + count):
        draw = random.Random(number)
        name = classes[number % len(classes)]
        words = [f"{name}word{draw.randrange(40)}" for _ in range(6)]
        rows.append((f"{' '.join(words)} of row{number}", name))
    return rows


def split(rows: Sequence[Row], file: str, *, classes: Sequence[str], order: Sequence[int] | None = None) -> Examples:
    """The rows as examples, numbered from 1. order: positions of the rows, to shuffle them."""
    positions = range(len(rows)) if order is None else order
    return Examples(
        ids=tuple(f"{file}:{position + 1}" for position in positions),
        texts=tuple(rows[position][0] for position in positions),
        pairs=None,
        labels=np.array([classes.index(rows[position][1]) for position in positions], dtype=np.int64),
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
    """A data set of these splits, without faults in those left out. seed: shuffles the rows of every split."""
    rows_by_split = {
        "train": clean_rows(300) if train is None else train,
        "validation": clean_rows(60, start=1000) if validation is None else validation,
        "test": clean_rows(60, start=2000) if test is None else test,
    }
    splits = {}
    for name, rows in rows_by_split.items():
        order = list(range(len(rows)))
        if seed is not None:
            random.Random(seed).shuffle(order)
        splits[name] = split(rows, f"{name}.csv", classes=classes, order=order)
    return Dataset(**splits, classes=tuple(classes), test_id="", fingerprint="", summary={"leaks": list(leaks)})
