"""The examples of a run as its processes read them: .work/examples/SPLIT.parquet, gone once the run is complete."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from finetooth.data import Dataset, Examples, overlap
from finetooth.errors import RunError
from finetooth.files import damage, discard, new_directory, read_file, write_file
from finetooth.runs.layout import RunFolder
from finetooth.runs.target_column import array_of, targets_of
from finetooth.tasks import Targets

SPLITS = ("train", "validation", "test")
_SLICE = "slice:"  # in front of the name of a column of data.slices


def save_examples(folder: RunFolder, dataset: Dataset) -> None:
    """Write each split's examples, unless they are there and whole."""
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
            for name, values in examples.slices.items():
                columns[f"{_SLICE}{name}"] = pa.array(values, pa.string())
            pq.write_table(pa.table(columns), inside / f"{split}.parquet")


def write_splits(folder: RunFolder, dataset: Dataset) -> None:
    """Write splits.parquet: which row went where, and by what its text is compared with others."""
    parts: list[Examples] = [getattr(dataset, split) for split in SPLITS]
    table = {
        "split": [split for split, part in zip(SPLITS, parts, strict=True) for _ in part.ids],
        "id": [row for part in parts for row in part.ids],
        "text_key": pa.array([key for part in parts for key in overlap.keys(part.texts, part.pairs)], pa.binary(16)),
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(table), sink)
    write_file(folder.splits, sink.getvalue())


def read_splits(folder: RunFolder) -> dict[str, tuple[str, ...]]:
    """{split: ids of its rows, in their order} as write_splits wrote them.

    Raises: RunError when splits.parquet cannot be read.
    """
    try:
        table = pq.read_table(
            io.BytesIO(read_file(folder.splits)), schema=pa.schema({"split": pa.string(), "id": pa.string()})
        )
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{folder.splits}: not readable as splits ({' '.join(str(error).split())}).") from error
    splits: dict[str, list[str]] = {}
    for split, row in zip(table["split"].to_pylist(), table["id"].to_pylist(), strict=True):
        splits.setdefault(split, []).append(row)
    return {split: tuple(ids) for split, ids in splits.items()}


def read_text_keys(folder: RunFolder) -> dict[str, set[bytes]]:
    """{split: the keys of its texts (data.overlap.keys)}.

    Raises: RunError when splits.parquet cannot be read.
    """
    try:
        table = pq.read_table(io.BytesIO(read_file(folder.splits)), columns=["split", "text_key"])
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{folder.splits}: not readable as splits ({' '.join(str(error).split())}).") from error
    keys: dict[str, set[bytes]] = {split: set() for split in SPLITS}
    for split, key in zip(table["split"].to_pylist(), table["text_key"].to_pylist(), strict=True):
        keys[split].add(key)
    return keys


def read_examples(folder: RunFolder, split: str) -> Examples:
    """The examples of one split, in their order."""
    table = pq.read_table(_examples_folder(folder) / f"{split}.parquet")
    pairs = tuple(table["pair"].to_pylist()) if "pair" in table.column_names else None
    labels = targets_of(table["label"])
    ids, texts = tuple(table["id"].to_pylist()), tuple(table["text"].to_pylist())
    named = [name for name in table.column_names if name.startswith(_SLICE)]
    slices = {name.removeprefix(_SLICE): tuple(table[name].to_pylist()) for name in named}
    return Examples(ids, texts, pairs, labels, slices)


def read_texts(folder: RunFolder, split: str) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The texts of one split, and their pairs where it has pairs, without its labels."""
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
