"""Reads Parquet files: the only format whose columns have types."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.parquet

from finetooth import files
from finetooth.data import parquet_pages, text_file
from finetooth.data.parts import SAMPLE_ROWS, Part, Rows, Sample, check_column_count, check_column_names
from finetooth.errors import DataError
from finetooth.recipe import Data

_BATCH_ROWS = 8192
_SPREAD_GROUPS, _SPREAD_ROWS = 16, 16 * _BATCH_ROWS
_BATCH_BYTES = 128 * 2**20  # the most that the values of a batch take, unless it is a single row
_ROW_BYTES = 4  # the least that a row takes in memory


def read_sample(part: Part, *, spec: Data) -> Sample:
    """The columns and first rows of the file.

    Raises: DataError for a file that is not Parquet, is damaged, or decompresses beyond its bound.
    """
    text_file.check_regular(part.path, name=part.name)
    with part.path.open("rb") as stream:
        if stream.read(4) != b"PAR1":
            stream.seek(0)
            head = stream.read(40)
            raise DataError(
                f"{part.name}: the content is not a Parquet file (it begins {head[:16]!r}). "
                "Set its format: data.format: csv | tsv | jsonl"
            )
    with _readable(part):
        with part.path.open("rb") as stream, pyarrow.parquet.ParquetFile(stream) as file:
            columns = tuple(str(name) for name in file.schema_arrow.names)
            groups = parquet_pages.row_groups(stream)
        check_column_count(columns, where=part.name, fewer="Write a file of only those that you need.")
        check_column_names(columns, where=part.name)
        size = sum(group.size for group in groups)
        if size > text_file.MAX_DECOMPRESSED_BYTES:
            raise DataError(
                f"{part.name}: {size:,} bytes when decompressed, more than the limit of "
                f"{text_file.MAX_DECOMPRESSED_BYTES:,}. Write a file of only the columns that you need, or several."
            )
        first = [index for index, group in enumerate(groups) if group.rows > 0][:1]
        rows: list[Any] = []
        for batch in _batches(part, columns, row_groups=first, lenient=True):
            some = batch.slice(0, SAMPLE_ROWS - len(rows))
            rows += zip(*[_shown(part, name, some) for name in columns], strict=True)
            if len(rows) >= SAMPLE_ROWS:
                break
    return Sample(part, columns=columns, rows=rows)


def read_rows(sample: Sample, *, spec: Data, columns: tuple[str, ...]) -> Rows:
    """The values of `columns` in every row, numbered from 1 (a Parquet file has no header row)."""
    part = sample.part
    before = text_file.check_regular(part.path, name=part.name)
    digest = files.sha256_file(part.path)
    number = 0
    with _readable(part):
        for batch in _batches(part, tuple(dict.fromkeys(columns))):
            by_column = [_values(part, name, batch.column(name)) for name in columns]
            for values in zip(*by_column, strict=True):
                number += 1
                yield number, values
    text_file.check_unchanged(part.path, before, name=part.name)
    sample.facts |= {"sha256": digest, "bytes": before.st_size}


def read_spread_rows(sample: Sample) -> list[Sequence[object]]:
    """Some of the first rows of row groups that are spread evenly over the file."""
    rows: list[Any] = []
    part = sample.part
    with _readable(part):
        with part.path.open("rb") as stream:
            groups = parquet_pages.row_groups(stream)
        filled = [index for index, group in enumerate(groups) if group.rows > 0]
        picked = {filled[number * len(filled) // _SPREAD_GROUPS] for number in range(_SPREAD_GROUPS) if filled}
        for index in sorted(picked):
            step = -(-min(groups[index].rows, _BATCH_ROWS) // SAMPLE_ROWS) or 1
            read_count = 0
            for batch in _batches(part, sample.columns, row_groups=[index], lenient=True):
                some = batch.take(list(range(-read_count % step, batch.num_rows, step)))
                rows += zip(*[_shown(part, name, some) for name in sample.columns], strict=True)
                read_count += batch.num_rows
                if read_count >= _SPREAD_ROWS:
                    break
    return rows


def _batches(
    part: Part, columns: tuple[str, ...], *, row_groups: list[int] | None = None, lenient: bool = False
) -> Iterator[pyarrow.RecordBatch]:
    """The rows of these columns, in batches so small that their values fit into memory whatever the file claims.

    lenient: leave out columns of lists whose encoding is not supported.
    Raises: DataError as soon as the decoded bytes exceed text_file.decompressed_limit.
    """
    bound, decoded = text_file.decompressed_limit(part.path.stat().st_size), 0
    with part.path.open("rb") as stream, pyarrow.parquet.ParquetFile(stream) as file:
        schema = file.metadata.schema
        leaves = _leaves(schema, columns)
        every = parquet_pages.row_groups(stream)
        if len(every) != file.metadata.num_row_groups or {len(group.pages) for group in every} - {len(schema)}:
            raise parquet_pages.PageError("its footer is ambiguous")
        indices = range(len(every)) if row_groups is None else row_groups
        groups = [index for index in indices if every[index].rows > 0]  # an empty group may lack page headers
        read = [every[index] for index in groups]
        pages = parquet_pages.page_sizes(stream, schema, groups=read, leaves=leaves)
        row_count = sum(group.rows for group in read)
    lists = [leaf for leaf in leaves.values() if leaf.max_repetition_level > 0]
    unsupported = [leaves[index].path for index in pages.by_difference if leaves[index] in lists]
    if unsupported and not lenient:
        raise DataError(
            f"{part.name}: the lists of column {unsupported[0]!r} are encoded as DELTA_BYTE_ARRAY, which is not "
            "supported. Write the file with another encoding, or name another column."
        )
    columns = tuple(name for name in columns if not any(f"{path}.".startswith(f"{name}.") for path in unsupported))
    if max(pages.bytes, row_count * _ROW_BYTES) > bound:
        raise _too_large(part, bound)
    most = min(
        _BATCH_BYTES // max(sum(pages.largest.values()), 1), _BATCH_BYTES * max(row_count, 1) // max(pages.bytes, 1)
    )
    # A row may have any number of list values. They stay indices into a dictionary until their sizes are counted.
    as_dictionary = [leaf.path for leaf in lists if leaf.physical_type == "BYTE_ARRAY"]
    with pyarrow.parquet.ParquetFile(part.path, read_dictionary=as_dictionary) as file:
        size = max(1, min(_BATCH_ROWS, most))
        for group in groups:  # one at a time: Arrow cannot join lists of two groups with a dictionary each
            for batch in file.iter_batches(batch_size=size, row_groups=[group], columns=list(columns)):
                decoded += sum(map(_decoded_bytes, batch.columns))
                if decoded > bound:
                    raise _too_large(part, bound)
                yield batch


def _leaves(schema: Any, columns: tuple[str, ...]) -> dict[int, Any]:
    """The leaves (columns without parts) of these columns, by their index."""
    names = set(columns)
    leaves = {index: schema.column(index) for index in range(len(schema))}
    return {
        index: leaf
        for index, leaf in leaves.items()
        if leaf.path in names or any(leaf.path[:at] in names for at, mark in enumerate(leaf.path) if mark == ".")
    }


def _decoded_bytes(column: Any) -> int:
    """The bytes of a column's values when decoded: a value in a dictionary counts once for each use."""
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        lengths = pyarrow.compute.binary_length(column.dictionary)
        return int(pyarrow.compute.sum(lengths.take(column.indices)).as_py() or 0)
    if pyarrow.types.is_struct(kind):
        return sum(map(_decoded_bytes, column.flatten()))
    if pyarrow.types.is_map(kind):
        return _decoded_bytes(column.keys) + _decoded_bytes(column.items)
    if pyarrow.types.is_nested(kind):
        return _decoded_bytes(column.flatten())
    return int(column.nbytes)


def _too_large(part: Part, bound: int) -> DataError:
    stored = part.path.stat().st_size
    return DataError(
        f"{part.name}: its {stored:,} bytes decompress to more than {bound:,}, the limit for a file of this size "
        f"({text_file.MAX_RATIO} times as many, and at least {text_file.RATIO_FROM_BYTES:,}). "
        "If you trust the file, write the columns that you need as CSV or JSON lines."
    )


@contextmanager
def _readable(part: Part) -> Iterator[None]:
    """In the block, an error of Arrow becomes a DataError that says the file is damaged."""
    try:
        yield
    except (pyarrow.ArrowException, parquet_pages.PageError, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{part.name}: the Parquet data is damaged or cut off ({reason}). Fetch or write the file again."
        ) from error


def _shown(part: Part, name: str, batch: pyarrow.RecordBatch) -> list[Any]:
    """The values of a column of the sample; None for each if they cannot be read, as the column may not be needed."""
    try:
        return _values(part, name, batch.column(name))
    except (DataError, KeyError):  # without values in Python, or left out of the batch
        return [None] * batch.num_rows


def _values(part: Part, name: str, column: Any) -> list[Any]:
    """The values of a column. Raises: DataError for values that Python lacks, such as a time in an unknown zone."""
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:  # the file is damaged: _readable reports it
        raise
    except (ValueError, OverflowError, KeyError) as error:
        raise DataError(
            f"{part.name}: the values of column {name!r} ({column.type}) cannot be read: {error}. "
            "Write them as text, or name another column."
        ) from error
    return values
