"""predictions.parquet: the logits of every row, from which each figure of the table can be computed again."""

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

_ORDER = ("train", "validation", "test")
_VALUES_PER_GROUP = 2**24  # logits in one row group: 64 MiB, whatever the number of classes
_SCHEMA = pa.schema(
    [
        pa.field("split", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("label", pa.int64(), nullable=False),
        pa.field("logits", pa.list_(pa.float32()), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a row of the table said about one split; ids[i], labels[i] and logits[i] belong together.

    labels: (N,) int64, the true classes. logits: (N, C) float32.
    """

    ids: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        assert self.labels.shape == (len(self.ids),) and self.labels.dtype == np.int64
        assert self.logits.ndim == 2 and len(self.logits) == len(self.ids) and self.logits.dtype == np.float32


def write(path: Path, parts: Mapping[str, Predictions]) -> None:
    """Put the predictions of each split at `path`, atomically; equal predictions give equal bytes."""
    sink = io.BytesIO()
    with pq.ParquetWriter(
        sink, _SCHEMA, compression="zstd", use_dictionary=["split"], write_statistics=False, version="2.6"
    ) as writer:
        for split in sorted(parts, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)):
            for group in _groups(split, parts[split]):
                writer.write_batch(group)
    write_file(path, sink.getvalue())


def read(path: Path) -> dict[str, Predictions]:
    """The predictions of each split, bitwise as they were written.

    Raises: RunError naming the file when it is not such a file.
    """
    try:
        table = pq.read_table(io.BytesIO(read_file(path)), schema=_SCHEMA)
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{path}: not readable as predictions ({' '.join(str(error).split())}).") from error
    splits = table.column("split").to_numpy(zero_copy_only=False)
    ids = table.column("id").to_pylist()
    labels = table.column("label").to_numpy()
    lists = table.column("logits").combine_chunks()
    values = lists.flatten().to_numpy(zero_copy_only=False)
    if not ids or len(values) % len(ids) or (np.diff(lists.offsets.to_numpy()) != len(values) // len(ids)).any():
        raise RunError(f"{path}: its rows do not hold the same number of logits each.")
    logits = values.reshape(len(ids), -1)
    starts = [0, *(np.flatnonzero(splits[1:] != splits[:-1]) + 1).tolist(), len(ids)]
    return {
        str(splits[start]): Predictions(tuple(ids[start:end]), labels[start:end].copy(), logits[start:end].copy())
        for start, end in itertools.pairwise(starts)
    }


def _groups(split: str, part: Predictions) -> Iterator[pa.RecordBatch]:
    classes = part.logits.shape[1]
    rows = max(1, _VALUES_PER_GROUP // max(1, classes))
    for start in range(0, len(part.ids), rows):
        ids, logits = part.ids[start : start + rows], part.logits[start : start + rows]
        offsets = np.arange(len(ids) + 1, dtype=np.int32) * classes
        columns = [
            pa.array([split] * len(ids), pa.string()),
            pa.array(ids, pa.string()),
            pa.array(part.labels[start : start + rows], pa.int64()),
            pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(logits).ravel(), pa.float32())),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=_SCHEMA)
