"""The whole way from files to three splits, with an account of every row."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finetooth import errors
from finetooth.data import columns, discover, readers, splits
from finetooth.data.examples import Dataset, Examples, content_id, fingerprint
from finetooth.data.malformed import Rejects
from finetooth.data.readers import Table
from finetooth.errors import DataError
from finetooth.progress import Progress, Silent
from finetooth.recipe import Data
from finetooth.tasks import DEFAULT, Task

_SHOWN = 5
_TELLING = 10  # rows: fewer may stand in the order of their labels by chance


def load(
    spec: Data,
    sources: Mapping[str, Sequence[Path]],
    *,
    task: Task = DEFAULT,
    rejects: Path | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """The splits that the recipe asks for. sources: paths under train, validation and test, or all of them under `all`.

    task: what the labels are.
    rejects: where malformed rows are written as JSON lines when data.on_bad_row is skip.
    Raises: DataError naming file and row (or what else is wrong, and the cure); RecipeError for a value that cannot be.
    """
    progress = progress or Silent()
    found = discover.find(sources, spec=spec)
    first = next(iter(found.parts.values()))[0]
    head = readers.spread(first, readers.sample(first, spec=spec))
    chosen = columns.resolve(head, part=first, spec=spec, carved="test" not in found.parts)
    bad = Rejects(spec.on_bad_row)
    tables: dict[str, Table] = {}
    for name, parts in found.parts.items():
        split = "train" if name == discover.ALL else name
        tables[split] = readers.read(parts, chosen, split=split, spec=spec, task=task, rejects=bad, progress=progress)
    bad.stop_if_any()
    bad.write(rejects)
    _check_rows(tables, spec=spec)
    with columns.naming_label(chosen):
        labels = task.resolve(set(tables["train"].labels), declared=spec.labels)
        pools = {split: splits.pool(table, labels.encode(table.labels), task=task) for split, table in tables.items()}
        refuse_unknown(pools, labels.classes, task=task, declared=spec.labels is not None)
    division = splits.divide(pools["train"], pools.get("validation"), pools.get("test"), spec=spec)
    with columns.naming_label(chosen):
        dataset = _dataset(pools, division, labels.classes, task)
    told = [note for table in tables.values() for note in table.notes]
    notes = list(dict.fromkeys([*found.notes, *head.notes, *chosen.notes, *told, *labels.notes, *division.notes]))
    dataset.summary.update(
        {
            "files": [fact for table in tables.values() for fact in table.facts],
            "columns": _columns_summary(chosen),
            "left_out": dict(chosen.left_out),
            "classes": list(labels.classes),
            "first_label_number": labels.first_number,
            "rows": _accounts(pools, division, bad),
            "malformed": bad.kinds(),
            "counts": {
                "train": _counts(dataset.train, labels.classes),
                "validation": _counts(dataset.validation, labels.classes),
            },
            "test_classes": [labels.classes[number] for number in np.unique(dataset.test.labels).tolist()],
            "leaks": division.leaks,
            "notes": notes,
            "order": "file order; with a limit, the order of numpy.random.default_rng(seed).permutation",
            "seed": spec.seed,
            "test_id": dataset.test_id,
            "fingerprint": dataset.fingerprint,
        }
    )
    return dataset


def _check_rows(tables: Mapping[str, Table], *, spec: Data) -> None:
    """Check that every split has rows, and that the columns of data.keep and data.group hold values.

    Raises: DataError naming the files or the column.
    """
    for split, table in tables.items():
        if split == "train":
            readers.check_keep(table, spec=spec)
        if not table.ids:
            raise DataError(f"{files_of(table)}: no row of the {split} split is left to use.{_where_gone(table)}")
        if split == "train" and spec.group is not None and not any(table.groups):
            raise DataError(f"{files_of(table)}: column {spec.group!r} (data.group) is empty in every training row.")


def refuse_unknown(pools: Mapping[str, splits.Pool], classes: tuple[str, ...], *, task: Task, declared: bool) -> None:
    """Pass if the label of every row is one of `classes`. declared: these stand fixed, whatever the training rows hold.

    Raises: DataError naming the first rows of a split whose labels are not, with the nearest class.
    """
    listed = ", ".join(classes[:8]) + (f" and {len(classes) - 8} more" if len(classes) > 8 else "")
    for split, pool in pools.items():
        unknown = np.flatnonzero(task.unknown(pool.labels))
        if not len(unknown):
            continue
        lines = []
        for row in unknown[:_SHOWN].tolist():
            file, _, number = pool.table.ids[row].rpartition(":")
            name = pool.table.labels[row]
            known = f"is not a known label ({listed})" if declared else "stands in no training row"
            lines.append(f"{file} row {number}: label {name!r} {known}.{errors.did_you_mean(name, classes)}")
        if len(unknown) > _SHOWN:
            lines.append(f"... and {len(unknown) - _SHOWN:,} more rows of the {split} split.")
        cure = "data.labels must name every class" if declared else f"The classes of the training rows are: {listed}"
        lines.append(f"{cure}; correct the rows, or leave them out with data.keep.")
        raise DataError("\n".join(lines))


def _dataset(
    pools: Mapping[str, splits.Pool], division: splits.Division, classes: tuple[str, ...], task: Task
) -> Dataset:
    train = examples_of(pools["train"], division.train)
    validation = examples_of(pools.get("validation", pools["train"]), division.validation)
    test = examples_of(pools.get("test", pools["train"]), division.test)
    _check_classes({"train": train, "validation": validation, "test": test}, pools, classes=classes)
    return Dataset(
        train=train, validation=validation, test=test, classes=classes,
        test_id=content_id(test, classes=classes, task=task),
        fingerprint=fingerprint((train, validation, test), classes=classes, task=task),
        summary={},
    )  # fmt: skip


def _check_classes(
    examples_by_split: Mapping[str, Examples], pools: Mapping[str, splits.Pool], *, classes: tuple[str, ...]
) -> None:
    """Pass if every split holds two classes or more.

    pools: the rows that were given, by split; a split without a pool of its own was carved from that of `train`.
    Raises: DataError naming the label, why it stands alone as far as it can be told, and the cure.
    """
    for split, examples in examples_by_split.items():
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


def _is_sorted(pool: splits.Pool) -> bool:
    """Whether the rows stand sorted by label: all rows of a class together."""
    changes = int((pool.labels[1:] != pool.labels[:-1]).sum())
    return len(pool) >= _TELLING and 0 < changes == len(np.unique(pool.labels)) - 1


def _cure(split: str, pools: Mapping[str, splits.Pool]) -> str:
    pool = pools.get(split)
    if pool is None:
        return f"Raise data.{split}, or name {split} rows of their own in data.source."
    if len(np.unique(pool.labels)) > 1:
        dropped = "Its rows of other labels were dropped, for they equal test rows: name other validation rows."
        return dropped if split == "validation" else "Raise data.limit.test, or draw with another data.seed."
    if len(pool) < _TELLING:
        return f"Name more {split} rows in data.source."
    if _is_sorted(pools["train"]):
        return (
            "The training rows stand sorted by label, so this looks like a part of a sorted file: "
            "shuffle that file before it is cut, or give all of it."
        )
    return "A part of a file sorted by label looks like this: shuffle the file before it is cut, or give all of it."


def examples_of(pool: splits.Pool, rows: splits.Rows) -> Examples:
    """The chosen rows of a pool, in the order of `rows`."""
    table, chosen = pool.table, rows.tolist()
    return Examples(
        ids=tuple(table.ids[row] for row in chosen),
        texts=tuple(table.texts[row] for row in chosen),
        pairs=tuple(table.pairs[row] for row in chosen) if table.pairs else None,
        labels=pool.labels[rows],
        slices={name: tuple(values[row] for row in chosen) for name, values in table.slices.items()},
    )


def _accounts(pools: Mapping[str, splits.Pool], division: splits.Division, bad: Rejects) -> dict[str, Any]:
    """For each split: in = used + rejected + dropped + outside. Rows carved out of train came in where they went."""
    accounts: dict[str, Any] = {}
    used = {"train": len(division.train), "validation": len(division.validation), "test": len(division.test)}
    for split, count in used.items():
        outside, pool = division.outside[split], pools.get(split)
        if pool is None:
            account = {"in": count + outside, "used": count, "rejected": 0, "dropped": {}, "outside": outside}
        else:
            dropped = dict(pool.dropped)
            if pool.table.left:
                dropped["outside data.keep"] = pool.table.left
            came = pool.table.came - (division.moved if split == "train" else 0)
            account = {
                "in": came, "used": count, "rejected": bad.counts[split], "dropped": dropped, "outside": outside,
            }  # fmt: skip
        total = count + int(account["rejected"]) + sum(account["dropped"].values()) + outside  # type: ignore[call-overload, attr-defined]
        assert account["in"] == total, f"{split}: {account}"
        accounts[split] = account
    return accounts


def _columns_summary(chosen: columns.Columns) -> dict[str, Any]:
    names = {"text": chosen.text, "text_pair": chosen.text_pair, "label": chosen.label, "group": chosen.group}
    return {key: {"name": name, "how": chosen.how[key]} for key, name in names.items() if name is not None}


def _counts(split: Examples, classes: tuple[str, ...]) -> dict[str, int]:
    return dict(zip(classes, np.bincount(split.labels, minlength=len(classes)).tolist(), strict=True))


def files_of(table: Table) -> str:
    """The names of the table's first files, for an error."""
    return ", ".join(str(fact["file"]) for fact in table.facts[:_SHOWN])


def _where_gone(table: Table) -> str:
    if not table.came:
        return " The file has a header and no rows."
    return f" Of {table.came:,} rows, {table.left:,} are outside data.keep and {table.came - table.left:,} malformed."
