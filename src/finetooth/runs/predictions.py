"""predictions.parquet: the logits of a row of the table, from which its figures can be computed again."""

import io
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from finetooth.errors import RunError
from finetooth.files import read_file, write_file
from finetooth.runs.target_column import array_of, is_type, targets_of, type_of
from finetooth.tasks import Targets

_ORDER = ("train", "validation", "test")
_VALUES_PER_GROUP = 2**24  # logits in one row group: 64 MiB, for any number of classes
_RESTORE = "Take it from a backup; in an unfinished run, delete this file and run the same command again."


@dataclass(frozen=True, slots=True)
class Predictions:
    """The logits of a row of the table for one split; ids[i], labels[i] and logits[i] belong together.

    labels: the targets of the task, one for each example. logits: (N, C) float32.
    """

    ids: tuple[str, ...]
    labels: Targets
    logits: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        assert len(self.labels) == len(self.ids)
        assert self.logits.ndim == 2 and len(self.logits) == len(self.ids) and self.logits.dtype == np.float32


def write(path: Path, parts: Mapping[str, Predictions]) -> None:
    """Write the predictions of each split to `path`, atomically; equal predictions give equal bytes."""
    sink, schema = io.BytesIO(), _schema(type_of(next(iter(parts.values())).labels))
    with pq.ParquetWriter(
        sink, schema, compression="zstd", use_dictionary=["split"], write_statistics=False, version="2.6"
    ) as writer:
        for split in sorted(parts, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)):
            for group in _groups(split, parts[split], schema):
                writer.write_batch(group)
    write_file(path, sink.getvalue())


def read(path: Path) -> dict[str, Predictions]:
    """The predictions of each split, bitwise as they were written.

    Raises: RunError naming the file if it does not hold predictions.
    """
    try:
        content = read_file(path)
        table = pq.read_table(io.BytesIO(content), schema=_schema(_label_type(content)))
    except (OSError, pa.ArrowException) as error:
        problem = " ".join(str(error).split())
        raise RunError(f"{path}: cannot be read as predictions ({problem}). {_RESTORE}") from error
    splits = table.column("split").to_numpy(zero_copy_only=False)
    ids = table.column("id").to_pylist()
    labels = targets_of(table.column("label"))
    lists = table.column("logits").combine_chunks()
    values = lists.flatten().to_numpy(zero_copy_only=False)
    if not ids or len(values) % len(ids) or (np.diff(lists.offsets.to_numpy()) != len(values) // len(ids)).any():
        raise RunError(f"{path}: its rows do not have the same number of logits. {_RESTORE}")
    logits = values.reshape(len(ids), -1)
    starts = [0, *(np.flatnonzero(splits[1:] != splits[:-1]) + 1).tolist(), len(ids)]
    return {
        str(splits[start]): Predictions(tuple(ids[start:end]), labels[start:end].copy(), logits[start:end].copy())
        for start, end in itertools.pairwise(starts)
    }


def _schema(label: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            pa.field("split", pa.string(), nullable=False),
            pa.field("id", pa.string(), nullable=False),
            pa.field("label", label, nullable=False),
            pa.field("logits", pa.list_(pa.float32()), nullable=False),
        ]
    )


def _label_type(content: bytes) -> pa.DataType:
    """The type of a file's labels; int64, with which reading fails, if they are no targets."""
    schema = pq.read_schema(io.BytesIO(content))
    kind = schema.field("label").type if "label" in schema.names else None
    return kind if kind is not None and is_type(kind) else pa.int64()


def _groups(split: str, part: Predictions, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    classes = part.logits.shape[1]
    rows = max(1, _VALUES_PER_GROUP // max(1, classes))
    for start in range(0, len(part.ids), rows):
        ids, logits = part.ids[start : start + rows], part.logits[start : start + rows]
        offsets = np.arange(len(ids) + 1, dtype=np.int32) * classes
        columns = [
            pa.array([split] * len(ids), pa.string()),
            pa.array(ids, pa.string()),
            array_of(part.labels[start : start + rows]),
            pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(logits).ravel(), pa.float32())),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
