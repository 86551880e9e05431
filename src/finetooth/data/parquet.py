"""Parquet files: the one format with types of its own."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.parquet

from finetooth import files
from finetooth.data import parquet_pages, text_file
from finetooth.data.parts import MAX_COLUMNS, SAMPLE_ROWS, Part, Rows, Sample
from finetooth.errors import DataError
from finetooth.recipe import Data

_BATCH_ROWS = 8192
_SPREAD_GROUPS, _SPREAD_ROWS = 16, 16 * _BATCH_ROWS
_BATCH_BYTES = 128 * 2**20  # most that the values of one batch take, where it holds more than one row
_ROW_BYTES = 4  # least that a row takes in memory


def sample(part: Part, *, spec: Data) -> Sample:
    """The columns and first rows of the file.

    Raises: DataError for a file that is not Parquet, is damaged, or would unfold beyond its bound.
    """
    text_file.regular(part.path, name=part.name)
    with part.path.open("rb") as stream:
        if stream.read(4) != b"PAR1":
            stream.seek(0)
            head = stream.read(40)
            raise DataError(
                f"{part.name}: by its content this is not a Parquet file (it begins {head[:16]!r}). "
                "Name the format: data.format: csv | tsv | jsonl"
            )
    with _readable(part):
        with part.path.open("rb") as stream, pyarrow.parquet.ParquetFile(stream) as file:
            columns = tuple(str(name) for name in file.schema_arrow.names)
            groups = parquet_pages.row_groups(stream)
        _refuse(part, columns=columns, size=sum(group.size for group in groups))
        first = [place for place, group in enumerate(groups) if group.rows > 0][:1]
        rows: list[Any] = []
        for batch in _batches(part, columns, row_groups=first, most_rows=SAMPLE_ROWS, lenient=True):
            rows += zip(*[_shown(part, name, batch) for name in columns], strict=True)
            if len(rows) >= SAMPLE_ROWS:
                break
    return Sample(columns=columns, rows=rows[:SAMPLE_ROWS])


def rows(part: Part, found: Sample, *, spec: Data, wanted: tuple[str, ...]) -> Rows:
    """The wanted values of every row, numbered from 1 (a Parquet file has no header row)."""
    before = text_file.regular(part.path, name=part.name)
    digest = files.sha256_file(part.path)
    number = 0
    with _readable(part):
        for batch in _batches(part, tuple(dict.fromkeys(wanted))):
            columns = [_values(part, name, batch.column(name)) for name in wanted]
            for values in zip(*columns, strict=True):
                number += 1
                yield number, values
    text_file.unchanged(part.path, before, name=part.name)
    found.facts |= {"sha256": digest, "bytes": before.st_size}


def spread_rows(part: Part, found: Sample) -> list[Sequence[Any]]:
    """Rows of row groups spread evenly over the file: some of the first of each."""
    rows: list[Any] = []
    with _readable(part):
        with part.path.open("rb") as stream:
            groups = parquet_pages.row_groups(stream)
        filled = [place for place, group in enumerate(groups) if group.rows > 0]
        picked = {filled[number * len(filled) // _SPREAD_GROUPS] for number in range(_SPREAD_GROUPS) if filled}
        for place in sorted(picked):
            step = -(-min(groups[place].rows, _BATCH_ROWS) // SAMPLE_ROWS) or 1
            came = 0
            for batch in _batches(part, found.columns, row_groups=[place], lenient=True):
                some = batch.take(list(range(-came % step, batch.num_rows, step)))
                rows += zip(*[_shown(part, name, some) for name in found.columns], strict=True)
                came += batch.num_rows
                if came >= _SPREAD_ROWS:
                    break
    return rows


def _batches(
    part: Part,
    columns: tuple[str, ...],
    *,
    row_groups: list[int] | None = None,
    most_rows: int = _BATCH_ROWS,
    lenient: bool = False,
) -> Iterator[pyarrow.RecordBatch]:
    """The rows of these columns, so few at a time that their values fit into memory whatever the file says of them.

    most_rows: of one batch. lenient: columns whose lists are encoded as is not read are left out.
    Raises: DataError as soon as what is decoded passes the bound of opening.most_unfolded.
    """
    bound, decoded = text_file.most_unfolded(part.path.stat().st_size), 0
    with part.path.open("rb") as stream, pyarrow.parquet.ParquetFile(stream) as file:
        schema = file.metadata.schema
        leaves = _leaves(schema, columns)
        every = parquet_pages.row_groups(stream)
        if len(every) != file.metadata.num_row_groups or {len(group.pages) for group in every} - {len(schema)}:
            raise parquet_pages.PageError("its footer can be read in two ways")
        asked = range(len(every)) if row_groups is None else row_groups
        groups = [place for place in asked if every[place].rows > 0]  # the pages of one without rows may have no header
        read = [every[place] for place in groups]
        pages = parquet_pages.unfolded(stream, schema, groups=read, leaves=leaves)
        row_count = sum(group.rows for group in read)
    lists = [leaf for leaf in leaves.values() if leaf.max_repetition_level > 0]
    unread = [leaves[place].path for place in pages.by_difference if leaves[place] in lists]
    if unread and not lenient:
        raise DataError(
            f"{part.name}: the lists of column {unread[0]!r} are encoded as DELTA_BYTE_ARRAY, which is not read. "
            "Write the file with another encoding, or name another column."
        )
    columns = tuple(name for name in columns if not any(f"{path}.".startswith(f"{name}.") for path in unread))
    if max(pages.bytes, row_count * _ROW_BYTES) > bound:
        raise _bomb(part, bound)
    most = min(
        _BATCH_BYTES // max(sum(pages.largest.values()), 1), _BATCH_BYTES * max(row_count, 1) // max(pages.bytes, 1)
    )
    # A row may hold any number of values of a list: these stay numbers into a dictionary until they are counted.
    numbered = [leaf.path for leaf in lists if leaf.physical_type == "BYTE_ARRAY"]
    with pyarrow.parquet.ParquetFile(part.path, read_dictionary=numbered) as file:
        size = max(1, min(most_rows, most))
        for group in groups:  # one at a time: Arrow joins no lists of two groups that have a dictionary each
            for batch in file.iter_batches(batch_size=size, row_groups=[group], columns=list(columns)):
                decoded += sum(map(_decoded_bytes, batch.columns))
                if decoded > bound:
                    raise _bomb(part, bound)
                yield batch


def _leaves(schema: Any, columns: tuple[str, ...]) -> dict[int, Any]:
    """The leaves of these columns by their index."""
    wanted = set(columns)
    leaves = {place: schema.column(place) for place in range(len(schema))}
    return {
        place: leaf
        for place, leaf in leaves.items()
        if leaf.path in wanted or any(leaf.path[:at] in wanted for at, mark in enumerate(leaf.path) if mark == ".")
    }


def _decoded_bytes(column: Any) -> int:
    """Bytes of a column's values, each as often as it stands; of a list's dictionary they are still to be decoded."""
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


def _bomb(part: Part, bound: int) -> DataError:
    stored = part.path.stat().st_size
    return DataError(
        f"{part.name}: its {stored:,} bytes unfold to more than {bound:,}, the most allowed of a file of this size "
        f"({text_file.MAX_RATIO} times as many, and at least {text_file.RATIO_FROM_BYTES:,}); refused. "
        "If the data is sound, write the columns that you need as CSV or JSON lines."
    )


@contextmanager
def _readable(part: Part) -> Iterator[None]:
    """A block that reads the file; what Arrow cannot read becomes a DataError that says so."""
    try:
        yield
    except (pyarrow.ArrowException, parquet_pages.PageError, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{part.name}: the Parquet data is damaged or cut off ({reason}). Fetch or write the file again."
        ) from error


def _shown(part: Part, name: str, batch: pyarrow.RecordBatch) -> list[Any]:
    """The values of a column of the sample, which nobody may have asked for; None where they cannot be read."""
    try:
        return _values(part, name, batch.column(name))
    except (DataError, KeyError):  # no values in Python, or not read
        return [None] * batch.num_rows


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


def _refuse(part: Part, *, columns: tuple[str, ...], size: int) -> None:
    if len(columns) > MAX_COLUMNS:
        raise DataError(f"{part.name}: {len(columns):,} columns; most allowed is {MAX_COLUMNS:,}.")
    doubled = sorted(name for name, count in Counter(columns).items() if count > 1)
    if doubled:
        raise DataError(f"{part.name}: column {doubled[0]!r} stands twice. Rename one of them.")
    if size > text_file.MAX_DECOMPRESSED_BYTES:
        raise DataError(
            f"{part.name}: {size:,} bytes when decompressed; most allowed is {text_file.MAX_DECOMPRESSED_BYTES:,}."
        )
