"""From parts to the rows of one split: texts checked, labels named, every row with its file and number."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from finetooth.data import delimited, jsonl, parallel_files, parquet, plain_text, signatures, text_file
from finetooth.data.columns import Columns, match
from finetooth.data.malformed import Fault, Malformed, Rejects
from finetooth.data.parts import Part, Rows, Sample
from finetooth.errors import DataError, did_you_mean
from finetooth.progress import Progress
from finetooth.recipe import Data
from finetooth.tasks import Task
from finetooth.tasks.value_names import value_name

_TOLD_ROWS = 5_000
_SHOWN = 5
_GUESSED_CHARACTERS = 1 << 22


@dataclass(slots=True)
class Table:
    """The good rows of one split's parts, in file order. came: rows met, good or not; left: rows outside data.keep.

    slices: by the recipe's name of a column, its value in every row.
    """

    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    pairs: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    slices: dict[str, list[str]] = field(default_factory=dict)
    came: int = 0
    left: int = 0
    notes: list[str] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[str, Counter[str]] = field(default_factory=dict)


class _Reader(NamedTuple):
    sample: Callable[..., Sample]
    rows: Callable[..., Rows]
    spread: Callable[[Part, Sample], list[Sequence[Any]]] | None = None


_READERS = {
    "csv": _Reader(delimited.sample, delimited.rows, delimited.spread_rows),
    "tsv": _Reader(delimited.sample, delimited.rows, delimited.spread_rows),
    "jsonl": _Reader(jsonl.sample, jsonl.rows, jsonl.spread_rows),
    "parquet": _Reader(parquet.sample, parquet.rows, parquet.spread_rows),
    "label_text": _Reader(plain_text.sample, plain_text.rows),
    "lines": _Reader(plain_text.sample, plain_text.rows),
    "parallel": _Reader(parallel_files.sample, parallel_files.rows),
    "folder": _Reader(plain_text.folder_sample, plain_text.folder_rows),
}


def sample(part: Part, *, spec: Data) -> Sample:
    """The columns and first rows of a part, by its format's reader."""
    return _READERS[part.format].sample(part, spec=spec)


def spread(part: Part, found: Sample) -> Sample:
    """The sample of a part with rows from all over it, where its first ones are not all."""
    reader = _READERS[part.format].spread
    if reader is None:
        return found
    rows = reader(part, found)
    return replace(found, rows=rows) if len(rows) >= len(found.rows) else found


def rows(part: Part, found: Sample, *, spec: Data, wanted: tuple[str, ...]) -> Rows:
    """The wanted values of every row of a part, by its format's reader."""
    return _READERS[part.format].rows(part, found, spec=spec, wanted=wanted)


def read(
    parts: Sequence[Part],
    columns: Columns,
    *,
    split: str,
    spec: Data,
    task: Task,
    rejects: Rejects,
    progress: Progress,
) -> Table:
    """All rows of the parts of one split. columns: as resolved on the first part of the run; found again in each.

    task: what a label is.

    Raises: DataError for what a reader refuses, or a column that a part lacks. Malformed rows go to `rejects`.
    """
    table = Table(kept={name: Counter() for name in spec.keep}, slices={name: [] for name in spec.slices})
    for part in parts:
        found = sample(part, spec=spec)
        here = _same_columns(columns, found, part=part, spec=spec)
        came = table.came
        with progress.step(f"read {part.name}", unit="rows") as step:
            checks = _Checks(here, spec=spec, part=part, task=task)
            met = rows(part, found, spec=spec, wanted=here.wanted())
            for _ in _collect(met, here, table=table, part=part, split=split, checks=checks, rejects=rejects):
                step.advance(_TOLD_ROWS)
            step.advance((table.came - came) % _TOLD_ROWS)
        table.notes += found.notes
        table.facts.append(
            {"file": part.name, "split": split, "format": part.format, "rows": table.came - came} | found.facts
        )
    return table


def _collect(
    rows: Rows, columns: Columns, *, table: Table, part: Part, split: str, checks: "_Checks", rejects: Rejects
) -> Rows:
    """Put rows into the table; yields now and then, so that progress can be shown."""
    paired, grouped = columns.text_pair is not None, columns.group is not None
    for number, values in rows:
        table.came += 1
        if table.came % _TOLD_ROWS == 0:
            yield number, values
        try:
            if isinstance(values, Malformed):
                raise _BadRowError(values.fault)
            if columns.keep and not checks.kept(values, table.kept):
                table.left += 1
                continue
            text, pair, label, group = checks.row(values)
        except _BadRowError as bad:
            content = values.content if isinstance(values, Malformed) else list(values)
            name, _, row = _row_id(part, number).rpartition(":")
            rejects.add(bad.fault, split=split, name=name, row=int(row), content=content)
            continue
        table.ids.append(_row_id(part, number))
        table.texts.append(text)
        table.labels.append(label)
        if paired:
            table.pairs.append(pair)
        if grouped:
            table.groups.append(group)
        for name, value in zip(table.slices, checks.sliced(values), strict=True):
            table.slices[name].append(value)


def _row_id(part: Part, number: int | str) -> str:
    return f"{part.name}:{number}" if number.__class__ is int else f"{part.name}/{number}:1"


class _BadRowError(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what)
        self.fault = fault


class _Checks:
    """What is asked of every row; remembers the names of labels, for most rows repeat one."""

    def __init__(self, columns: Columns, *, spec: Data, part: Part, task: Task) -> None:
        self._paired, self._labelled = columns.text_pair is not None, columns.label is not None
        self._label_at = 1 + self._paired
        self._group_at = self._label_at + self._labelled if columns.group is not None else None
        self._keep_from = self._label_at + self._labelled + (columns.group is not None)
        self._slices_from = self._keep_from + len(columns.keep)
        self._keep = [(name, {_plain_name(value) for value in spec.keep[name]}) for name in columns.keep]
        self._names: dict[str, str] = {}
        self._part, self._spec, self._parse = part, spec, task.parse
        self._label_source = f"\n{columns.label_source}" if columns.label_source else ""
        self._guess: str | None = None

    def kept(self, values: Sequence[Any], met: dict[str, Counter[str]]) -> bool:
        """Whether the row's columns hold values of data.keep."""
        good = True
        for place, (name, allowed) in enumerate(self._keep, self._keep_from):
            value = _plain_name(values[place])
            met[name][value] += 1
            good = good and value in allowed
        return good

    def row(self, values: Sequence[Any]) -> tuple[str, str, str, str | None]:
        """(text, pair, label name, group) of a row; raises _BadRowError."""
        text = values[0]
        if not (text.__class__ is str and text.isascii() and "\0" not in text):
            text = self._text(text, "text")
        pair = self._text(values[1], "second text") if self._paired else ""
        label = self._label(values[self._label_at]) if self._labelled else ""
        group = None if self._group_at is None else (_plain_name(values[self._group_at]) or None)
        return text, pair, label, group

    def sliced(self, values: Sequence[Any]) -> list[str]:
        """The row's values of the columns of data.slices; what UTF-8 cannot hold is shown as a question mark."""
        return [_plain_name(value).encode(errors="replace").decode() for value in values[self._slices_from :]]

    def _label(self, value: Any) -> str:
        known = self._names.get(value) if value.__class__ is str else None
        if known is not None:
            return known
        if isinstance(value, str | bytes) and value:
            value = self._text(value, "label")
        try:
            name = self._parse(value)
        except ValueError as error:
            advice = "Give the row a label, or remove it. A class called NA or None is written as that word."
            kind = "label"
            if isinstance(value, list):
                kind, advice = "labels", "One label for each text: several labels for one text are not supported."
            raise _BadRowError(Fault(kind, f"label {error}", advice + self._label_source)) from None
        if isinstance(value, str):
            self._names[value] = name
        return name

    def _text(self, value: Any, what: str) -> str:
        if isinstance(value, bytes):
            value = value.decode("utf-8", errors="surrogateescape")
        if not isinstance(value, str):
            kind = "is missing" if value is None else f"is {_kind(value)} ({str(value)[:40]}), not a text"
            raise _BadRowError(Fault("text", f"{what} {kind}", "Every row needs a text; numbers belong in quotes."))
        if "\0" in value:
            advice = "The file is damaged, or in an encoding that data.encoding must name (utf-16?)."
            raise _BadRowError(Fault("nul", f"{what} holds a NUL character", advice))
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise _BadRowError(self._undecodable(value, what, error)) from None
        return value

    def _undecodable(self, value: str, what: str, error: UnicodeEncodeError) -> Fault:
        code = ord(value[error.start])
        if not 0xDC80 <= code <= 0xDCFF or self._part.format == "parquet":
            advice = "A lone surrogate is half a character: write the whole one, or remove it."
            return Fault("surrogate", f"{what} holds the lone surrogate \\u{code:04x}", advice)
        if self._guess is None:
            self._guess = _guess_encoding(self._part, value)
        named = self._spec.encoding or "UTF-8"
        around = value[max(error.start - 12, 0) : error.start]
        after = f" after {around!r}" if around else ""
        advice = f"The file looks like {self._guess}: data.encoding: {self._guess}"
        if self._guess == "utf-8" and named.lower() in ("utf-8", "utf8"):
            rest, one = ("rest of the file is", "row") if self._part.path.is_file() else ("other texts are", "one")
            advice = f"The {rest} UTF-8: mend this {one}, or leave it out with data.on_bad_row: skip"
        return Fault("encoding", f"byte 0x{code - 0xDC00:02x}{after} is not {named}", advice)


def _same_columns(columns: Columns, found: Sample, *, part: Part, spec: Data) -> Columns:
    def here(name: str | None, key: str) -> str | None:
        return None if name is None else match(name, key, found, part=part)

    text = here(columns.text, "text")
    assert text is not None
    return replace(
        columns,
        text=text,
        text_pair=here(columns.text_pair, "text_pair"),
        label=here(columns.label, "label"),
        group=here(columns.group, "group"),
        keep={name: match(name, "keep", found, part=part) for name in columns.keep},
        slices=tuple(here(name, "slices") or name for name in columns.slices),
    )


def _guess_encoding(part: Part, value: str) -> str:
    """What the part's first lines past ASCII seem to be in; utf-8 where most of them are sound and some are not."""
    lines = [value]
    if part.path.is_file():
        with text_file.text(part.path, name=part.name, encoding=None, whole=False) as opened:
            lines = opened.stream.read(_GUESSED_CHARACTERS).splitlines() or lines
    else:
        lines = plain_text.folder_lines(part.path, most=_GUESSED_CHARACTERS) or lines
    telling = [line for line in lines if not line.isascii()]
    seen = "\n".join(telling).encode(errors="surrogateescape") or value.encode(errors="surrogateescape")
    return signatures.guess(seen)


def _plain_name(value: Any) -> str:
    """The name of a value that rows are grouped, kept or sliced by, of any type; "" where there is none."""
    if isinstance(value, bytes):
        content: bytes = value
        try:
            value = content.decode()
        except UnicodeDecodeError:
            return content.hex()
    try:
        return value_name(value)
    except ValueError:
        missing = not value or isinstance(value, str) or (isinstance(value, float) and math.isnan(value))
        return "" if missing else str(value)


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")


def blank_notes(table: Table) -> list[str]:
    """A note naming the first texts in which nothing is to be seen, if there are any."""
    blank = [row for row, text in zip(table.ids, table.texts, strict=True) if not is_visible(text)]
    more = f" and {len(blank) - _SHOWN} more" if len(blank) > _SHOWN else ""
    return [f"texts without one visible character, kept: {', '.join(blank[:_SHOWN])}{more}."] if blank else []


def is_visible(text: str) -> bool:
    """Whether the text holds a character that can be seen."""
    return text[:1].isalnum() or any(mark.isprintable() and not mark.isspace() for mark in text)


def check_keep(table: Table, *, spec: Data) -> None:
    """Pass if every value of data.keep stands in some row.

    Raises: DataError with the values that do stand there, and the nearest.
    """
    for name, values in spec.keep.items():
        met = table.kept[name]
        for value in values:
            if _plain_name(value) not in met:
                common = ", ".join(repr(found) for found, _ in met.most_common(8))
                near = did_you_mean(value, met)
                raise DataError(f"data.keep.{name}: no row holds {value!r}.{near} Found there: {common}.")
