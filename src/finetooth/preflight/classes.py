"""Findings on classes: absent classes, rare classes, imbalance. data.load refuses splits of one class."""

from collections.abc import Iterator

import numpy as np

from finetooth.preflight.data_finding import OF_SPLIT, SPLITS, Finding, FlaggedRow
from finetooth.preflight.data_view import DataView
from finetooth.wording import counted, listed, roughly

FEW_ROWS = 5  # of a class: with fewer, a model hardly learns it
TOP_SHARE, WARNED_RATIO, NOTED_RATIO = 0.8, 10, 3
_ABSENT = {
    "train": "A model cannot learn such a class. Add training rows of it, or remove it from data.labels.",
    "validation": "Such a class has no say in the choice of a model. Add validation rows of it, or split more off.",
    "test": "Such a class is not measured. Add test rows of it, or split more off.",
}


def find(view: DataView) -> list[Finding]:
    """All findings on classes, the worst first."""
    return [*_absent(view), *_few(view), *_imbalance(view)]


def _absent(view: DataView) -> Iterator[Finding]:
    for split in SPLITS:
        present = view.splits[split].present
        absent = [name for number, name in enumerate(view.classes) if number not in present]
        if absent:
            has = "has" if len(absent) == 1 else "have"
            names = listed([*map(repr, absent)], 5)
            says = f"{len(absent):,} of {len(view.classes):,} classes {has} no {OF_SPLIT[split]} row: {names}."
            yield Finding("class_absent", "warn", says, _ABSENT[split])


def _few(view: DataView) -> Iterator[Finding]:
    counts = np.bincount(view.train.labels, minlength=len(view.classes))
    few = np.flatnonzero((counts > 0) & (counts < FEW_ROWS))
    if len(few):
        names = listed([repr(view.classes[number]) for number in few.tolist()], 5)
        says = f"{counted(len(few), 'class has', 'classes have')} fewer than {FEW_ROWS} training rows: {names}."
        rows = np.flatnonzero(np.isin(view.train.labels, few)).tolist()
        named = tuple(FlaggedRow(view.train.ids[row], "train", "label more rows of this class") for row in rows)
        yield Finding("few_rows", "warn", says, "Label more rows of them, or merge them with another class.", named)


def _imbalance(view: DataView) -> Iterator[Finding]:
    counts = np.bincount(view.train.labels, minlength=len(view.classes))
    present = np.flatnonzero(counts)
    if len(present) < 2:
        return
    low, high = present[np.argmin(counts[present])], present[np.argmax(counts[present])]
    top, ratio = counts[high] / counts.sum(), counts[high] / counts[low]
    if ratio < NOTED_RATIO:
        return
    says = (
        f"The training rows are {roughly(top)} {view.classes[high]!r} and {roughly(counts[low] / counts.sum())} "
        f"{view.classes[low]!r}, the most and the least frequent of {len(present):,} classes."
    )
    advice = (
        "Frequent classes dominate the accuracy, so read macro-F1 too: `finetooth show RUN --wide`. To choose models "
        "by it: training.monitor: macro_f1. To give rare classes more weight: training.class_weights: balanced. To "
        "predict them more often: decision.thresholds: macro_f1."
    )
    severe = ratio >= WARNED_RATIO or top >= TOP_SHARE
    yield Finding("imbalance", "warn" if severe else "note", says, advice)
