"""Loads files into three splits, and accounts for every row."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finetooth import errors
from finetooth.data import column_roles, discover, readers, splits
from finetooth.data.examples import Dataset, Examples, content_id, fingerprint
from finetooth.data.malformed import Rejects
from finetooth.data.readers import Table
from finetooth.errors import DataError
from finetooth.progress import Progress, Silent
from finetooth.recipe import Data
from finetooth.tasks import DEFAULT, Task
from finetooth.wording import listed

_SHOWN = 5
_SORTED_ROWS = 10  # fewer rows may be in the order of their labels by chance


def load(
    spec: Data,
    sources: Mapping[str, Sequence[Path]],
    *,
    task: Task = DEFAULT,
    rejects: Path | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """The splits that the recipe describes. sources: paths under train, validation and test, or all under `all`.

    task: what the labels are. rejects: the file for malformed rows, as JSON lines, if data.on_bad_row is skip.
    Raises: DataError with the file and row, what is wrong and what to do; RecipeError for an impossible value.
    """
    progress = progress or Silent()
    data_files = discover.find(sources, spec=spec)
    first = next(iter(data_files.parts.values()))[0]
    head = readers.spread_sample(readers.read_sample(first, spec=spec))
    chosen = column_roles.resolve(head, spec=spec, carved="test" not in data_files.parts)
    bad = Rejects(spec.on_bad_row)
    parts_of = {"train" if name == discover.ALL else name: parts for name, parts in data_files.parts.items()}
    tables = {
        split: readers.read_split(parts, chosen, split=split, spec=spec, task=task, rejects=bad, progress=progress)
        for split, parts in parts_of.items()
    }
    bad.check()
    bad.write(rejects)
    _check_rows(tables, spec=spec)
    with column_roles.naming_label(chosen):
        labels = task.resolve(set(tables["train"].labels), declared=spec.labels)
        pools = {split: splits.pool(table, labels.encode(table.labels), task=task) for split, table in tables.items()}
        check_labels(pools, labels.classes, task=task, declared=spec.labels is not None)
    division = splits.divide(pools, spec=spec)
    examples = division.examples
    with column_roles.naming_label(chosen):
        _check_classes(examples, pools, classes=labels.classes)
    table_notes = [note for table in tables.values() for note in table.notes]
    all_notes = [data_files.notes, head.notes, chosen.notes, table_notes, labels.notes, division.notes]
    test_id = content_id(examples["test"], classes=labels.classes, task=task)
    all_id = fingerprint(examples.values(), classes=labels.classes, task=task)
    summary = {
        "files": [fact for table in tables.values() for fact in table.facts],
        "columns": _columns_summary(chosen),
        "left_out": dict(chosen.left_out),
        "classes": list(labels.classes),
        "first_label_number": labels.first_number,
        "rows": _accounts(pools, division, bad),
        "malformed": bad.kinds(),
        "counts": {split: _counts(examples[split], labels.classes) for split in ("train", "validation")},
        "test_classes": [labels.classes[number] for number in np.unique(examples["test"].labels).tolist()],
        "leaks": [leak._asdict() | {"splits": list(leak.splits)} for leak in division.leaks],
        "notes": list(dict.fromkeys(note for notes in all_notes for note in notes)),
        "order": "file order; with a limit, the order of numpy.random.default_rng(seed).permutation",
        "seed": spec.seed,
        "test_id": test_id,
        "fingerprint": all_id,
    }
    return Dataset(
        train=examples["train"], validation=examples["validation"], test=examples["test"], classes=labels.classes,
        test_id=test_id, fingerprint=all_id, summary=summary, label_source=chosen.label_source,
    )  # fmt: skip


def _check_rows(tables: Mapping[str, Table], *, spec: Data) -> None:
    """Check that every split has rows, and that the columns of data.keep and data.group have values.

    Raises: DataError with the files or the column.
    """
    train = tables["train"]
    readers.check_keep(train, spec=spec)
    for split, table in tables.items():
        if not table.ids:
            raise DataError(f"{files_of(table)}: the {split} split has no usable row.{_why_empty(table)}")
    if spec.group is not None and not any(train.groups):
        empty = f"column {spec.group!r} (data.group) is empty in every training row. Name another column."
        raise DataError(f"{files_of(train)}: {empty}")


def check_labels(pools: Mapping[str, splits.Pool], classes: tuple[str, ...], *, task: Task, declared: bool) -> None:
    """Check that the label of every row is one of `classes`. declared: whether the recipe names the classes.

    Raises: DataError with the first rows of a split that have another label, and the nearest class.
    """
    names = listed(classes, 8)
    for split, pool in pools.items():
        unknown = np.flatnonzero(task.unknown(pool.examples.labels))
        if not len(unknown):
            continue
        lines = []
        for row in unknown[:_SHOWN].tolist():
            file, _, number = pool.table.ids[row].rpartition(":")
            name = pool.table.labels[row]
            known = f"is not one of the labels ({names})" if declared else "occurs in no training row"
            lines.append(f"{file} row {number}: label {name!r} {known}.{errors.did_you_mean(name, classes)}")
        if len(unknown) > _SHOWN:
            lines.append(f"... and {len(unknown) - _SHOWN:,} more rows of the {split} split.")
        fix = "data.labels must name every class" if declared else f"The classes of the training rows are: {names}"
        lines.append(f"{fix}. Correct the rows, or leave them out with data.keep.")
        raise DataError("\n".join(lines))


def _check_classes(
    examples_by_split: Mapping[str, Examples], pools: Mapping[str, splits.Pool], *, classes: tuple[str, ...]
) -> None:
    """Check that every split has two or more classes.

    pools: the rows by source. A split without a pool of its own was carved from that of `train`.
    Raises: DataError with the only label, the likely reason and what to do.
    """
    for split, examples in examples_by_split.items():
        present = np.unique(examples.labels)
        if len(present) > 1:
            continue
        only = classes[int(present[0])]
        if split == "train":
            raise DataError(
                f"all training rows that are used have the label {only!r}, but two or more classes are needed. "
                "Raise data.limit.train, or draw other rows with data.seed."
            )
        rows = "the only row" if len(examples) == 1 else f"all {len(examples):,} rows"
        purpose = "choose a model" if split == "validation" else "measure a model"
        raise DataError(
            f"{rows} of the {split} split {'has' if len(examples) == 1 else 'have'} the label {only!r}; one class is "
            f"not enough to {purpose}. {_one_class_fix(split, pools)}"
        )


def _is_sorted(pool: splits.Pool) -> bool:
    """Whether the rows are sorted by label: all rows of a class together."""
    labels = pool.examples.labels
    changes = int((labels[1:] != labels[:-1]).sum())
    return len(pool) >= _SORTED_ROWS and 0 < changes == len(np.unique(labels)) - 1


def _one_class_fix(split: str, pools: Mapping[str, splits.Pool]) -> str:
    pool = pools.get(split)
    if pool is None:
        return f"Raise data.{split}, or name a file of {split} rows in data.source."
    if len(np.unique(pool.examples.labels)) > 1:
        dropped = "Its rows with other labels were dropped because they equal test rows: name other validation rows."
        return dropped if split == "validation" else "Raise data.limit.test, or draw other rows with data.seed."
    if len(pool) < _SORTED_ROWS:
        return f"Name more {split} rows in data.source."
    sorted_by = (
        "The training rows are sorted by label" if _is_sorted(pools["train"]) else "The rows may be sorted by label"
    )
    return (
        f"{sorted_by}, so this may be a piece of a sorted file: shuffle the file before you cut it, or use all of it."
    )


def _accounts(pools: Mapping[str, splits.Pool], division: splits.Division, bad: Rejects) -> dict[str, Any]:
    """For each split: in = used + rejected + dropped + outside. Carved rows count as `in` for their new split."""
    accounts: dict[str, Any] = {}
    used_counts = {split: len(examples) for split, examples in division.examples.items()}
    carved = {split: used + division.outside[split] for split, used in used_counts.items() if split not in pools}
    for split, used in used_counts.items():
        rejected, outside = bad.counts[split], division.outside[split]
        dropped: dict[str, int] = {}
        if split in pools:
            table = pools[split].table
            dropped |= pools[split].dropped
            if table.outside_keep:
                dropped["outside data.keep"] = table.outside_keep
            rows_in = table.row_count - (sum(carved.values()) if split == "train" else 0)
        else:
            rows_in = carved[split]
        account = {"in": rows_in, "used": used, "rejected": rejected, "dropped": dropped, "outside": outside}
        assert rows_in == used + rejected + sum(dropped.values()) + outside, f"{split}: {account}"
        accounts[split] = account
    return accounts


def _columns_summary(chosen: column_roles.Columns) -> dict[str, Any]:
    names = {"text": chosen.text, "text_pair": chosen.text_pair, "label": chosen.label, "group": chosen.group}
    return {key: {"name": name, "how": chosen.how[key]} for key, name in names.items() if name is not None}


def _counts(split: Examples, classes: tuple[str, ...]) -> dict[str, int]:
    return dict(zip(classes, np.bincount(split.labels, minlength=len(classes)).tolist(), strict=True))


def files_of(table: Table) -> str:
    """The names of the table's first files, for a message."""
    return ", ".join(str(fact["file"]) for fact in table.facts[:_SHOWN])


def _why_empty(table: Table) -> str:
    if not table.row_count:
        return " The file has a header but no rows. Name a file with rows."
    malformed = table.row_count - table.outside_keep
    return (
        f" Of {table.row_count:,} rows, data.keep leaves out {table.outside_keep:,} and {malformed:,} are malformed. "
        "Correct the rows, or change data.keep."
    )
