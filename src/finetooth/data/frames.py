"""Data handed over from Python: data frames, lists and arrays, as texts to label or as a table of labelled rows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from finetooth.errors import DataError, did_you_mean

_SHOWN = 8
_INDEX = "__index_level_"  # how pandas names an index without a name


def is_table(data: object) -> bool:
    """Whether `data` is a table with named columns: a data frame of pandas or polars, a pyarrow.Table, a Dataset."""
    kind = type(data)
    named = hasattr(kind, "columns") or hasattr(kind, "column_names")
    return named and hasattr(kind, "__getitem__") and hasattr(kind, "__len__")


def texts_of(
    values: Any, *, what: str = "texts", column: str | None = None, paired: bool = False, start: int = 0
) -> list[str]:
    """The texts as a list of str.

    values: a list, tuple, generator, array or Series of str; or a table, of which the column named `column` is taken.
    what: how messages call the values. paired: whether the model reads pairs of texts, for the advice in messages.
    start: index of the first value, where these are a later part of what the caller gave.
    Raises: TypeError for one bare text, a mapping or set, or the first value that is not a str, with its index;
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

    what: how messages call the values. Raises: TypeError for one bare text, a mapping or set, or what holds no values.
    """
    if isinstance(values, str | bytes):
        raise TypeError(f"{what} is one text ({_shown(values)}), not a list of them. For one text give [text].")
    if isinstance(values, Mapping | Set) or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
        raise TypeError(f"{what} is of type {type(values).__name__}. Give a list, array, Series or DataFrame of texts.")
    return iter(values.to_pylist() if hasattr(values, "to_pylist") else values)


def table_of(data: Any) -> pyarrow.Table:
    """Labelled rows as an Arrow table, an unnamed index of pandas left out.

    data: a table (see is_table) or another object of the Arrow C stream interface; or a list or array of rows, each a
    mapping of column to value, or a (text, label) pair, whose columns are then named text and label.
    Raises: TypeError for anything else; DataError for a table without rows, a column name that stands twice, and a
    column whose values are not of one type.
    """
    if is_table(data):
        _refuse_doubled(data)
    if hasattr(data, "__arrow_c_stream__"):
        table = _streamed(data)
    elif is_table(data):
        table = _from_columns({name: list(data[name]) for name in _names(data)})
    else:
        table = _from_rows(data)
    table = table.select([name for name in table.column_names if not name.startswith(_INDEX)])
    if not table.num_rows:
        raise DataError("the data: it has no rows.")
    return table.replace_schema_metadata(None)


def save_table(data: Any, path: Path) -> Path:
    """Write labelled rows as a Parquet file, which is read as any other file of data; equal tables give equal bytes.

    data, Raises: as table_of. Row 1 of the file is the first row of `data`.
    """
    table = table_of(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(
        pyarrow.table({name: _with_plain_strings(table[name]) for name in table.column_names}), path
    )
    return path


def _with_plain_strings(column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """The column with one type for all forms of strings, so that one content gives one file from any library."""
    coded = pyarrow.types.is_dictionary(column.type)
    kind = column.type.value_type if coded else column.type
    strings = (pyarrow.types.is_string, pyarrow.types.is_string_view, pyarrow.types.is_large_string)
    if not any(is_kind(kind) for is_kind in strings):
        return column.cast(kind) if coded else column
    if coded:  # Arrow cannot decode a dictionary of string views, which is how polars keeps categories
        return pyarrow.chunked_array([column.to_pylist()], pyarrow.large_string())
    return column.cast(pyarrow.large_string())


def _streamed(data: Any) -> pyarrow.Table:
    try:
        table = pyarrow.table(data)
    except (pyarrow.ArrowException, TypeError, ValueError):  # values of several types in a column, or a Series
        if not is_table(data):
            raise TypeError(_no_rows(data)) from None
        table = _from_columns({name: list(data[name]) for name in _names(data)})
    return table


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
                f"row {number + 1} of the data is {_shown(row)}, neither a (text, label) pair nor a mapping of columns."
            )
        for name in values:
            columns.setdefault(name, [None] * number)
        for name, listed in columns.items():
            listed.append(values.get(name))
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
            f"the data: column {name!r} holds values of several types, or of one that Arrow does not know: row "
            f"{first[0]} {_shown(first[1])}, row {odd[0]} {_shown(odd[1])}. Give it one type, or leave the column out."
        ) from None


def _names(table: Any) -> list[str]:
    # Asked in this order: the `columns` of a pyarrow.Table are its arrays.
    return [str(name) for name in (table.column_names if hasattr(table, "column_names") else table.columns)]


def _column(table: Any, name: str | None) -> Any:
    names = _names(table)
    if name is None or name not in names:
        listed = ", ".join(repr(known) for known in names[:_SHOWN]) + (" and more" if len(names) > _SHOWN else "")
        lacks = ": it is not known which column holds the texts."
        if name is not None:
            lacks = f" has no column {name!r}, where the texts were in training.{did_you_mean(name, names)}"
        first = names[0] if names else "text"
        raise DataError(
            f"the {type(table).__name__}{lacks} Its columns: {listed}. Give the column itself: frame[{first!r}]."
        )
    _refuse_doubled(table)
    return table[name]


def _refuse_doubled(table: Any) -> None:
    name = next((name for name, count in Counter(_names(table)).items() if count > 1), None)
    if name is not None:
        raise DataError(f"the {type(table).__name__}: column {name!r} stands twice. Rename one of them.")


def _is_missing(value: Any) -> bool:
    """Whether it is None, NaN, or the NA or NaT of pandas, which equal nothing or cannot be compared."""
    return (
        value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ("NAType", "NaTType")
    )


def _no_text(item: Any, where: str, *, paired: bool) -> str:
    if isinstance(item, Iterable) and not isinstance(item, str | bytes | Mapping | Set) and len(list(item)) == 2:
        advice = "Give first and second texts of pairs as two lists: predict(firsts, seconds)."
        advice = (
            advice if paired else "This model reads single texts: join the two, or give the one that it was trained on."
        )
    elif _is_missing(item):
        advice = "A missing text has no label: leave it out, or give '' for an empty text."
    else:
        advice = "Convert it with str(), or leave it out."
    return f"{where} is {_shown(item)}, not a text. {advice}"


def _no_rows(data: Any) -> str:
    advice = " It is lazy: give data.collect()." if hasattr(data, "collect") else ""
    return (
        f"the data is of type {type(data).__name__}, which has no rows with a text and a label.{advice} Give a file, "
        "a DataFrame, or a list of (text, label) pairs."
    )


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return text if value is None else f"{type(value).__name__} {text}"
