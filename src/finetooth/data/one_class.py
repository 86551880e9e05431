"""A split of one class: nothing can be learnt from it, chosen by it or measured on it."""

from collections.abc import Mapping

import numpy as np

from finetooth.data.examples import Examples
from finetooth.data.splits import Pool
from finetooth.errors import DataError

_TELLING = 10  # rows: fewer may stand in the order of their labels by chance


def refuse(splits: Mapping[str, Examples], pools: Mapping[str, Pool], *, classes: tuple[str, ...]) -> None:
    """Pass if every split holds two classes or more.

    pools: the rows that were given, by split; a split without a pool of its own was carved from that of `train`.
    Raises: DataError naming the label, why it stands alone as far as it can be told, and the cure.
    """
    for split, examples in splits.items():
        held = np.unique(examples.labels)
        if len(held) > 1:
            continue
        only = classes[int(held[0])]
        if split == "train":
            raise DataError(
                f"the training rows used hold only the label {only!r}; two classes or more are needed. "
                "Raise data.limit.train, or draw with another data.seed."
            )
        rows = "the only row" if len(examples) == 1 else f"all {len(examples):,} rows"
        purpose = "choose by" if split == "validation" else "measure on"
        raise DataError(
            f"{rows} of the {split} split {'has' if len(examples) == 1 else 'have'} the label {only!r}: there is "
            f"nothing to {purpose} with one class. {_cure(split, pools)}"
        )


def is_sorted(pool: Pool) -> bool:
    """Whether the rows stand sorted by label: all rows of a class together."""
    changes = int((pool.labels[1:] != pool.labels[:-1]).sum())
    return len(pool) >= _TELLING and 0 < changes == len(np.unique(pool.labels)) - 1


def _cure(split: str, pools: Mapping[str, Pool]) -> str:
    pool = pools.get(split)
    if pool is None:
        return f"Raise data.{split}, or name {split} rows of their own in data.source."
    if len(np.unique(pool.labels)) > 1:
        dropped = "Its rows of other labels were dropped, for they equal test rows: name other validation rows."
        return dropped if split == "validation" else "Raise data.limit.test, or draw with another data.seed."
    if len(pool) < _TELLING:
        return f"Name more {split} rows in data.source."
    if is_sorted(pools["train"]):
        return (
            "The training rows stand sorted by label, so this looks like a part of a sorted file: "
            "shuffle that file before it is cut, or give all of it."
        )
    return "A part of a file sorted by label looks like this: shuffle the file before it is cut, or give all of it."
