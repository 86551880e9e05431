"""What is wrong with the classes as such: absent ones, rare ones, one that outweighs the others."""

from collections.abc import Iterator

import numpy as np

from finetooth.preflight.data_finding import OF_SPLIT, SPLITS, Finding, Row
from finetooth.preflight.data_view import Seen
from finetooth.wording import listed, roughly

FEW_ROWS = 5  # of a class: fewer can hardly be learnt from
TOP_SHARE, WARNED_RATIO, NOTED_RATIO = 0.8, 10, 3
_ABSENT = {
    "train": "It can never be predicted. Name training rows that hold it, or leave it out of data.labels.",
    "validation": "Nothing is chosen with it in mind. Name validation rows that hold it, or carve more of them.",
    "test": "Nothing is measured of it. Name test rows that hold it, or carve more of them.",
}


def find(seen: Seen) -> list[Finding]:
    """All findings on classes, the worst first."""
    return [*_one(seen), *_absent(seen), *_few(seen), *_imbalance(seen)]


def _one(seen: Seen) -> Iterator[Finding]:
    """Splits of one class; data.load refuses them, saying why it came to that."""
    for split in SPLITS:
        held = sorted(seen.rows[split].held)
        if len(held) == 1:
            says = f"The {OF_SPLIT[split]} rows hold only the label {seen.classes[held[0]]!r}."
            advice = "A part of a file that is sorted by label looks like this: shuffle before cutting."
            yield Finding("one_class_split", "stop", says, advice)


def _absent(seen: Seen) -> Iterator[Finding]:
    for split in SPLITS:
        held = seen.rows[split].held
        absent = [name for number, name in enumerate(seen.classes) if number not in held]
        if absent and len(held) > 1:
            has = "has" if len(absent) == 1 else "have"
            names = listed([*map(repr, absent)], 5)
            says = f"{len(absent):,} of {len(seen.classes):,} classes {has} no {OF_SPLIT[split]} row: {names}."
            yield Finding("class_absent", "warn", says, _ABSENT[split])


def _few(seen: Seen) -> Iterator[Finding]:
    counts = np.bincount(seen.train.labels, minlength=len(seen.classes))
    few = np.flatnonzero((counts > 0) & (counts < FEW_ROWS))
    if len(few):
        names = [seen.classes[number] for number in few.tolist()]
        have = "class has" if len(few) == 1 else "classes have"
        says = f"{len(few):,} {have} fewer than {FEW_ROWS} training rows: {listed([*map(repr, names)], 5)}."
        rows = np.flatnonzero(np.isin(seen.train.labels, few)).tolist()
        named = tuple(Row(seen.train.ids[row], "train", "label more rows of this class") for row in rows)
        yield Finding("few_rows", "warn", says, "Label more rows of them, or join them with another class.", named)


def _imbalance(seen: Seen) -> Iterator[Finding]:
    counts = np.bincount(seen.train.labels, minlength=len(seen.classes))
    present = np.flatnonzero(counts)
    if len(present) < 2:
        return
    low, high = present[np.argmin(counts[present])], present[np.argmax(counts[present])]
    top, ratio = counts[high] / counts.sum(), counts[high] / counts[low]
    if ratio < NOTED_RATIO:
        return
    says = (
        f"The training rows are {roughly(top)} {seen.classes[high]!r} and {roughly(counts[low] / counts.sum())} "
        f"{seen.classes[low]!r}, the most and the least frequent of {len(present):,} classes."
    )
    advice = (
        "Read macro-F1 (`finetooth show RUN --wide`) beside accuracy, which the frequent classes rule; "
        "training.monitor: macro_f1 chooses by it, training.class_weights: balanced weighs rare classes up, "
        "decision.thresholds: macro_f1 says them more often."
    )
    severe = ratio >= WARNED_RATIO or top >= TOP_SHARE
    yield Finding("imbalance", "warn" if severe else "note", says, advice)
