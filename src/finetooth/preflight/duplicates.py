"""Findings on texts that occur more than once: in one split, in two splits, or with two labels.

Rows that are in two splits are not in the data set any more: data.load dropped them, or refused the data.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from finetooth.data.splits import Leak
from finetooth.preflight.data_finding import OF_SPLIT, SPLITS, Finding, FlaggedRow, Severity, file_and_number
from finetooth.preflight.data_view import DataView, SplitView
from finetooth.wording import counted, roughly

MANY = 0.01  # share of the rows from which repetition is worth a warning
_EFFECT = {
    "train": "Such texts weigh more in training. If they are there by accident, remove them.",
    "validation": "Such texts weigh more when the best step is chosen. If they are there by accident, remove them.",
    "test": "Such texts weigh more in results; intervals count each text once. Finetooth never changes a test set.",
}
_ADVICE = {"train": "remove", "validation": "remove", "test": "for information"}


def find(view: DataView) -> list[Finding]:
    """All findings on repeated texts, the worst first."""
    return [*_conflicts(view), *_dropped(view), *_within(view)]


def _dropped(view: DataView) -> Iterator[Finding]:
    pairs: dict[tuple[str, str], list[Leak]] = defaultdict(list)
    for leak in view.leaks:
        pairs[leak.splits].append(leak)
    for (first, second), leaks in pairs.items():
        leaks.sort(key=lambda leak: file_and_number(leak.id))
        inexact = sum(not leak.exactly for leak in leaks)
        many = len(leaks) >= MANY * (len(leaks) + len(view.splits[first]))
        equal = counted(len(leaks), f"{OF_SPLIT[first]} row that equals", f"{OF_SPLIT[first]} rows that equal")
        were = "was" if len(leaks) == 1 else "were"
        says = f"{equal} a {OF_SPLIT[second]} row {were} dropped{_normalised(inexact)}."
        advice = "This run needs no change. Check how the same row came to be in two files."
        rows = tuple(FlaggedRow(leak.id, first, f"dropped: equals {leak.equals}") for leak in leaks)
        yield Finding("duplicates_left_out", "warn" if many else "note", says, advice, rows)


def _within(view: DataView) -> Iterator[Finding]:
    for split in SPLITS:
        rows, inexact = _repeats(view.splits[split], split)
        if not rows:
            continue
        share = len(rows) / len(view.splits[split])
        severity: Severity = "warn" if share >= MANY else "note"
        repeat = "repeats" if len(rows) == 1 else "repeat"
        count = f"{counted(len(rows), f'{OF_SPLIT[split]} row')} ({roughly(share)})"
        says = f"{count} {repeat} the text of another{_normalised(inexact)}."
        yield Finding("duplicates_in_split", severity, says, _EFFECT[split], tuple(rows))


def _repeats(rows: SplitView, split: str) -> tuple[list[FlaggedRow], int]:
    """The rows that repeat an earlier row of the files, and how many of them do so only after normalising."""
    first: dict[bytes, int] = {}
    earlier: set[tuple[bytes, int]] = set()
    repeats, inexact = [], 0
    for row, (key, exact) in enumerate(zip(rows.keys, rows.exact, strict=True)):
        other = first.setdefault(key, row)
        if other != row:
            repeats.append(FlaggedRow(rows.ids[row], split, f"{_ADVICE[split]}: repeats {rows.ids[other]}"))
            inexact += (key, exact) not in earlier
        earlier.add((key, exact))
    return repeats, inexact


def _conflicts(view: DataView) -> Iterator[Finding]:
    """Texts of the training and validation rows that have more than one label."""
    members: dict[bytes, list[tuple[str, str, str]]] = defaultdict(list)
    for split, examples in (("train", view.train), ("validation", view.validation)):
        labels = examples.labels.tolist()
        for key, row_id, label in zip(view.splits[split].keys, examples.ids, labels, strict=True):
            members[key].append((row_id, split, view.classes[label]))
    rows, texts = [], 0
    for group in members.values():
        copies = Counter(name for _, _, name in group)
        if len(copies) < 2:
            continue
        texts += 1
        (top, most), (_, second) = copies.most_common(2)
        suggested = top if most > second else None
        choice = " or ".join(sorted(copies)[:4])
        advice = f"label it {top}, as most of its copies" if suggested else f"decide: {choice}"
        rows += [FlaggedRow(row_id, split, advice, suggested) for row_id, split, _ in group]
    if rows:
        says = f"{counted(texts, 'text has', 'texts have')} different labels, in {counted(len(rows), 'row')}."
        advice = (
            "For each, a label is wrong or the text does not determine one. Correct the labels, or remove the rows."
        )
        yield Finding("conflicting_labels", "warn", says, advice, tuple(rows))


def _normalised(count: int) -> str:
    """The end of a sentence: how many rows are equal only after normalising."""
    return f", {count:,} of them only after Unicode and spaces are normalised" if count else ""
