"""The rows of each split: splits.parquet, and the examples in .work/examples, deleted once the run is complete."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from finetooth.data import Dataset, Examples, overlap
from finetooth.errors import RunError
from finetooth.files import damage, discard, new_directory, read_file, write_file
from finetooth.runs import ledger
from finetooth.runs.layout import RunFolder
from finetooth.runs.ledger import RowKeys
from finetooth.runs.target_column import array_of, targets_of
from finetooth.tasks import DEFAULT, Targets, Task

SPLITS = ("train", "validation", "test")
_SLICE = "slice:"  # begins the name of a column of data.slices


def save_examples(folder: RunFolder, dataset: Dataset) -> None:
    """Write each split's examples, unless they are there and undamaged."""
    path = _examples_folder(folder)
    if damage(path) is None:
        return
    discard(path)
    with new_directory(path) as inside:
        for split in SPLITS:
            examples: Examples = getattr(dataset, split)
            columns = {
                "id": pa.array(examples.ids, pa.string()),
                "text": pa.array(examples.texts, pa.large_string()),
                "label": array_of(examples.labels),
            }
            if examples.pairs is not None:
                columns["pair"] = pa.array(examples.pairs, pa.large_string())
            if examples.groups:
                columns["group"] = pa.array(examples.groups, pa.large_string())
            for name, values in examples.slices.items():
                columns[f"{_SLICE}{name}"] = pa.array(values, pa.string())
            pq.write_table(pa.table(columns), inside / f"{split}.parquet")


def write_splits(folder: RunFolder, dataset: Dataset, *, task: Task = DEFAULT) -> None:
    """Write splits.parquet: of each row the split, the key of its text, that of its text and label, and its unit.

    Rows of one split with the same unit share a text or a group (data.overlap.units).
    """
    parts: list[Examples] = [getattr(dataset, split) for split in SPLITS]
    keys = [overlap.keys(part.texts, part.pairs) for part in parts]
    text_keys = [key for of_part in keys for key in of_part]
    label_names = [name for part in parts for name in task.names(part.labels, dataset.classes)]
    units = [overlap.units(of_part, part.groups) for of_part, part in zip(keys, parts, strict=True)]
    table = {
        "split": [split for split, part in zip(SPLITS, parts, strict=True) for _ in part.ids],
        "id": [row for part in parts for row in part.ids],
        "text_key": pa.array(text_keys, pa.binary(16)),
        "row_key": pa.array(ledger.row_keys(text_keys, label_names), pa.binary(8)),
        "unit": np.concatenate(units),
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(table), sink)
    write_file(folder.splits, sink.getvalue())


def read_splits(folder: RunFolder) -> dict[str, tuple[str, ...]]:
    """{split: ids of its rows, in their order}, from splits.parquet.

    Raises: RunError if splits.parquet cannot be read.
    """
    return {split: tuple(ids) for split, ids in _by_split(folder, "id", pa.string()).items()}


def read_text_keys(folder: RunFolder) -> dict[str, set[bytes]]:
    """{split: the keys of its texts (data.overlap.keys)}, from splits.parquet.

    Raises: RunError if splits.parquet cannot be read.
    """
    return {split: set(keys) for split, keys in _by_split(folder, "text_key", pa.binary(16)).items()}


def read_row_keys(folder: RunFolder, *, test_id: str) -> RowKeys:
    """The keys of the test rows for the ledger, from splits.parquet: no label is read. test_id: as in the plan.

    Raises: RunError if splits.parquet cannot be read.
    """
    text_keys = _by_split(folder, "text_key", pa.binary(16))["test"]
    return RowKeys.of(test_id, text_keys, _by_split(folder, "row_key", pa.binary(8))["test"])


def read_units(folder: RunFolder) -> npt.NDArray[np.int64]:
    """The unit of each test row, in their order, from splits.parquet.

    Raises: RunError if splits.parquet cannot be read.
    """
    return np.asarray(_by_split(folder, "unit", pa.int64())["test"], np.int64)


def _by_split(folder: RunFolder, column: str, kind: pa.DataType) -> dict[str, list[Any]]:
    """{split: the values of a column of splits.parquet}."""
    try:
        table = pq.read_table(io.BytesIO(read_file(folder.splits)), columns=["split", column])
        columns = table.select(["split", column]).cast(pa.schema({"split": pa.string(), column: kind})).to_pydict()
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise _unreadable(folder, " ".join(str(error).split())) from error
    splits: dict[str, list[Any]] = {split: [] for split in SPLITS}
    for split, value in zip(columns["split"], columns[column], strict=True):
        if split not in splits:
            raise _unreadable(folder, f"a row is of the split {split!r}")
        if value is None:
            raise _unreadable(folder, f"a row has no {column}")
        splits[split].append(value)
    return splits


def _unreadable(folder: RunFolder, problem: str) -> RunError:
    return RunError(
        f"{folder.splits}: cannot be read ({problem}). In an unfinished run, the same command writes it again; in a "
        "complete run, take it from a backup."
    )


def read_examples(folder: RunFolder, split: str) -> Examples:
    """The examples of one split, in their order."""
    table = pq.read_table(_examples_folder(folder) / f"{split}.parquet")
    columns = {name: tuple(table[name].to_pylist()) for name in table.column_names if name != "label"}
    slices = {name.removeprefix(_SLICE): values for name, values in columns.items() if name.startswith(_SLICE)}
    labels, groups = targets_of(table["label"]), columns.get("group", ())
    return Examples(columns["id"], columns["text"], columns.get("pair"), labels, slices, groups)


def read_texts(folder: RunFolder, split: str) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The texts of one split, and their second texts if it has pairs, without its labels."""
    file = _examples_folder(folder) / f"{split}.parquet"
    table = pq.read_table(file, columns=[name for name in pq.read_schema(file).names if name in ("text", "pair")])
    pairs = tuple(table["pair"].to_pylist()) if "pair" in table.column_names else None
    return tuple(table["text"].to_pylist()), pairs


def read_labels(folder: RunFolder, split: str) -> tuple[tuple[str, ...], Targets]:
    """The row ids and targets of one split, without its texts."""
    table = pq.read_table(_examples_folder(folder) / f"{split}.parquet", columns=["id", "label"])
    return tuple(table["id"].to_pylist()), targets_of(table["label"])


def _examples_folder(folder: RunFolder) -> Path:
    return folder.work / "examples"
