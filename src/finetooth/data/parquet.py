"""Parquet files: the one format with types of its own."""

from collections.abc import Sequence
from typing import Any

import pyarrow
import pyarrow.parquet

from finetooth import files
from finetooth.data import opening
from finetooth.data.rows import MAX_COLUMNS, SAMPLE_ROWS, Part, Rows, Sample
from finetooth.errors import DataError
from finetooth.recipe import Data

_BATCH_ROWS = 8192
_SPREAD_GROUPS, _SPREAD_BATCHES = 16, 16


def sample(part: Part, *, spec: Data) -> Sample:
    """The columns and first rows of the file.

    Raises: DataError for a file that is not Parquet, is damaged, or would unfold beyond MAX_DECOMPRESSED_BYTES.
    """
    opening.regular(part.path, name=part.name)
    with part.path.open("rb") as stream:
        if stream.read(4) != b"PAR1":
            stream.seek(0)
            head = stream.read(40)
            raise DataError(
                f"{part.name}: by its content this is not a Parquet file (it begins {head[:16]!r}). "
                "Name the format: data.format: csv | tsv | jsonl"
            )
    try:
        with pyarrow.parquet.ParquetFile(part.path) as file:
            facts = file.metadata
            columns = tuple(str(name) for name in file.schema_arrow.names)
            unfolded = sum(facts.row_group(place).total_byte_size for place in range(facts.num_row_groups))
            _refuse(part, columns=columns, unfolded=unfolded)
            rows: list[Any] = []
            for batch in file.iter_batches(batch_size=SAMPLE_ROWS):
                rows = list(zip(*[_shown(part, name, batch.column(name)) for name in columns], strict=True))
                break
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(part, error) from error
    return Sample(columns=columns, rows=rows)


def rows(part: Part, found: Sample, *, spec: Data, wanted: tuple[str, ...]) -> Rows:
    """The wanted values of every row, numbered from 1 (a Parquet file has no header row)."""
    before = opening.regular(part.path, name=part.name)
    digest = files.sha256_file(part.path)
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(part.path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(dict.fromkeys(wanted))):
                columns = [_values(part, name, batch.column(name)) for name in wanted]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield number, values
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(part, error) from error
    opening.unchanged(part.path, before, name=part.name)
    found.facts |= {"sha256": digest, "bytes": before.st_size}


def spread_rows(part: Part, found: Sample) -> list[Sequence[Any]]:
    """The first rows of row groups spread evenly over the file."""
    rows: list[Any] = []
    try:
        with pyarrow.parquet.ParquetFile(part.path) as file:
            count = file.metadata.num_row_groups
            for group in sorted({place * count // _SPREAD_GROUPS for place in range(_SPREAD_GROUPS)}):
                for number, batch in enumerate(file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group])):
                    if number == _SPREAD_BATCHES:
                        break
                    some = batch.take(list(range(0, batch.num_rows, -(-batch.num_rows // SAMPLE_ROWS))))
                    rows += zip(*[_shown(part, name, some.column(name)) for name in found.columns], strict=True)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(part, error) from error
    return rows


def _shown(part: Part, name: str, column: Any) -> list[Any]:
    """The values of a column of the sample, which nobody may have asked for; None where they cannot be read."""
    try:
        return _values(part, name, column)
    except DataError:
        return [None] * len(column)


def _values(part: Part, name: str, column: Any) -> list[Any]:
    """The values of a column; DataError where Python has none such, as for a time in an unknown zone."""
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:  # a fault of the file, which its caller tells
        raise
    except (ValueError, OverflowError, KeyError) as error:
        raise DataError(
            f"{part.name}: the values of column {name!r} ({column.type}) cannot be read: {error}. "
            "Write them as text, or name another column."
        ) from error
    return values


def _refuse(part: Part, *, columns: tuple[str, ...], unfolded: int) -> None:
    doubled = sorted({name for name in columns if columns.count(name) > 1}) if len(set(columns)) < len(columns) else []
    if doubled:
        raise DataError(f"{part.name}: column {doubled[0]!r} stands twice. Rename one of them.")
    if len(columns) > MAX_COLUMNS:
        raise DataError(f"{part.name}: {len(columns):,} columns; most allowed is {MAX_COLUMNS:,}.")
    if unfolded > opening.MAX_DECOMPRESSED_BYTES:
        raise DataError(
            f"{part.name}: {unfolded:,} bytes when decompressed; most allowed is {opening.MAX_DECOMPRESSED_BYTES:,}."
        )


def _damaged(part: Part, error: Exception) -> DataError:
    reason = " ".join(str(error).split())[:200]
    return DataError(f"{part.name}: the Parquet data is damaged or cut off ({reason}). Fetch or write the file again.")
