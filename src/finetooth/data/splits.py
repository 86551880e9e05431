"""Who goes where: a given test set as it is, the rest divided by stratum, with equal texts and groups on one side.

Every choice follows from data.seed and the rows in file order. A limit takes the first rows of
numpy.random.default_rng(seed).permutation(n), n being all rows of the split, which is what `shuffle(seed)` and
`select` of Hugging Face datasets do.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.data import overlap
from finetooth.data.readers import Table
from finetooth.errors import DataError
from finetooth.recipe import Data
from finetooth.tasks import Targets, Task

Rows = npt.NDArray[np.int64]
_TEST_STREAM, _VALIDATION_STREAM = 1, 2


@dataclass(slots=True)
class Pool:
    """The rows of one source with what splitting needs of them.

    labels: the targets of the task, one each row. strata: (N,) int64, by which rows are divided in proportion.
    dropped: reason to number of rows.
    """

    table: Table
    labels: Targets
    strata: Rows
    keys: list[bytes]
    dropped: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.table.ids)


@dataclass(slots=True)
class Division:
    """The rows used of each split, in their order; those moved out of the training source; those beyond the limit."""

    train: Rows
    validation: Rows
    test: Rows
    moved: int
    outside: dict[str, int]
    leaks: list[dict[str, Any]]
    notes: list[str]


def pool(table: Table, labels: Targets, *, task: Task) -> Pool:
    """The rows of a table with their strata and keys."""
    return Pool(
        table=table, labels=labels, strata=task.strata(labels), keys=overlap.keys(table.texts, table.pairs or None)
    )


def divide(train: Pool, validation: Pool | None, test: Pool | None, *, spec: Data) -> Division:
    """The division of the rows. train: the training source, from which missing splits are carved.

    Raises: DataError when a split is left without rows, or rows leak and data.on_leak is stop.
    """
    leaks: list[dict[str, Any]] = []
    notes: list[str] = []
    units = overlap.units(train.keys, train.table.groups)
    every = np.arange(len(train), dtype=np.int64)
    if test is None:
        count = _count(spec.test, of=len(train), key="test")
        rng = np.random.default_rng([spec.seed, _TEST_STREAM])
        carved = carve(every, strata=train.strata, units=units, count=count, rng=rng, spare=True)
        _refuse_uncarved("test", carved, every, count=count, units=units, spec=spec)
        rest = _less(every, carved)
        whole_test = carved
        notes.append(f"no test rows are given: {len(carved):,} of {len(train):,} were carved, by class.")
    else:
        rest, whole_test = every, np.arange(len(test), dtype=np.int64)
        rest = _without(train, rest, test, spec=spec, between=("train", "test"), leaks=leaks)
    given = None
    limit = spec.limit
    if validation is None and limit.validation is not None:
        raise DataError(
            f"data.limit.validation: {limit.validation}, but no validation rows are given to limit: they are carved "
            f"from the training rows. To carve so many: data.validation: {limit.validation}"
        )
    if validation is not None:
        given = np.arange(len(validation), dtype=np.int64)
        against = test if test is not None else _part(train, whole_test)
        given = _without(validation, given, against, spec=spec, between=("validation", "test"), leaks=leaks)
        between = ("train", "validation")
        rest = _without(train, rest, _part(validation, given), spec=spec, between=between, leaks=leaks)
        _refuse_empty("validation", given, validation)
    _refuse_empty("train", rest, train)
    _refuse_empty("test", whole_test, train)
    before = every if test is not None else _less(every, whole_test)
    used = _limited(before, limit.train, seed=spec.seed, eligible=rest)
    outside = _less(rest, used)
    rows = {"train": len(rest), "test": len(whole_test)}
    if given is None:
        given, used, outside = _carve_validation(train, used, outside, units=units, spec=spec, notes=notes)
        beyond = 0
    else:
        rows["validation"] = len(given)
        every_given = np.arange(len(validation or ()), dtype=np.int64)
        limited = _limited(every_given, limit.validation, seed=spec.seed, eligible=given)
        given, beyond = limited, len(given) - len(limited)
    limited_test = _limited(whole_test, limit.test, seed=spec.seed, eligible=whole_test)
    moved = (0 if test is not None else len(whole_test)) + (0 if validation is not None else len(given))
    notes += _unmet_counts(rows, spec=spec, given={"validation": validation is not None, "test": test is not None})
    return Division(
        train=used, validation=given, test=limited_test, moved=moved, leaks=leaks, notes=notes,
        outside={"train": len(outside), "validation": beyond, "test": len(whole_test) - len(limited_test)},
    )  # fmt: skip


def _unmet_counts(rows: Mapping[str, int], *, spec: Data, given: Mapping[str, bool]) -> list[str]:
    """Notes of limits above the rows that there are, and of shares to carve for splits that are not carved.

    rows: those of each split before its limit; given: whether a split has a source of its own.
    """
    notes = []
    for split in ("train", "validation", "test"):
        limit = getattr(spec.limit, split)
        if limit is None or split not in rows or limit <= rows[split]:
            continue
        carved = split == "test" and not given["test"]
        there = f"{rows[split]:,} were carved" if carved else f"there are {rows[split]:,}"
        fix = f" For more: data.test: {limit} (it is {spec.test:g})." if carved else ""
        notes.append(f"data.limit.{split}: {limit:,} rows are asked for, and {there}.{fix}")
    for split, is_given in given.items():
        share = getattr(spec, split)
        if is_given and share != Data.model_fields[split].default:
            notes.append(
                f"data.{split}: {share:g} is not used, for {split} rows have a source of their own. To use fewer of "
                f"them: data.limit.{split}: ROWS"
            )
    return notes


def carve(rows: Rows, *, strata: Rows, units: Rows, count: int, rng: np.random.Generator, spare: bool) -> Rows:
    """About `count` of `rows`, ascending, each stratum in proportion, whole units only; exactly so when units are rows.

    strata: (N,) int64 of all rows. spare: leave at least one row of every stratum behind.
    """
    totals = np.bincount(strata[rows])
    wanted = _targets(totals, count=count, spare=spare)
    count_units, where = overlap.renumber(units[rows])
    order = rng.permutation(count_units)
    if count_units == len(rows):
        member = np.empty(count_units, dtype=np.int64)
        member[where] = rows
        shuffled = member[order]
        ranks = _ranks(strata[shuffled])
        return np.sort(shuffled[ranks < wanted[strata[shuffled]]])
    members: list[list[int]] = [[] for _ in range(count_units)]
    for row, place in zip(rows.tolist(), where.tolist(), strict=True):
        members[place].append(row)
    left, need, missing = totals.tolist(), wanted.tolist(), int(wanted.sum())
    stratum_of = strata.tolist()
    taken: list[int] = []
    for place in order.tolist():
        counts: dict[int, int] = {}  # most units are one row, for which a Counter is slow
        for row in members[place]:
            counts[stratum_of[row]] = counts.get(stratum_of[row], 0) + 1
        change = sum(abs(need[name] - n) - abs(need[name]) for name, n in counts.items())
        if change >= 0 or (spare and any(left[name] - n < 1 for name, n in counts.items())):
            continue  # taking the unit would lead away from the wanted numbers, or use a stratum up
        for name, n in counts.items():
            need[name] -= n
            left[name] -= n
        missing += change
        taken += members[place]
        if missing == 0:
            break
    return np.sort(np.array(taken, dtype=np.int64))


def _targets(totals: Rows, *, count: int, spare: bool) -> Rows:
    """Rows wanted of each stratum: shares of `count` rounded by largest remainders."""
    most = np.maximum(totals - 1, 0) if spare else totals
    ideal = count * totals / max(int(totals.sum()), 1)
    wanted = np.minimum(np.floor(ideal).astype(np.int64), most)
    for name in np.argsort(-(ideal - np.floor(ideal)), kind="stable"):
        if wanted.sum() >= count:
            break
        wanted[name] += wanted[name] < most[name]
    return wanted


def _ranks(strata: Rows) -> Rows:
    """For each position, how many earlier positions are of the same stratum."""
    order = np.argsort(strata, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(strata))[:-1]])
    ranks = np.empty(len(strata), dtype=np.int64)
    ranks[order] = np.arange(len(strata)) - starts[strata[order]]
    return ranks


def _limited(rows: Rows, limit: int | None, *, seed: int, eligible: Rows) -> Rows:
    if limit is None:
        return eligible
    shuffled = rows[np.random.default_rng(seed).permutation(len(rows))]
    return shuffled[np.isin(shuffled, eligible, kind="table")][:limit]


def _less(rows: Rows, gone: Rows) -> Rows:
    """`rows` without those in `gone`, order kept."""
    return rows[~np.isin(rows, gone, kind="table")]


def _carve_validation(
    train: Pool, used: Rows, outside: Rows, *, units: Rows, spec: Data, notes: list[str]
) -> tuple[Rows, Rows, Rows]:
    """(validation rows, training rows left, rows outside left)."""
    count = _count(spec.validation, of=len(used), key="validation", least_left=0 if len(outside) else 1)
    rng = np.random.default_rng([spec.seed, _VALIDATION_STREAM])
    free = outside[~np.isin(units[outside], units[used], kind="table")]
    if len(free) >= count:
        chosen = carve(free, strata=train.strata, units=units, count=count, rng=rng, spare=False)
        _refuse_uncarved("validation", chosen, free, count=count, units=units, spec=spec)
        notes.append(
            f"no validation rows are given: {len(chosen):,} were carved, by class, from outside data.limit.train."
        )
        return chosen, used, _less(outside, chosen)
    count = _count(spec.validation, of=len(used), key="validation")
    chosen = carve(np.sort(used), strata=train.strata, units=units, count=count, rng=rng, spare=True)
    _refuse_uncarved("validation", chosen, used, count=count, units=units, spec=spec)
    notes.append(f"no validation rows are given: {len(chosen):,} were carved, by class, from the training rows.")
    return chosen, _less(used, chosen), outside


def _refuse_empty(split: str, rows: Rows, whole: Pool) -> None:
    if not len(rows):
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in whole.dropped.items())
        gone = f" ({reasons}; are two splits the same rows?)" if reasons else ""
        raise DataError(
            f"no row is left for the {split} split{gone}. Give more rows, or change data.test and data.validation."
        )


def _refuse_uncarved(split: str, chosen: Rows, rows: Rows, *, count: int, units: Rows, spec: Data) -> None:
    if len(chosen):
        return
    sizes = np.bincount(overlap.renumber(units[rows])[1])
    if sizes.min() > 1:
        what = "groups" if spec.group is not None else "sets of equal texts"
        reason = (
            f"they come in {len(sizes):,} {what} that stay whole, the smallest of {sizes.min():,} rows, "
            "each too large for the share of its classes"
        )
        cure = f"Raise data.{split}"
    else:
        reason = "every class keeps a training row, and no class has one to spare"
        cure = "Give more rows"
    raise DataError(
        f"no row can be carved for the {split} split: {count:,} of {len(rows):,} rows are wanted, but {reason}. "
        f"{cure}, or name {split} rows of their own in data.source."
    )


def _count(asked: float, *, of: int, key: str, least_left: int = 1) -> int:
    if asked >= 1 and asked != int(asked):
        raise DataError(f"data.{key}: {asked} is neither a share below 1 nor a whole number of rows.")
    count = int(asked) if asked >= 1 else max(1, round(asked * of))
    if least_left and count > of - least_left:
        raise DataError(
            f"data.{key}: {count:,} rows are asked for, but there are only {of:,} to carve from. Lower data.{key}."
        )
    return count


def _part(whole: Pool, rows: Rows) -> Pool:
    table = Table(
        ids=[whole.table.ids[row] for row in rows],
        texts=[whole.table.texts[row] for row in rows],
        pairs=[whole.table.pairs[row] for row in rows] if whole.table.pairs else [],
        groups=[whole.table.groups[row] for row in rows] if whole.table.groups else [],
    )
    return Pool(
        table=table, labels=whole.labels[rows], strata=whole.strata[rows], keys=[whole.keys[row] for row in rows]
    )


def _without(
    whole: Pool, rows: Rows, other: Pool, *, spec: Data, between: tuple[str, str], leaks: list[dict[str, Any]]
) -> Rows:
    """`rows` of `whole` less those equal to, or of one group with, a row of `other`; what is dropped is counted.

    between: the splits of `whole` and `other`.
    """
    known = {key: row for row, key in reversed(list(enumerate(other.keys)))}
    groups = {group for group in other.table.groups if group is not None}
    kept, equal = [], []
    for row in rows.tolist():
        twin = known.get(whole.keys[row])
        if twin is not None:
            exact = _content(whole.table, row) == _content(other.table, twin)
            twins = {"id": whole.table.ids[row], "equals": other.table.ids[twin]}
            equal.append(twins | {"splits": list(between), "exactly": exact})
        elif groups and whole.table.groups[row] in groups:
            whole.dropped[f"shares a group with the {between[1]} rows"] += 1
        else:
            kept.append(row)
    if equal and spec.on_leak == "stop":
        listed = "\n".join(f"{leak['id']} equals {leak['equals']}" for leak in equal[:5])
        more = f"\n... and {len(equal) - 5:,} more" if len(equal) > 5 else ""
        raise DataError(
            f"{len(equal):,} rows stand in two splits:\n{listed}{more}\n"
            "Remove them, or let them be dropped and counted: data.on_leak: drop"
        )
    if equal:
        whole.dropped[f"equals a {between[1]} row"] += len(equal)
        leaks += equal
    return np.array(kept, dtype=np.int64)


def _content(table: Table, row: int) -> tuple[str, str | None]:
    """Text and second text of a row, as they stand in the file."""
    return table.texts[row], table.pairs[row] if table.pairs else None
