"""Reads the parts of one split into a table: texts are checked, labels named, rows keep their file and number."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from finetooth.data import delimited, jsonl, parallel_files, parquet, plain_text, signatures, text_file
from finetooth.data.column_roles import Columns, match
from finetooth.data.malformed import Fault, Malformed, Rejects
from finetooth.data.parts import Part, Rows, Sample
from finetooth.errors import DataError, did_you_mean
from finetooth.progress import Progress
from finetooth.recipe import Data
from finetooth.tasks import Task
from finetooth.tasks.value_names import value_name
from finetooth.wording import listed

_PROGRESS_ROWS = 5_000
_SHOWN = 5
_GUESSED_CHARACTERS = 1 << 22


@dataclass(slots=True)
class Table:
    """The good rows of the parts of one split, in file order.

    row_count: rows read, good or not. outside_keep: rows that data.keep leaves out. keep_counts: for each column in
    data.keep, the rows with each value. slices: for each column in data.slices, its value in every row.
    """

    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    pairs: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    slices: dict[str, list[str]] = field(default_factory=dict)
    row_count: int = 0
    outside_keep: int = 0
    notes: list[str] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    keep_counts: dict[str, Counter[str]] = field(default_factory=dict)


class _Reader(NamedTuple):
    sample: Callable[..., Sample]
    rows: Callable[..., Rows]
    spread: Callable[[Sample], list[Sequence[object]]] | None = None


_READERS = {
    "csv": _Reader(delimited.read_sample, delimited.read_rows, delimited.read_spread_rows),
    "tsv": _Reader(delimited.read_sample, delimited.read_rows, delimited.read_spread_rows),
    "jsonl": _Reader(jsonl.read_sample, jsonl.read_rows, jsonl.read_spread_rows),
    "parquet": _Reader(parquet.read_sample, parquet.read_rows, parquet.read_spread_rows),
    "label_text": _Reader(plain_text.read_sample, plain_text.read_rows),
    "lines": _Reader(plain_text.read_sample, plain_text.read_rows),
    "parallel": _Reader(parallel_files.read_sample, parallel_files.read_rows),
    "folder": _Reader(plain_text.read_folder_sample, plain_text.read_folder_rows),
}


def read_sample(part: Part, *, spec: Data) -> Sample:
    """The columns and first rows of a part, from the reader of its format."""
    return _READERS[part.format].sample(part, spec=spec)


def spread_sample(sample: Sample) -> Sample:
    """The sample of a part, with rows from all over the part if it has more than the first rows."""
    reader = _READERS[sample.part.format].spread
    if reader is None:
        return sample
    rows = reader(sample)
    return replace(sample, rows=rows) if len(rows) >= len(sample.rows) else sample


def read_rows(sample: Sample, *, spec: Data, columns: tuple[str, ...]) -> Rows:
    """The values of `columns` in every row of a part, from the reader of its format."""
    return _READERS[sample.part.format].rows(sample, spec=spec, columns=columns)


def read_split(
    parts: Sequence[Part],
    columns: Columns,
    *,
    split: str,
    spec: Data,
    task: Task,
    rejects: Rejects | None = None,
    progress: Progress,
) -> Table:
    """All rows of the parts of one split. columns: as resolved on the first part of the run. task: what a label is.

    rejects: receives the malformed rows.
    Raises: DataError for what a reader refuses, a column that a part lacks, or a malformed row if `rejects` is None.
    """
    table = Table(keep_counts={name: Counter() for name in spec.keep}, slices={name: [] for name in spec.slices})
    malformed = rejects or Rejects("stop")
    for part in parts:
        sample = read_sample(part, spec=spec)
        part_columns = _same_columns(columns, sample)
        before = table.row_count
        with progress.step(f"read {part.name}", unit="rows") as step:
            collector = _Collector(table, part_columns, split=split, spec=spec, part=part, task=task, rejects=malformed)
            for number, values in read_rows(sample, spec=spec, columns=part_columns.names()):
                collector.add(number, values)
                if table.row_count % _PROGRESS_ROWS == 0:
                    step.advance(_PROGRESS_ROWS)
            step.advance((table.row_count - before) % _PROGRESS_ROWS)
        table.notes += sample.notes
        facts = {"file": part.name, "split": split, "format": part.format, "rows": table.row_count - before}
        table.facts.append(facts | sample.facts)
    if rejects is None:
        malformed.check()
    return table


class _BadRowError(Exception):
    def __init__(self, fault: Fault) -> None:
        self.fault = fault


class _Collector:
    """Checks the rows of a part and adds them to a table; remembers the names of labels, because most repeat one."""

    def __init__(
        self, table: Table, columns: Columns, *, split: str, spec: Data, part: Part, task: Task, rejects: Rejects
    ) -> None:
        self._paired, self._labelled = columns.text_pair is not None, columns.label is not None
        self._label_at = 1 + self._paired
        self._group_at = self._label_at + self._labelled if columns.group is not None else None
        self._keep_from = self._label_at + self._labelled + (columns.group is not None)
        self._slices_from = self._keep_from + len(columns.keep)
        self._keep = [(name, {_plain_name(value) for value in spec.keep[name]}) for name in columns.keep]
        self._names: dict[str, str] = {}
        self._table, self._split, self._rejects = table, split, rejects
        self._part, self._spec, self._parse = part, spec, task.parse
        self._label_source = f"\n{columns.label_source}" if columns.label_source else ""
        self._guess: str | None = None

    def add(self, number: int | str, values: Sequence[object] | Malformed) -> None:
        """Add a row to the table, or to the rejects if it is malformed. Count it if data.keep leaves it out."""
        table, name = self._table, self._part.name
        table.row_count += 1
        if number.__class__ is str:  # a row of a folder is a file
            name, number = f"{name}/{number}", 1
        try:
            if isinstance(values, Malformed):
                raise _BadRowError(values.fault)
            if self._keep and not self._is_kept(values):
                table.outside_keep += 1
                return
            text = values[0]
            if not (text.__class__ is str and text.isascii() and "\0" not in text):
                text = self._text(text, "text")
            pair = self._text(values[1], "second text") if self._paired else ""
            label = self._label(values[self._label_at]) if self._labelled else ""
        except _BadRowError as bad:
            content = values.content if isinstance(values, Malformed) else list(values)
            self._rejects.add(bad.fault, split=self._split, name=name, row=int(number), content=content)
            return
        table.ids.append(f"{name}:{number}")
        table.texts.append(text)
        table.labels.append(label)
        if self._paired:
            table.pairs.append(pair)
        if self._group_at is not None:
            table.groups.append(_plain_name(values[self._group_at]) or None)
        for column, value in zip(table.slices, values[self._slices_from :], strict=True):
            # A question mark replaces what UTF-8 cannot encode.
            table.slices[column].append(_plain_name(value).encode(errors="replace").decode())

    def _is_kept(self, values: Sequence[object]) -> bool:
        """Whether the row has values of data.keep in all its columns; counts each value."""
        all_allowed = True
        for index, (name, allowed) in enumerate(self._keep, self._keep_from):
            value = _plain_name(values[index])
            self._table.keep_counts[name][value] += 1
            all_allowed = all_allowed and value in allowed
        return all_allowed

    def _label(self, value: object) -> str:
        known = self._names.get(value) if value.__class__ is str else None
        if known is not None:
            return known
        if isinstance(value, str | bytes) and value:
            value = self._text(value, "label")
        try:
            name = self._parse(value)
        except ValueError as error:
            kind, advice = (
                "label",
                "Give the row a label, or remove it. For a class called NA or None, write that word.",
            )
            if isinstance(value, list):
                kind, advice = "labels", "Give each text one label: several labels for one text are not supported."
            raise _BadRowError(Fault(kind, f"label {error}", advice + self._label_source)) from None
        if isinstance(value, str):
            self._names[value] = name
        return name

    def _text(self, value: object, what: str) -> str:
        if isinstance(value, bytes):
            value = value.decode("utf-8", errors="surrogateescape")
        if not isinstance(value, str):
            names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
            kind = names.get(type(value), f"a {type(value).__name__}")
            kind = "is missing" if value is None else f"is {kind} ({str(value)[:40]}), not a text"
            raise _BadRowError(Fault("text", f"{what} {kind}", "Every row needs a text; put numbers in quotes."))
        if "\0" in value:
            advice = "The file is damaged, or data.encoding must name its encoding (utf-16?)."
            raise _BadRowError(Fault("nul", f"{what} contains a NUL character", advice))
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise _BadRowError(self._undecodable(value, what, error)) from None
        return value

    def _undecodable(self, value: str, what: str, error: UnicodeEncodeError) -> Fault:
        code = ord(value[error.start])
        if not 0xDC80 <= code <= 0xDCFF or self._part.format == "parquet":
            advice = "A lone surrogate is half a character: write the complete character, or remove the half."
            return Fault("surrogate", f"{what} contains the lone surrogate \\u{code:04x}", advice)
        if self._guess is None:
            self._guess = _guess_encoding(self._part, value)
        encoding = self._spec.encoding or "UTF-8"
        before = value[max(error.start - 12, 0) : error.start]
        after = f" after {before!r}" if before else ""
        advice = f"The file looks like {self._guess}: data.encoding: {self._guess}"
        if self._guess == "utf-8" and encoding.lower() in ("utf-8", "utf8"):
            rest, one = ("rest of the file is", "row") if self._part.path.is_file() else ("other texts are", "text")
            advice = f"The {rest} UTF-8: correct this {one}, or skip it: data.on_bad_row: skip"
        return Fault("encoding", f"byte 0x{code - 0xDC00:02x}{after} is not {encoding}", advice)


def _same_columns(columns: Columns, sample: Sample) -> Columns:
    """The columns by their names in this part. Raises: DataError for a column that the part lacks."""

    def here(name: str | None, key: str) -> str | None:
        return None if name is None else match(name, key, sample)

    return replace(
        columns,
        text=match(columns.text, "text", sample),
        text_pair=here(columns.text_pair, "text_pair"),
        label=here(columns.label, "label"),
        group=here(columns.group, "group"),
        keep={name: match(name, "keep", sample) for name in columns.keep},
        slices=tuple(match(name, "slices", sample) for name in columns.slices),
    )


def _guess_encoding(part: Part, value: str) -> str:
    """The likely encoding of the part, from its first lines that are not ASCII; utf-8 if most of these are valid."""
    if part.path.is_file():
        with text_file.open_text(part.path, name=part.name, encoding=None, to_end=False) as opened:
            lines = opened.stream.read(_GUESSED_CHARACTERS).splitlines()
    else:
        lines = plain_text.folder_lines(part.path, most=_GUESSED_CHARACTERS)
    other_lines = [line for line in lines if not line.isascii()] or [value]
    return signatures.guess("\n".join(other_lines).encode(errors="surrogateescape"))


def _plain_name(value: object) -> str:
    """The name of a value of any type, by which rows are grouped, kept or sliced; "" for a missing value."""
    if isinstance(value, bytes):
        try:
            return _plain_name(value.decode())
        except UnicodeDecodeError:
            return value.hex()
    try:
        return value_name(value)
    except ValueError:
        missing = not value or isinstance(value, str) or (isinstance(value, float) and math.isnan(value))
        return "" if missing else str(value)


def blank_notes(table: Table) -> list[str]:
    """A note that names the first texts without a visible character, if there are any."""
    blank = [row for row, text in zip(table.ids, table.texts, strict=True) if not is_visible(text)]
    return [f"these texts have no visible character: {listed(blank, _SHOWN)}."] if blank else []


def is_visible(text: str) -> bool:
    """Whether the text has a visible character."""
    return text[:1].isalnum() or any(mark.isprintable() and not mark.isspace() for mark in text)


def check_keep(table: Table, *, spec: Data) -> None:
    """Check that every value of data.keep occurs in some row.

    Raises: DataError with the most frequent values of the column, and the nearest.
    """
    for name, values in spec.keep.items():
        counts = table.keep_counts[name]
        for value in values:
            if _plain_name(value) not in counts:
                common = ", ".join(repr(other) for other, _ in counts.most_common(8))
                near = did_you_mean(value, counts)
                raise DataError(f"data.keep.{name}: no row has {value!r}.{near} The column has: {common}.")
