"""Texts that stand more than once: in one split, in two, or under different labels."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from finetooth.preflight.data_finding import OF_SPLIT, SPLITS, Finding, Row, Severity, place
from finetooth.preflight.data_view import Leak, Rows, Seen
from finetooth.wording import counted, roughly

MANY = 0.01  # of the rows: from here on a repetition is worth a warning
_WEIGHT = {
    "train": "Such texts weigh more in training. Remove them where they came in by accident.",
    "validation": "Such texts count again where the best step is chosen. Remove them where they came in by accident.",
    "test": "They count again in every figure, and intervals come out too narrow. Finetooth never alters a test set.",
}
_ADVICE = {"train": "remove", "validation": "remove", "test": "know of it"}


def find(seen: Seen) -> list[Finding]:
    """All findings on repeated texts, the worst first."""
    return [*_across(seen), *_conflicts(seen), *_dropped(seen), *_within(seen)]


def _across(seen: Seen) -> Iterator[Finding]:
    """Rows of one split that equal a row of a later one; data.load leaves none."""
    for first, second in (("train", "test"), ("validation", "test"), ("train", "validation")):
        known = {key: row for row, key in reversed(list(enumerate(seen.rows[second].keys)))}
        rows, exact = [], 0
        for row, key in enumerate(seen.rows[first].keys):
            if (twin := known.get(key)) is not None:
                rows.append(Row(seen.rows[first].ids[row], first, f"remove: equals {seen.rows[second].ids[twin]}"))
                exact += seen.rows[first].exact[row] == seen.rows[second].exact[twin]
        if rows:
            says = (
                f"{counted(len(rows), f'{OF_SPLIT[first]} row')} {_verb(len(rows), 'equal')} "
                f"a {OF_SPLIT[second]} row{_levelled(len(rows) - exact)}."
            )
            yield Finding("duplicates_across_splits", "stop", says, "Remove them from one of the two.", tuple(rows))


def _dropped(seen: Seen) -> Iterator[Finding]:
    pairs: dict[tuple[str, str], list[Leak]] = defaultdict(list)
    for leak in seen.leaks:
        pairs[leak.splits].append(leak)
    for (first, second), leaks in pairs.items():
        leaks.sort(key=lambda leak: place(leak.id))
        levelled = sum(not leak.exactly for leak in leaks)
        many = len(leaks) >= MANY * (len(leaks) + len(seen.rows[first]))
        says = (
            f"{counted(len(leaks), f'{OF_SPLIT[first]} row')} that {_verb(len(leaks), 'equal')} a {OF_SPLIT[second]} "
            f"row {'was' if len(leaks) == 1 else 'were'} left out{_levelled(levelled)}."
        )
        advice = "Nothing needs to be done for this run. Where the files came from, find out how one row got into two."
        rows = tuple(Row(leak.id, first, f"left out: equals {leak.equals}") for leak in leaks)
        yield Finding("duplicates_left_out", "warn" if many else "note", says, advice, rows)


def _within(seen: Seen) -> Iterator[Finding]:
    for split in SPLITS:
        rows, levelled = _repeats(seen.rows[split], split)
        if not rows:
            continue
        share = len(rows) / len(seen.rows[split])
        severity: Severity = "warn" if share >= MANY else "note"
        says = (
            f"{counted(len(rows), f'{OF_SPLIT[split]} row')} ({roughly(share)}) {_verb(len(rows), 'repeat')} the text "
            f"of another{_levelled(levelled)}."
        )
        yield Finding("duplicates_in_split", severity, says, _WEIGHT[split], tuple(rows))


def _repeats(rows: Rows, split: str) -> tuple[list[Row], int]:
    """The rows that repeat one that stands before them in the files, and how many do so only after normalising."""
    first: dict[bytes, int] = {}
    met: set[tuple[bytes, int]] = set()
    found, levelled = [], 0
    for row, (key, exact) in enumerate(zip(rows.keys, rows.exact, strict=True)):
        other = first.setdefault(key, row)
        if other != row:
            found.append(Row(rows.ids[row], split, f"{_ADVICE[split]}: repeats {rows.ids[other]}"))
            levelled += (key, exact) not in met
        met.add((key, exact))
    return found, levelled


def _conflicts(seen: Seen) -> Iterator[Finding]:
    """Texts of the training and validation rows that stand under more than one label."""
    members: dict[bytes, list[tuple[str, str, str]]] = defaultdict(list)
    for split, examples in (("train", seen.train), ("validation", seen.validation)):
        for key, row_id, name in zip(seen.rows[split].keys, examples.ids, seen.names(examples), strict=True):
            members[key].append((row_id, split, name))
    rows, texts = [], 0
    for group in members.values():
        labels = Counter(name for _, _, name in group)
        if len(labels) < 2:
            continue
        texts += 1
        (top, most), (_, second) = labels.most_common(2)
        suggested = top if most > second else None
        choice = " or ".join(sorted(labels)[:4])
        advice = f"label it {top}, as most of its copies" if suggested else f"decide: {choice}"
        rows += [Row(row_id, split, advice, suggested) for row_id, split, _ in group]
    if rows:
        stands = "text stands" if texts == 1 else "texts stand"
        says = f"{texts:,} {stands} under different labels, in {counted(len(rows), 'row')}."
        advice = "At least one label of each is wrong, or the text does not decide it. Settle them, or remove the rows."
        yield Finding("conflicting_labels", "warn", says, advice, tuple(rows))


def _levelled(count: int) -> str:
    """The end of a sentence: how many rows are equal only after normalising."""
    return f", {count:,} of them only after Unicode and spaces are levelled" if count else ""


def _verb(count: int, verb: str) -> str:
    return f"{verb}s" if count == 1 else verb
