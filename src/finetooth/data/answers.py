"""Reads labelled rows, and files of predictions for them, whose rows are named by an id, a text or a number."""

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from finetooth.data import detection, discover, overlap, readers, text_file
from finetooth.data.malformed import Malformed
from finetooth.data.names import folded
from finetooth.data.parts import Part, Sample
from finetooth.errors import DataError, did_you_mean
from finetooth.recipe import Data
from finetooth.tasks.value_names import value_name
from finetooth.wording import listed, short

MatchedBy = Literal["id", "text", "row"]
_PREDICTION_NAMES = ("prediction", "predicted", "predicted_label", "answer", "label")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Truth:
    """Labelled rows. name: of the file. numbers: of the rows in it, as an editor counts. labels: a name for each row.

    ids: of a column `id`, or None. text_columns: the names of the text, or of both texts of a pair; empty without a
    text. texts, pairs: their values, or None. groups: of the column that was named; empty without one.
    """

    name: str
    numbers: Sequence[int]
    labels: Sequence[str]
    ids: Sequence[str] | None
    text_columns: Sequence[str]
    texts: Sequence[str] | None
    pairs: Sequence[str] | None
    groups: Sequence[str | None]

    def keys(self, matched_by: MatchedBy) -> Sequence[Hashable]:
        """What names each row in a file of predictions: its id, the key of its text, or its number from 1."""
        if matched_by == "id" and self.ids is not None:
            return self.ids
        if matched_by == "text" and self.texts is not None:
            return overlap.keys(self.texts, self.pairs)
        return range(1, len(self.labels) + 1)

    def row(self, index: int) -> str:
        """A row in words: `truth.csv row 7 (id 'a7')`."""
        return f"{self.name} {_row(self.numbers[index], None if self.ids is None else self.ids[index])}"


@dataclass(frozen=True, slots=True)
class Predictions:
    """The rows of a file of predictions. matched_by: what keys are. label_column: where the labels come from.

    text_keys: of the texts, if their column has the name that it has in the labelled rows. labels: None where the cell
    is empty.
    """

    name: str
    matched_by: MatchedBy
    label_column: str
    numbers: Sequence[int]
    keys: Sequence[Hashable]
    text_keys: Sequence[bytes] | None
    labels: Sequence[str | None]

    def row(self, index: int) -> str:
        """A row in words: `row 7 (id 'a7')`."""
        return _row(self.numbers[index], self.keys[index] if self.matched_by == "id" else None)


def read_truth(path: Path, *, group: str | None = None) -> Truth:
    """The labelled rows of a file. group: the column whose values say which rows belong together.

    Raises: DataError if the file cannot be read, has no column of labels, neither ids nor texts, a repeated id, or a
    row without one of them.
    """
    sample, spec = _sample(path)
    used = [] if group is None else [_declared(sample, group)]
    ids, text_columns = _named(sample, "id"), _text_columns(sample, used, expected=())
    columns = dict(zip(("text", "text_pair"), text_columns, strict=False))
    columns |= {} if ids is None else {"id": ids}
    columns |= {"group": used[0]} if used else {}
    columns["label"] = _label_column(sample, (), columns.values())
    if ids is None and not text_columns:
        raise DataError(f"{path}: has no column `id`, and no column looks like a text. {_columns(sample)}")
    numbers, values = _values(sample, spec, columns, label=_name)
    _check_distinct_ids(str(path), numbers, values.get("id", []))
    return Truth(
        str(path), numbers, values["label"], values.get("id"), text_columns, values.get("text"),
        values.get("text_pair"), values.get("group", []),
    )  # fmt: skip


def read_predictions(path: Path, truth: Truth) -> Predictions:
    """The rows of a file of predictions for these labelled rows, by id if both have ids, else by text, else by row.

    A column `row` holds the number of the labelled row, from 1, as `finetooth predict` writes it.
    Raises: DataError if the file cannot be read, or has no column of labels or none by which its rows are matched.
    """
    sample, spec = _sample(path)
    ids, position = _named(sample, "id"), _named(sample, "row")
    named = [column for name in _PREDICTION_NAMES if (column := _named(sample, name)) is not None]
    texts = _text_columns(sample, named, expected=truth.text_columns) if truth.texts is not None else []
    matched_by: MatchedBy
    columns = dict(zip(("text", "text_pair"), texts, strict=False))
    if ids is not None and truth.ids is not None:
        is_same = [*map(folded, texts)] == [*map(folded, truth.text_columns)]
        matched_by, columns = "id", {"id": ids, **(columns if is_same else {})}
    elif texts:
        matched_by = "text"
    elif position is not None:
        matched_by, columns = "row", {"row": position}
    else:
        raise DataError(
            f"{path}: its rows cannot be matched with those of {truth.name}. Give both files a column `id` or the "
            f"text, or this file a column `row` with the number of the labelled row, from 1. {_columns(sample)}"
        )
    others = [name for name in (ids, position, *texts) if name is not None]
    label = _label_column(sample, _PREDICTION_NAMES, others)
    numbers, values = _values(sample, spec, columns | {"label": label}, label=_name_or_none)
    text_keys = overlap.keys(values["text"], values.get("text_pair")) if "text" in values else None
    keys = values[matched_by] if matched_by != "text" else text_keys or []
    return Predictions(str(path), matched_by, label, numbers, keys, text_keys, values["label"])


def _row(number: int, key: Hashable | None) -> str:
    return f"row {number:,}" if key is None else f"row {number:,} (id {short(key)})"


def _sample(path: Path) -> tuple[Sample, Data]:
    """The columns and first rows of a file, and how it is read."""
    text_file.check_regular(path, name=str(path))
    file_format = discover.known_format(path)
    if file_format is None:
        raise DataError(f"{path}: its name does not state its format. Name a .csv, .tsv, .jsonl or .parquet file.")
    spec = Data.model_validate({"source": str(path)})
    return readers.read_sample(Part(path, str(path), file_format), spec=spec), spec


def _columns(sample: Sample) -> str:
    return f"Its columns: {listed([*map(repr, sample.columns)], _SHOWN)}."


def _named(sample: Sample, name: str) -> str | None:
    return next((column for column in sample.columns if folded(column) == name), None)


def _declared(sample: Sample, name: str) -> str:
    column = name if name in sample.columns else _named(sample, folded(name))
    if column is None:
        near = did_you_mean(name, sample.columns)
        raise DataError(f"{sample.part.name}: there is no column {name!r} (--group).{near} {_columns(sample)}")
    return column


def _text_columns(sample: Sample, used: Sequence[str], *, expected: Sequence[str]) -> list[str]:
    """The column of the text, or both of a pair; empty if there is none. expected: those of the labelled rows."""
    same = [column for name in expected if (column := _named(sample, folded(name))) is not None]
    if expected and len(same) == len(expected):
        return same
    if len(expected) != 1 and (pair := detection.pair_by_name(sample.columns)) is not None:
        return list(pair)
    profiles = detection.profiles_of(sample.columns, sample.rows)
    choice = detection.text_column({name: profiles[name] for name in profiles if name not in used})
    if choice is None or len(expected) == 2:
        return []
    name, how = choice
    return [name] if how == "known name" or (profiles[name].is_free_text and not expected) else []


def _label_column(sample: Sample, names: Sequence[str], used: Collection[str]) -> str:
    """The column of the labels: one of `names`, the first first, or as the data readers detect it."""
    free = [column for column in sample.columns if column not in used]
    for name in names:
        if (column := _named(sample, name)) in free and column is not None:
            return column
    profiles = detection.profiles_of(sample.columns, sample.rows)
    choice = detection.label_column({name: profiles[name] for name in free})
    if choice is None:
        raise DataError(f"{sample.part.name}: no column looks like a label. Name it `label`. {_columns(sample)}")
    return choice[0]


def _values(
    sample: Sample, spec: Data, columns: Mapping[str, str], *, label: Callable[[object], str | None]
) -> tuple[list[int], dict[str, list[Any]]]:
    """The row numbers, and the values of each column by its use (id, text, ...). label: how a label is read.

    Raises: DataError with the first rows that cannot be used, and their number.
    """
    parse = {"id": _name, "text": _text, "text_pair": _text, "row": _position, "group": _name_or_none, "label": label}
    numbers, values, faults = list[int](), {use: list[Any]() for use in columns}, list[str]()
    for number, cells in readers.read_rows(sample, spec=spec, columns=tuple(columns.values())):
        use = ""
        try:
            if isinstance(cells, Malformed):
                raise ValueError(f"{cells.fault.what}. {cells.fault.advice}")
            parsed = []
            for use, cell in zip(columns, cells, strict=True):
                parsed.append(parse[use](cell))
        except ValueError as error:
            column = f"column {columns[use]!r} " if use else ""
            faults.append(f"{sample.part.name} row {number}: {column}{error}")
            continue
        numbers.append(int(number))
        for use, value in zip(columns, parsed, strict=True):
            values[use].append(value)
    if faults:
        more = [f"... and {len(faults) - _SHOWN:,} more rows."] if len(faults) > _SHOWN else []
        raise DataError("\n".join([*faults[:_SHOWN], *more, "Correct these rows, or remove them."]))
    if not numbers:
        raise DataError(f"{sample.part.name}: has a header but no rows. Name a file with rows.")
    return numbers, values


def _text(value: object) -> str:
    text = value.decode(errors="surrogateescape") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        raise ValueError("is missing" if text is None else f"is no text ({short(text)})")
    if not text.isascii() and any("\ud800" <= mark <= "\udfff" for mark in text):  # bytes that could not be decoded
        raise ValueError(f"is not valid UTF-8 ({short(text)})")
    return text


def _name(value: object) -> str:
    """The name of an id or a label."""
    return value_name(_text(value) if isinstance(value, str | bytes) else value)


def _name_or_none(value: object) -> str | None:
    """The name of a label or a group; None for an empty cell."""
    is_nan = isinstance(value, float) and math.isnan(value)
    return None if value is None or is_nan or (isinstance(value, str) and not value.strip()) else _name(value)


def _position(value: object) -> int:
    name = _name(value)
    if not (name.isascii() and name.isdigit() and len(name) < 19):
        raise ValueError(f"is {short(name)}, not the number of a row")
    return int(name)


def _check_distinct_ids(name: str, numbers: Sequence[int], ids: Sequence[str]) -> None:
    first: dict[str, int] = {}
    for number, key in zip(numbers, ids, strict=False):
        if (earlier := first.setdefault(key, number)) != number:
            raise DataError(f"{name}: id {short(key)} is in rows {earlier:,} and {number:,}. Give each row its own id.")
