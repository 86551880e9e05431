"""What preflight may look at: all of the training and validation rows; of test rows what measurement allows.

Of a test row there are its id, whether its text equals another's, whether it is blank, and, for the split as a whole,
which classes it holds. What looks for faults is handed this and never the test rows, so that nothing in them can lead
to a choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetooth.data import Dataset, Examples, overlap
from finetooth.data.readers import is_visible
from finetooth.preflight.data_finding import SPLITS, place


@dataclass(frozen=True, slots=True)
class Rows:
    """The N rows of a split without labels and texts.

    keys: equal for equal texts after normalising (data/overlap); exact: equal for texts equal as they stand.
    blank: (N,) bool, nothing to be seen in the text, or in one text of a pair. held: numbers of the classes present.
    """

    ids: tuple[str, ...]
    keys: tuple[bytes, ...]
    exact: tuple[int, ...]
    blank: npt.NDArray[np.bool_]
    held: frozenset[int]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Leak:
    """A row that was left out because it equals a row of another split."""

    id: str
    equals: str
    splits: tuple[str, str]
    exactly: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """All rows stand in the order of their files, whatever order they came in. rows: by split."""

    train: Examples
    validation: Examples
    rows: Mapping[str, Rows]
    classes: tuple[str, ...]
    leaks: tuple[Leak, ...]

    def names(self, examples: Examples) -> list[str]:
        """The label of each row by its name."""
        return [self.classes[label] for label in examples.labels.tolist()]


def see(dataset: Dataset) -> Seen:
    """What may be looked at of a data set."""
    train, validation, test = (_in_file_order(getattr(dataset, split)) for split in SPLITS)
    return Seen(
        train=train,
        validation=validation,
        rows={split: _rows(examples) for split, examples in zip(SPLITS, (train, validation, test), strict=True)},
        classes=dataset.classes,
        leaks=tuple(
            Leak(leak["id"], leak["equals"], (leak["splits"][0], leak["splits"][1]), leak["exactly"])
            for leak in dataset.summary.get("leaks", ())
        ),
    )


def taken(examples: Examples, rows: list[int]) -> Examples:
    """The rows at these places, in this order."""
    return Examples(
        ids=tuple(examples.ids[row] for row in rows),
        texts=tuple(examples.texts[row] for row in rows),
        pairs=None if examples.pairs is None else tuple(examples.pairs[row] for row in rows),
        labels=examples.labels[rows],
    )


def _in_file_order(examples: Examples) -> Examples:
    places = [place(row_id) for row_id in examples.ids]
    return taken(examples, sorted(range(len(places)), key=places.__getitem__))


def _rows(examples: Examples) -> Rows:
    pairs = examples.pairs or examples.texts
    both = zip(examples.texts, pairs, strict=True)
    return Rows(
        ids=examples.ids,
        keys=tuple(overlap.keys(examples.texts, examples.pairs)),
        exact=tuple(map(hash, zip(examples.texts, pairs, strict=True))),
        blank=np.fromiter((not (is_visible(text) and is_visible(pair)) for text, pair in both), bool, len(examples)),
        held=frozenset(examples.labels.tolist()),
    )
