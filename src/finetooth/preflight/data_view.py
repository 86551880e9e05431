"""What preflight may use of a data set: the training and validation rows, and a few facts about the test rows.

For test rows, it has only their ids, which of them have equal texts, and which texts are blank; for the test split,
which classes occur. The checks receive this view and no test rows, so that no choice can depend on their content.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetooth.data import Dataset, Examples, overlap
from finetooth.data.readers import is_visible
from finetooth.data.splits import Leak
from finetooth.preflight.data_finding import SPLITS, file_and_number


@dataclass(frozen=True, slots=True)
class SplitView:
    """The N rows of a split, without labels and texts.

    keys: equal if the texts are equal after normalising (data/overlap). exact: equal if the texts are identical.
    blank: (N,) bool, whether the text, or one text of a pair, has no visible character. present: classes that occur.
    """

    ids: tuple[str, ...]
    keys: tuple[bytes, ...]
    exact: tuple[int, ...]
    blank: npt.NDArray[np.bool_]
    present: frozenset[int]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class DataView:
    """The rows of a data set, sorted in the order of their files. splits: the view of each split, by its name."""

    train: Examples
    validation: Examples
    splits: Mapping[str, SplitView]
    classes: tuple[str, ...]
    leaks: tuple[Leak, ...]


def view_of(dataset: Dataset) -> DataView:
    """The view of a data set."""
    ordered = {}
    for split in SPLITS:
        examples = getattr(dataset, split)
        positions = [file_and_number(row_id) for row_id in examples.ids]
        ordered[split] = examples.select(sorted(range(len(positions)), key=positions.__getitem__))
    return DataView(
        train=ordered["train"],
        validation=ordered["validation"],
        splits={split: _view_of(examples) for split, examples in ordered.items()},
        classes=dataset.classes,
        leaks=tuple(Leak(**leak | {"splits": tuple(leak["splits"])}) for leak in dataset.summary.get("leaks", ())),
    )


def _view_of(examples: Examples) -> SplitView:
    pairs = list(zip(examples.texts, examples.pairs or examples.texts, strict=True))
    return SplitView(
        ids=examples.ids,
        keys=tuple(overlap.keys(examples.texts, examples.pairs)),
        exact=tuple(map(hash, pairs)),
        blank=np.array([not all(map(is_visible, pair)) for pair in pairs], dtype=bool),
        present=frozenset(examples.labels.tolist()),
    )
