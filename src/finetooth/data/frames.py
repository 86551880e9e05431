"""Reads data from Python objects: data frames, lists and arrays, as texts to label or as a table of labelled rows."""

from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from finetooth.data.parts import check_column_count, check_column_names
from finetooth.errors import DataError, did_you_mean
from finetooth.wording import listed, short

_SHOWN = 8
_INDEX = "__index_level_"  # the name that pandas gives an index without a name


def is_table(data: object) -> bool:
    """Whether `data` is a table with named columns: a data frame of pandas or polars, a pyarrow.Table, a Dataset."""
    kind = type(data)
    named = hasattr(kind, "columns") or hasattr(kind, "column_names")
    return named and hasattr(kind, "__getitem__") and hasattr(kind, "__len__")


def texts_of(
    values: Any, *, what: str = "texts", column: str | None = None, paired: bool = False, start: int = 0
) -> list[str]:
    """The texts as a list of str.

    values: a list, tuple, generator, array or Series of str; or a table with these in the column named `column`.
    what: the name of the values in messages. paired: whether the model reads pairs of texts, for advice in messages.
    start: index of the first value, if these are a later part of the caller's values.
    Raises: TypeError for a single text, a mapping or set, or the first value that is not a str, with its index;
    DataError for a table without that column.
    """
    if is_table(values):
        what, values = f"column {column!r}", _column(values, column)
    items = list(items_of(values, what=what))
    for index, item in enumerate(items, start):
        if not isinstance(item, str):
            raise TypeError(_no_text(item, f"{what}[{index}]", paired=paired))
    return [str(item) for item in items]


def items_of(values: Any, *, what: str = "texts") -> Iterator[Any]:
    """The values of a list, tuple, generator, array or Series, one after another.

    what: the name of the values in messages. Raises: TypeError for a single text, a mapping or set, or no sequence.
    """
    if isinstance(values, str | bytes):
        raise TypeError(f"{what} is one text ({_shown(values)}), not a list of texts. For one text, pass [text].")
    if isinstance(values, Mapping | Set) or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
        raise TypeError(f"{what} has type {type(values).__name__}. Pass a list, array, Series or DataFrame of texts.")
    return iter(values.to_pylist() if hasattr(values, "to_pylist") else values)


def table_of(data: Any) -> pyarrow.Table:
    """Labelled rows as an Arrow table, without an unnamed index of pandas.

    data: a table (see is_table) or another object with the Arrow C stream interface; or a list or array of rows. A row
    is a mapping of column names to values, or a (text, label) pair.
    Raises: TypeError for anything else; DataError for a table without rows, a repeated column name, or a column with
    values of several types.
    """
    names = _names(data) if is_table(data) else []
    check_column_count(names, where=f"the {type(data).__name__}", fewer="Select the columns that you need.")
    table = None
    if hasattr(data, "__arrow_c_stream__"):
        try:
            table = pyarrow.table(data)
        except (pyarrow.ArrowException, TypeError, ValueError):  # values of several types in a column, or a Series
            if not names:
                raise TypeError(_no_rows(data)) from None
    elif not is_table(data):
        table = _from_rows(data)
    if table is None:
        table = _from_columns({name: list(data[name]) for name in names})
    table = table.select([name for name in table.column_names if not name.startswith(_INDEX)])
    if not table.num_rows:
        raise DataError("the data has no rows. Pass rows with a text and a label.")
    return table.replace_schema_metadata(None)


def save_table(data: Any, path: Path) -> Path:
    """Write labelled rows to a Parquet file, which is then read like any other file. Equal tables give equal bytes.

    data, Raises: as table_of. Row 1 of the file is the first row of `data`.
    """
    table = table_of(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(
        pyarrow.table({name: _with_plain_strings(table[name]) for name in table.column_names}), path
    )
    return path


def _with_plain_strings(column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """The column with the same type for all kinds of strings, so that equal data from any library gives equal files."""
    coded = pyarrow.types.is_dictionary(column.type)
    kind = column.type.value_type if coded else column.type
    strings = (pyarrow.types.is_string, pyarrow.types.is_string_view, pyarrow.types.is_large_string)
    if not any(is_kind(kind) for is_kind in strings):
        return column.cast(kind) if coded else column
    if coded:  # Arrow cannot decode a dictionary of string views, which polars uses for categories
        return pyarrow.chunked_array([column.to_pylist()], pyarrow.large_string())
    return column.cast(pyarrow.large_string())


def _from_rows(data: Any) -> pyarrow.Table:
    if isinstance(data, str | bytes | Mapping | Set) or not isinstance(data, Iterable):
        raise TypeError(_no_rows(data))
    columns: dict[str, list[Any]] = {}
    rows = list(data)
    for number, row in enumerate(rows):
        if isinstance(row, Mapping):
            values = {str(name): value for name, value in row.items()}
        elif not isinstance(row, str | bytes | Set) and isinstance(row, Iterable) and len(pair := list(row)) == 2:
            values = dict(zip(("text", "label"), pair, strict=True))
        else:
            raise TypeError(
                f"row {number + 1} of the data is {_shown(row)}. Pass a (text, label) pair or a mapping of columns."
            )
        for name in values:
            columns.setdefault(name, [None] * number)
        for name, column in columns.items():
            column.append(values.get(name))
    return _from_columns(columns)


def _from_columns(columns: Mapping[str, list[Any]]) -> pyarrow.Table:
    return pyarrow.table({name: _array(name, values) for name, values in columns.items()})


def _array(name: str, values: list[Any]) -> pyarrow.Array:
    try:
        return pyarrow.array(values, from_pandas=True)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
        present = [(row, value) for row, value in enumerate(values, 1) if not _is_missing(value)]
        first = next(iter(present), (1, None))
        odd = next((item for item in present if type(item[1]) is not type(first[1])), first)
        raise DataError(
            f"the data: column {name!r} has values of several types, or a type that Arrow does not support: row "
            f"{first[0]} {_shown(first[1])}, row {odd[0]} {_shown(odd[1])}. Convert it to one type, or drop the column."
        ) from None


def _names(table: Any) -> list[str]:
    """The names of the columns. Raises: DataError if two are the same."""
    # column_names first: the `columns` of a pyarrow.Table are its arrays.
    names = [str(name) for name in (table.column_names if hasattr(table, "column_names") else table.columns)]
    check_column_names(names, where=f"the {type(table).__name__}")
    return names


def _column(table: Any, name: str | None) -> Any:
    names = _names(table)
    if name is None or name not in names:
        problem = ": the column of the texts is not known."
        if name is not None:
            problem = f" has no column {name!r}, the column of the texts in training.{did_you_mean(name, names)}"
        first = names[0] if names else "text"
        raise DataError(
            f"the {type(table).__name__}{problem} Its columns: {listed([*map(repr, names)], _SHOWN)}. "
            f"Pass the column itself: frame[{first!r}]."
        )
    return table[name]


def _is_missing(value: object) -> bool:
    """Whether it is None, NaN, or the NA or NaT of pandas, which cannot be found by comparing."""
    return (
        value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ("NAType", "NaTType")
    )


def _no_text(item: object, where: str, *, paired: bool) -> str:
    if isinstance(item, Iterable) and not isinstance(item, str | bytes | Mapping | Set) and len(list(item)) == 2:
        advice = "This model reads single texts: join the two, or pass the one that it was trained on."
        if paired:
            advice = "Pass the first and the second texts of pairs as two lists: predict(firsts, seconds)."
    elif _is_missing(item):
        advice = "A missing text has no label: leave it out, or pass '' for an empty text."
    else:
        advice = "Convert it with str(), or leave it out."
    return f"{where} is {_shown(item)}, not a text. {advice}"


def _no_rows(data: Any) -> str:
    advice = " It is lazy: pass data.collect()." if hasattr(data, "collect") else ""
    return (
        f"the data has type {type(data).__name__}, which has no rows with a text and a label.{advice} Pass a file, "
        "a DataFrame, or a list of (text, label) pairs."
    )


def _shown(value: object) -> str:
    text = " ".join(short(value).split())
    return text if value is None else f"{type(value).__name__} {text}"
