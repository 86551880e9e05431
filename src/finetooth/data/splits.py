"""Divides rows into splits: a test file stays as it is; carved splits keep the share of each stratum.

Equal texts, and rows of one group, stay in one split.

Every choice depends only on data.seed and the rows in file order. A limit takes the first rows of
numpy.random.default_rng(seed).permutation(n), where n is the number of rows of the split: the same draw as
`shuffle(seed)` and `select` in Hugging Face datasets.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from finetooth.data import overlap
from finetooth.data.examples import Examples
from finetooth.data.readers import Table
from finetooth.errors import DataError
from finetooth.recipe import Data
from finetooth.tasks import Targets, Task

Rows = npt.NDArray[np.int64]
_TEST_STREAM, _VALIDATION_STREAM = 1, 2


@dataclass(slots=True)
class Pool:
    """The N good rows of one source, prepared for splitting.

    strata: (N,) int64; each stratum is divided in proportion. keys: from overlap.keys. dropped: for each reason, the
    number of rows dropped.
    """

    table: Table
    examples: Examples
    strata: Rows
    keys: list[bytes]
    dropped: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.examples)


class Leak(NamedTuple):
    """A row that equals a row of another split. exactly: also before the texts are normalised."""

    id: str
    equals: str
    splits: tuple[str, str]
    exactly: bool


@dataclass(slots=True)
class Division:
    """The examples of each split, in their order. outside: for each split, number of rows beyond its limit."""

    examples: dict[str, Examples]
    outside: dict[str, int]
    leaks: list[Leak]
    notes: list[str]


def pool(table: Table, labels: Targets, *, task: Task, to_divide: bool = True) -> Pool:
    """The rows of a table with their targets, strata and keys. to_divide: if False, no keys are computed."""
    pairs = tuple(table.pairs) or None
    slices = {name: tuple(values) for name, values in table.slices.items()}
    examples = Examples(tuple(table.ids), tuple(table.texts), pairs, labels, slices, tuple(table.groups))
    return Pool(table, examples, task.strata(labels), overlap.keys(examples.texts, pairs) if to_divide else [])


def divide(pools: Mapping[str, Pool], *, spec: Data) -> Division:
    """Divide the rows into splits. pools: by split; those without a pool are carved from that of `train`.

    Raises: DataError if a split has no rows left, or rows of two splits are equal and data.on_leak is stop.
    """
    limit, train, validation, test = spec.limit, pools["train"], pools.get("validation"), pools.get("test")
    if validation is None and limit.validation is not None:
        raise DataError(
            f"data.limit.validation: {limit.validation}, but data.source names no validation rows: they are split off "
            f"from the training rows. To split that many off: data.validation: {limit.validation}"
        )
    leaks: list[Leak] = []
    without_leaks = partial(_without, spec=spec, leaks=leaks)
    notes: list[str] = []
    units = overlap.units(train.keys, train.table.groups)
    all_rows = np.arange(len(train), dtype=np.int64)
    if test is None:
        count = _count(spec.test, of=len(train), key="test")
        rng = np.random.default_rng([spec.seed, _TEST_STREAM])
        test_rows = carve(all_rows, strata=train.strata, units=units, count=count, rng=rng, spare=True)
        _check_carved("test", test_rows, all_rows, count=count, units=units, spec=spec)
        with_leaks = train_rows = _less(all_rows, test_rows)
        notes.append(
            f"data.source names no test rows: {len(test_rows):,} of {len(train):,} rows are split off, by class."
        )
    else:
        with_leaks, test_rows = all_rows, np.arange(len(test), dtype=np.int64)
        train_rows = without_leaks(train, all_rows, test, test_rows, splits=("train", "test"))
    if validation is not None:
        every_validation = np.arange(len(validation), dtype=np.int64)
        validation_rows = without_leaks(
            validation, every_validation, pools.get("test", train), test_rows, splits=("validation", "test")
        )
        train_rows = without_leaks(train, train_rows, validation, validation_rows, splits=("train", "validation"))
        _check_left("validation", validation_rows, validation)
    _check_left("train", train_rows, train)
    used = _limited(with_leaks, limit.train, seed=spec.seed, eligible=train_rows)
    outside = _less(train_rows, used)
    counts = {"train": len(train_rows), "test": len(test_rows)}
    if validation is None:
        validation_rows, used, outside = _carve_validation(train, used, outside, units=units, spec=spec, notes=notes)
        validation_outside = 0
    else:
        counts["validation"] = len(validation_rows)
        validation_rows = _limited(every_validation, limit.validation, seed=spec.seed, eligible=validation_rows)
        validation_outside = counts["validation"] - len(validation_rows)
    limited_test = _limited(test_rows, limit.test, seed=spec.seed, eligible=test_rows)
    notes += _unmet_counts(counts, spec=spec, sources=pools)
    rows = {"train": used, "validation": validation_rows, "test": limited_test}
    test_outside = len(test_rows) - len(limited_test)
    beyond_limit = {"train": len(outside), "validation": validation_outside, "test": test_outside}
    examples = {split: pools.get(split, train).examples.select(chosen.tolist()) for split, chosen in rows.items()}
    return Division(examples, beyond_limit, leaks, notes)


def _unmet_counts(counts: Mapping[str, int], *, spec: Data, sources: Collection[str]) -> list[str]:
    """Notes on limits above the number of rows, and on shares to carve for splits that are not carved.

    counts: rows of each split before its limit. sources: the splits with a source of their own.
    """
    notes = []
    for split in ("train", "validation", "test"):
        limit = getattr(spec.limit, split)
        if limit is None or limit <= (available := counts[split]):
            continue
        count, fix = f"there are only {available:,}", ""
        if split not in sources:
            count = f"only {available:,} are split off"
            fix = f" For more: data.{split}: {limit} (it is {getattr(spec, split):g})."
        notes.append(f"data.limit.{split}: {limit:,} rows are requested, but {count}.{fix}")
    for split in ("validation", "test"):
        share = getattr(spec, split)
        if split in sources and share != Data.model_fields[split].default:
            notes.append(
                f"data.{split}: {share:g} is not used, because the {split} rows have a source of their own. To use "
                f"fewer of them: data.limit.{split}: ROWS"
            )
    return notes


def carve(rows: Rows, *, strata: Rows, units: Rows, count: int, rng: np.random.Generator, spare: bool) -> Rows:
    """About `count` of `rows`, ascending, each stratum in proportion. A unit is carved completely or not at all.

    If every unit is one row, the counts are exact. strata: (N,) int64 of all rows. spare: leave at least one row of
    every stratum.
    """
    totals = np.bincount(strata[rows])
    targets = _targets(totals, count=count, spare=spare)
    distinct, unit_of_row = np.unique(units[rows], return_inverse=True)
    order = rng.permutation(len(distinct))
    if len(distinct) == len(rows):  # the usual case; the loop below would choose the same rows, more slowly
        shuffled = rows[np.argsort(units[rows])][order]
        by_stratum = shuffled[np.argsort(strata[shuffled], kind="stable")]
        starts = np.cumsum(totals) - totals
        return np.sort(by_stratum[np.arange(len(rows)) - np.repeat(starts, totals) < np.repeat(targets, totals)])
    members: list[list[int]] = [[] for _ in distinct]
    for row, unit in zip(rows.tolist(), unit_of_row.tolist(), strict=True):
        members[unit].append(row)
    left, need, missing = totals.tolist(), targets.tolist(), int(targets.sum())
    stratum_of = strata.tolist()
    carved: list[int] = []
    for unit in order.tolist():
        counts: dict[int, int] = {}  # most units are one row, for which a Counter is slow
        for row in members[unit]:
            counts[stratum_of[row]] = counts.get(stratum_of[row], 0) + 1
        change = sum(abs(need[name] - n) - abs(need[name]) for name, n in counts.items())
        if change >= 0 or (spare and any(left[name] - n < 1 for name, n in counts.items())):
            continue  # with the unit the counts would be further from the targets, or a stratum would have no row left
        for name, n in counts.items():
            need[name] -= n
            left[name] -= n
        missing += change
        carved += members[unit]
        if missing == 0:
            break
    return np.sort(np.array(carved, dtype=np.int64))


def _targets(totals: Rows, *, count: int, spare: bool) -> Rows:
    """The number of rows to carve from each stratum: its share of `count`, rounded by largest remainders."""
    most = np.maximum(totals - 1, 0) if spare else totals
    ideal = count * totals / max(int(totals.sum()), 1)
    targets = np.minimum(np.floor(ideal).astype(np.int64), most)
    for name in np.argsort(-(ideal - np.floor(ideal)), kind="stable"):
        if targets.sum() >= count:
            break
        targets[name] += targets[name] < most[name]
    return targets


def _limited(rows: Rows, limit: int | None, *, seed: int, eligible: Rows) -> Rows:
    """The first `limit` eligible rows when `rows` are shuffled by the seed; all eligible rows if there is no limit."""
    if limit is None:
        return eligible
    shuffled = rows[np.random.default_rng(seed).permutation(len(rows))]
    return shuffled[np.isin(shuffled, eligible, kind="table")][:limit]


def _less(rows: Rows, removed: Rows) -> Rows:
    """`rows` without those in `removed`, in the same order."""
    return rows[~np.isin(rows, removed, kind="table")]


def _carve_validation(
    train: Pool, used: Rows, outside: Rows, *, units: Rows, spec: Data, notes: list[str]
) -> tuple[Rows, Rows, Rows]:
    """(validation rows, remaining training rows, remaining rows outside data.limit.train).

    used: the training rows within data.limit.train; outside: those beyond it, which are used first if enough.
    """
    count = _count(spec.validation, of=len(used), key="validation", least_left=0 if len(outside) else 1)
    rng = np.random.default_rng([spec.seed, _VALIDATION_STREAM])
    free = outside[~np.isin(units[outside], units[used], kind="table")]
    from_outside = len(free) >= count
    if not from_outside:
        count, free = _count(spec.validation, of=len(used), key="validation"), np.sort(used)
    chosen = carve(free, strata=train.strata, units=units, count=count, rng=rng, spare=not from_outside)
    _check_carved("validation", chosen, free, count=count, units=units, spec=spec)
    origin = "from outside data.limit.train" if from_outside else "from the training rows"
    notes.append(f"data.source names no validation rows: {len(chosen):,} rows are split off {origin}, by class.")
    return (chosen, used, _less(outside, chosen)) if from_outside else (chosen, _less(used, chosen), outside)


def _check_left(split: str, rows: Rows, pool: Pool) -> None:
    """Check that the split has rows. Raises: DataError with the reasons why rows were dropped."""
    if not len(rows):
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in pool.dropped.items())
        dropped = f" ({reasons}; do two splits have the same rows?)" if reasons else ""
        raise DataError(
            f"no row is left for the {split} split{dropped}. Add rows, or change data.test and data.validation."
        )


def _check_carved(split: str, chosen: Rows, rows: Rows, *, count: int, units: Rows, spec: Data) -> None:
    """Check that rows were carved for the split. Raises: DataError with the reason why no row can be."""
    if len(chosen):
        return
    sizes = np.unique(units[rows], return_counts=True)[1]
    if sizes.min() > 1:
        kind = "groups" if spec.group is not None else "sets of equal texts"
        reason = (
            f"they form {len(sizes):,} {kind} that are not divided; the smallest has {sizes.min():,} rows, and each is "
            "too large for the share of its classes"
        )
        fix = f"Raise data.{split}"
    else:
        reason = "every class must keep a training row, and no class has more"
        fix = "Add rows"
    raise DataError(
        f"no row can be split off for the {split} split: {count:,} of {len(rows):,} rows are requested, but {reason}. "
        f"{fix}, or name a file of {split} rows in data.source."
    )


def _count(share: float, *, of: int, key: str, least_left: int = 1) -> int:
    """The number of rows to carve. share: a share below 1, or a number. Raises: DataError if there are too few rows."""
    if share >= 1 and share != int(share):
        raise DataError(f"data.{key}: {share} is neither a share below 1 nor a whole number of rows. Round it.")
    count = int(share) if share >= 1 else max(1, round(share * of))
    if least_left and count > of - least_left:
        raise DataError(
            f"data.{key}: {count:,} rows are requested, but there are only {of:,} to split them off. Lower data.{key}."
        )
    return count


def _without(
    pool: Pool, rows: Rows, other: Pool, other_rows: Rows, *, spec: Data, splits: tuple[str, str], leaks: list[Leak]
) -> Rows:
    """`rows` of `pool` without those that equal one of `other_rows` or share a group with one; counts what it drops.

    splits: the names of the two. Raises: DataError for equal rows if data.on_leak is stop.
    """
    row_of_key = {other.keys[row]: row for row in reversed(other_rows.tolist())}
    groups = {other.table.groups[row] for row in other_rows.tolist()} - {None} if other.table.groups else set()
    remaining, equal = [], []
    for row in rows.tolist():
        twin = row_of_key.get(pool.keys[row])
        if twin is not None:
            exactly = _content(pool, row) == _content(other, twin)
            equal.append(Leak(pool.table.ids[row], other.table.ids[twin], splits, exactly))
        elif groups and pool.table.groups[row] in groups:
            pool.dropped[f"shares a group with the {splits[1]} rows"] += 1
        else:
            remaining.append(row)
    if equal and spec.on_leak == "stop":
        listed = "\n".join(f"{leak.id} equals {leak.equals}" for leak in equal[:5])
        more = f"\n... and {len(equal) - 5:,} more" if len(equal) > 5 else ""
        raise DataError(
            f"{len(equal):,} rows are in two splits:\n{listed}{more}\n"
            "Remove them, or have them dropped and counted: data.on_leak: drop"
        )
    if equal:
        pool.dropped[f"equals a {splits[1]} row"] += len(equal)
        leaks += equal
    return np.array(remaining, dtype=np.int64)


def _content(pool: Pool, row: int) -> tuple[str, str | None]:
    """The text and the second text of a row, unchanged."""
    return pool.table.texts[row], pool.table.pairs[row] if pool.table.pairs else None
