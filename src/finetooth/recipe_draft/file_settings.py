"""Detects how to read files whose names and header do not say it: format, columns, quotes, encoding."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from finetooth.data import column_roles, delimited, detection, discover, readers, signatures, text_file
from finetooth.data.malformed import Malformed
from finetooth.data.parts import Part, Sample
from finetooth.errors import DataError
from finetooth.recipe import Data

_LINES, _CHARACTERS = 50_000, 1 << 23  # read of one file
_DELIMITER_LINES = 200  # lines by which the delimiter is detected
_FEW_SHARE, _FEW = 0.2, 500  # most distinct values of a column of labels: a share of the rows, and a number
_UNDECODED = re.compile("[\udc80-\udcff]")
_TABLES = ("csv", "tsv")


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the recipe's data section, its value, and the reason in a few words."""

    key: str
    value: Any
    reason: str


def settings(sources: Mapping[str, Sequence[Path]], *, spec: Data) -> list[Setting]:
    """The settings that the recipe needs to read the files; none for a table with a header.

    sources, spec: as for data.load. Keys that `spec` sets are not detected.
    Raises: DataError if the form of the files is not recognised.
    """
    parts = _parts(sources, spec=spec)
    chosen: list[Setting] = []
    texts = [part for part in parts if part.format not in ("jsonl", "parquet", "folder")]
    if texts:
        chosen += _encoding(texts, spec=spec)
    for detect in (_format, _quoting, _columns):
        current = spec.model_copy(update={setting.key: setting.value for setting in chosen})
        part = parts[0] if current.format is None else replace(parts[0], format=current.format)
        chosen += detect(part, spec=current)
    return chosen


def _parts(sources: Mapping[str, Sequence[Path]], *, spec: Data) -> list[Part]:
    """The files of all splits, training files first. A file whose format is not known yet has the format csv."""
    try:
        data_files = discover.find(sources, spec=spec)
    except DataError as error:
        if spec.format is not None:
            raise
        try:
            data_files = discover.find(sources, spec=spec.model_copy(update={"format": "csv"}))
        except DataError:
            raise error from None
    return [part for parts in data_files.parts.values() for part in parts]


def _lines(part: Part, *, spec: Data) -> list[str]:
    """The first lines of a text file that are not blank."""
    with text_file.open_text(part.path, name=part.name, encoding=spec.encoding, to_end=False) as opened:
        content = opened.stream.read(_CHARACTERS)
    lines = content.splitlines() if len(content) < _CHARACTERS else content.splitlines()[:-1]
    return [line for line in lines[:_LINES] if line.strip()]


def _encoding(parts: Sequence[Part], *, spec: Data) -> Iterator[Setting]:
    if spec.encoding is not None:
        return
    for part in parts:
        non_ascii = [line for line in _lines(part, spec=spec) if not line.isascii()]
        if any(map(_UNDECODED.search, non_ascii)):
            encoding = signatures.guess("\n".join(non_ascii).encode(errors="surrogateescape"))
            if encoding != "utf-8":  # if it is, single rows are damaged: the reader reports them
                yield Setting("encoding", encoding, f"{part.name} is not UTF-8")
            return


def _format(part: Part, *, spec: Data) -> Iterator[Setting]:
    if spec.format is not None or part.format in ("folder", "parallel") or discover.known_format(part.path) is not None:
        return
    lines = _lines(part, spec=spec)
    if delimited.divided(lines, "\t"):
        yield Setting("format", "tsv", "tabs divide its lines")
    elif delimited.is_headed_table(part.path, spec=spec):
        return  # the reader recognises the table by itself
    elif delimiter_and_names := delimited.form_without_header(part.path, spec=spec):
        yield Setting("format", "csv", "its lines are rows of a table")
        if spec.delimiter is None:
            yield Setting("delimiter", delimiter_and_names[0], "occurs equally often in every line")
    elif _begin_with_labels(lines):
        yield Setting("format", "label_text", "every line is a label, a space and a text")
    else:
        raise DataError(
            f"{part.name}: neither its name nor its lines show its format. Set it: --set data.format=csv "
            "(or tsv, jsonl, parquet, label_text)"
        )


def _begin_with_labels(lines: Sequence[str]) -> bool:
    """Whether every line is a word and a text, and the words repeat as labels do."""
    pairs = [line.split(" ", 1) for line in lines]
    if not all(len(pair) == 2 and pair[1].strip() for pair in pairs):
        return False
    return 2 <= len({label for label, _ in pairs}) <= min(_FEW, max(2, int(_FEW_SHARE * len(pairs))))


@dataclass(frozen=True, slots=True)
class _Records:
    """The first rows of a table, including its header. bad: number of rows that cannot be read."""

    good: list[Sequence[object]]
    bad: int
    width: int


def _records(part: Part, *, spec: Data) -> _Records:
    lines = _lines(part, spec=spec)[:_DELIMITER_LINES]
    if not lines:
        readers.read_sample(part, spec=spec)  # raises an error, because there is no row
    with delimited.long_fields():
        delimiter = spec.delimiter or delimited.find_delimiter(lines, part=part, quoting=spec.quoting, width=None)
        trial = Sample(part, columns=(), rows=[], delimiter=delimiter, quoting=spec.quoting)
        widths = Counter(len(record) for _, record in delimited.good_records(lines, trial))
    width = widths.most_common(1)[0][0] if widths else 1
    names = [str(index) for index in range(width)]
    plain = spec.model_copy(update={"columns": names, "delimiter": delimiter})
    head = readers.read_sample(part, spec=plain)
    rows = [values for _, values in islice(readers.read_rows(head, spec=plain, columns=tuple(names)), _LINES)]
    good: list[Sequence[object]] = [values for values in rows if not isinstance(values, Malformed)]
    return _Records(good=good, bad=len(rows) - len(good), width=width)


def _quoting(part: Part, *, spec: Data) -> Iterator[Setting]:
    if part.format not in _TABLES or "quoting" in spec.model_fields_set:
        return
    if not any('"' in line for line in _lines(part, spec=spec)):
        return
    plain = _records(part, spec=spec.model_copy(update={"quoting": False}))
    try:
        quoted = _records(part, spec=spec)
        # If every line is a good row without quoting, a quoted field of several lines is several rows.
        merged = plain.bad == 0 and len(plain.good) > len(quoted.good)
        is_plain = plain.width == quoted.width and (plain.bad < quoted.bad or merged)
    except DataError:  # a quote mark is never closed
        is_plain = plain.bad == 0
    if is_plain:
        yield Setting("quoting", False, "quote marks are part of its texts")


def _columns(part: Part, *, spec: Data) -> Iterator[Setting]:
    if part.format not in _TABLES or spec.columns is not None:
        return
    header, *rest = _records(part, spec=spec).good or [[]]
    first = [str(cell) for cell in header]
    if rest and column_roles.data_cell(first, rest, spec=spec):
        yield Setting("columns", detection.names_by_position(first, rest), "the file has no header")
