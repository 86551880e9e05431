"""How the files are to be read, where neither their names nor a header say it: format, columns, quotes, encoding."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from finetooth.data import columns, delimited, detection, discover, readers, signatures, text_file
from finetooth.data.malformed import Malformed
from finetooth.data.parts import Part, Sample
from finetooth.errors import DataError
from finetooth.recipe import Data

_LINES, _CHARACTERS, _TRIED = 50_000, 1 << 23, 200  # looked at, of one file; lines that show the delimiter
_FEW_SHARE, _FEW = 0.2, 500  # a column of labels has at most so many distinct values
_UNDECODED = re.compile("[\udc80-\udcff]")
_TABLES = ("csv", "tsv")


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the recipe's data section, its value, and the reason in a few words."""

    key: str
    value: Any
    reason: str


def settings(sources: Mapping[str, Sequence[Path]], *, spec: Data) -> list[Setting]:
    """What the recipe must say so that the files are read as they are meant; nothing for a table with a header.

    sources, spec: as data.load takes them; keys that `spec` sets are left alone.
    Raises: DataError where the files have no form that can be read.
    """
    parts = _parts(sources, spec=spec)
    chosen: list[Setting] = []
    texts = [part for part in parts if part.format not in ("jsonl", "parquet", "folder")]
    if texts:
        chosen += _encoding(texts, spec=spec)
    for look in (_format, _quoting, _columns):
        chosen += look(parts[0], spec=_with(spec, chosen))
    return chosen


def _with(spec: Data, chosen: Sequence[Setting]) -> Data:
    return spec.model_copy(update={setting.key: setting.value for setting in chosen})


def _parts(sources: Mapping[str, Sequence[Path]], *, spec: Data) -> list[Part]:
    """The files of all splits, the training rows first. A format that no name tells stands as csv until it is known."""
    try:
        found = discover.find(sources, spec=spec)
    except DataError as error:
        if spec.format is not None:
            raise
        try:
            found = discover.find(sources, spec=spec.model_copy(update={"format": "csv"}))
        except DataError:
            raise error from None
    return [part for parts in found.parts.values() for part in parts]


def _lines(part: Part, *, spec: Data) -> list[str]:
    """The first lines of a text file that are not blank."""
    with text_file.text(part.path, name=part.name, encoding=spec.encoding, whole=False) as opened:
        content = opened.stream.read(_CHARACTERS)
    lines = content.splitlines() if len(content) < _CHARACTERS else content.splitlines()[:-1]
    return [line for line in lines[:_LINES] if line.strip()]


def _encoding(parts: Sequence[Part], *, spec: Data) -> Iterator[Setting]:
    if spec.encoding is not None:
        return
    for part in parts:
        odd = [line for line in _lines(part, spec=spec) if not line.isascii()]
        if any(map(_UNDECODED.search, odd)):
            encoding = signatures.guess("\n".join(odd).encode(errors="surrogateescape"))
            if encoding != "utf-8":  # else single rows are damaged, which the reader names
                yield Setting("encoding", encoding, f"{part.name} is not UTF-8")
            return


def _format(part: Part, *, spec: Data) -> Iterator[Setting]:
    if spec.format is not None or part.format in ("folder", "parallel") or discover.known_format(part.path) is not None:
        return
    lines = _lines(part, spec=spec)
    if delimited.divided(lines, "\t"):
        yield Setting("format", "tsv", "tabs divide its lines")
    elif delimited.is_headed_table(part.path, spec=spec):
        return  # the reader takes it as it is, whatever its texts hold
    elif form := delimited.form_without_header(part.path, spec=spec):
        yield Setting("format", "csv", "its lines are rows of a table")
        if spec.delimiter is None:
            yield Setting("delimiter", form[0], "stands equally often in every line")
    elif _begin_with_labels(lines):
        yield Setting("format", "label_text", "every line is a label, a space and a text")
    else:
        raise DataError(
            f"{part.name}: neither its name nor its lines tell its format. Say which it is: --set data.format=csv "
            "(or tsv, jsonl, parquet, label_text)"
        )


def _begin_with_labels(lines: Sequence[str]) -> bool:
    words = [line.split(" ", 1) for line in lines]
    if not all(len(pair) == 2 and pair[1].strip() for pair in words):
        return False
    return _are_few([label for label, _ in words])


def _are_few(values: Sequence[str]) -> bool:
    """Whether the values repeat as labels do."""
    return 2 <= len(set(values)) <= min(_FEW, max(2, int(_FEW_SHARE * len(values))))


@dataclass(frozen=True, slots=True)
class _Records:
    """The first rows of a table, a header among them; bad: how many of them cannot be read."""

    good: list[Sequence[Any]]
    bad: int
    width: int


def _records(part: Part, *, spec: Data) -> _Records:
    lines = _lines(part, spec=spec)[:_TRIED]
    if not lines:
        readers.sample(part, spec=spec)  # which says that there is no row
    with delimited.long_fields():
        known = spec.delimiter or delimited.find_delimiter(lines, part=part, quoting=spec.quoting, width=None)
        try:
            tried = csv.reader(lines, delimiter=known, quoting=csv.QUOTE_MINIMAL if spec.quoting else csv.QUOTE_NONE)
            widths = Counter(map(len, tried))
        except csv.Error as error:
            raise DataError(f"{part.name}: {error}. If quote marks are plain text in it: data.quoting: false") from None
    width = widths.most_common(1)[0][0] if widths else 1
    names = [str(place) for place in range(width)]
    plain = spec.model_copy(update={"columns": names, "delimiter": known})
    head = readers.sample(part, spec=plain)
    rows = [values for _, values in islice(readers.rows(part, head, spec=plain, wanted=tuple(names)), _LINES)]
    good: list[Sequence[Any]] = [values for values in rows if not isinstance(values, Malformed)]
    return _Records(good=good, bad=len(rows) - len(good), width=width)


def _table(part: Part, *, spec: Data) -> bool:
    return (spec.format or part.format) in _TABLES


def _quoting(part: Part, *, spec: Data) -> Iterator[Setting]:
    if not _table(part, spec=spec) or "quoting" in spec.model_fields_set:
        return
    part = _as(part, spec)
    if not any('"' in line for line in _lines(part, spec=spec)):
        return
    plain = _records(part, spec=spec.model_copy(update={"quoting": False}))
    try:
        quoted = _records(part, spec=spec)
        # Where every line is a row of its own, quotes over several lines have swallowed rows.
        swallowed = plain.bad == 0 and len(plain.good) > len(quoted.good)
        better = plain.width == quoted.width and (plain.bad < quoted.bad or swallowed)
    except DataError:  # a quote mark that is never closed
        better = plain.bad == 0
    if better:
        yield Setting("quoting", False, "quote marks are part of its texts")


def _columns(part: Part, *, spec: Data) -> Iterator[Setting]:
    if not _table(part, spec=spec) or spec.columns is not None:
        return
    part = _as(part, spec)
    first, *rest = _records(part, spec=spec).good or [[]]
    if rest and columns.data_cell(first, rest, spec=spec):
        whole = Sample(columns=tuple(first), rows=rest)
        yield Setting("columns", detection.names_by_position(whole), "the file has no header")


def _as(part: Part, spec: Data) -> Part:
    """The part in the format that the recipe will say."""
    return part if spec.format is None else Part(path=part.path, name=part.name, format=spec.format)
