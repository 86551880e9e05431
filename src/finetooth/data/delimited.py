"""CSV, TSV and their kin: the delimiter found, quotes read strictly, rows counted as a spreadsheet counts them."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from finetooth.data import detection, line_sample, text_file
from finetooth.data.malformed import Fault, Malformed
from finetooth.data.parts import MAX_COLUMNS, SAMPLE_ROWS, Part, Rows, Sample, picker
from finetooth.errors import DataError, RecipeError
from finetooth.recipe import Data
from finetooth.wording import counted

_DELIMITERS = (",", ";", "\t", "|")
_SELDOM_DELIMITERS = ("@", "#", "^", "~")
_DIVIDED_SHARE = 0.98
_LABEL_WORDS = 4  # names of classes have no more
_SAMPLE_CHARACTERS = 1 << 18
_SOUND_SHARE = 0.9
_SWALLOWED_LINES = 8  # between the first and the last of a field: prose has not as many alike
_QUOTE_ADVICE = (
    "A field that begins with a quote mark must end with one, and quotes inside it are doubled. "
    "If quote marks are plain text in this file: data.quoting: false"
)
_WIDTH_ADVICE = (
    "Every row needs as many fields as the header: put texts that hold the delimiter in quotes, or name the delimiter "
    "(data.delimiter)."
)


def sample(part: Part, *, spec: Data) -> Sample:
    """Delimiter, escapes, columns and first rows of the file.

    Raises: DataError for a file without rows, without a header where one is needed, or with doubled column names.
    """
    if spec.delimiter is not None and spec.delimiter in '\r\n"\\ ':
        raise RecipeError(f"data.delimiter: {spec.delimiter!r} cannot divide columns; use ',', ';', '|' or a tab.")
    with text_file.text(part.path, name=part.name, encoding=spec.encoding, whole=False) as opened:
        kept = _first_lines(opened.stream, name=part.name)
    found = Sample(columns=(), rows=[], quoting=spec.quoting, facts={"encoding": opened.encoding})
    with long_fields():
        records = _tried(kept, found, part=part, spec=spec)
    if not records:
        if any(line.strip() for line in kept):
            raise DataError(
                f"{part.name}: a quote mark opened in the first row is not closed in the first "
                f"{sum(map(len, kept)):,} characters. {_QUOTE_ADVICE}"
            )
        raise DataError(f"{part.name}: the file holds only blank lines; there is no row to read.")
    _name_columns(found, records, part=part, declared=spec.columns)
    found.facts["delimiter"] = {"\t": "tab"}.get(found.delimiter, found.delimiter)
    if found.escape:
        found.notes.append(f"{part.name}: quote marks are escaped with backslashes; read so.")
    return found


def rows(part: Part, found: Sample, *, spec: Data, wanted: tuple[str, ...]) -> Rows:
    """The wanted values of every row; ragged and wrongly quoted rows as Malformed; blank rows are passed over.

    Raises: DataError where rows can no longer be told apart: a quote that is never closed, a row without end.
    """
    pick = picker([found.columns.index(name) for name in wanted])
    width = len(found.columns)
    with text_file.text(part.path, name=part.name, encoding=spec.encoding) as opened, long_fields():
        ended = _Ending(text_file.lines(opened.stream, name=part.name))
        number = 0
        for record in _records(ended, found, part=part):
            number += 1
            if number < found.first_row or not record:
                continue
            if isinstance(record, Malformed):
                yield number, record
            elif len(record) != width:
                yield number, _ragged(record, found, cut=ended.cut)
            else:
                yield number, pick(record)
    found.facts |= {"sha256": opened.sha256, "bytes": opened.size}


def is_headed_table(path: Path, *, spec: Data) -> bool:
    """Whether the first rows of a file of any name have as many fields as its first, which names a text and a label."""
    part = Part(path=path, name=path.name, format="csv")
    bare = spec.model_copy(update={"columns": None})
    try:
        found = sample(part, spec=bare)
    except DataError:  # not a table of any shape
        return False
    names = {name.casefold() for name in found.columns}
    wanted = ((spec.text, detection.TEXT_NAMES), (spec.label, detection.LABEL_NAMES))
    if not found.rows or not all(names & ({name.casefold()} if name else set(usual)) for name, usual in wanted):
        return False
    first = islice(rows(part, found, spec=bare, wanted=found.columns), SAMPLE_ROWS)
    return not any(isinstance(values, Malformed) for _, values in first)


def form_without_header(path: Path, *, spec: Data) -> tuple[str, list[str]] | None:
    """The delimiter that divides the lines of a file into equally many fields, and names for them; None without one."""
    with text_file.text(path, name=path.name, encoding=spec.encoding, whole=False) as opened:
        kept = [line for line in _first_lines(opened.stream, name=path.name)[:SAMPLE_ROWS] if line.strip()]
    fitting: list[tuple[int, str, list[str]]] = []
    for delimiter in (*_DELIMITERS, *_SELDOM_DELIMITERS):
        even = divided(kept, delimiter)
        if not even:
            continue
        names = detection.names_by_position(Sample(columns=tuple(even[0]), rows=list(even[1:])))
        if {"text", "label"} <= set(names):
            place = names.index("label")
            if max(len(record[place].split()) for record in even) > _LABEL_WORDS:
                continue
            fitting.append((max(len(record[place]) for record in even), delimiter, names))
    # A delimiter inside the texts leaves a piece of text beside each label.
    return min(fitting)[1:] if fitting else None


def divided(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The fields of the lines that the delimiter divides into as many as nearly all others; none where it does not."""
    records = [line.rstrip("\n").split(delimiter) for line in lines]
    widths = Counter(map(len, records))
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    if width < 2 or count < _DIVIDED_SHARE * len(records):
        return []
    return [record for record in records if len(record) == width]


def spread_rows(part: Part, found: Sample) -> list[Sequence[Any]]:
    """Rows from all over the file that have as many fields as there are columns.

    Pieces of the file may begin inside a quoted text of many lines, or hold no whole row: where most rows come out
    wrong, or there are few, the rows are read from the first on instead.
    """
    width = len(found.columns)
    with long_fields():
        records = [
            record
            for place, lines in enumerate(line_sample.pieces(part, found))
            for number, record in _sample_records(lines, found, most=None)
            if place > 0 or number >= found.first_row  # a header may span several lines
        ]
        sound: list[Sequence[Any]] = [record for record in records if len(record) == width]
        if len(sound) >= max(SAMPLE_ROWS, _SOUND_SHARE * len(records)):
            return sound
        with line_sample.streamed_lines(part, found) as lines:
            return line_sample.evenly(_sound_rows(lines, found))


def _sound_rows(lines: Iterable[str], found: Sample) -> Iterator[list[str]]:
    reader, number = _reader(lines, found), 0
    while True:
        number += 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if number >= found.first_row and len(record) == len(found.columns):
            yield record


def _records(lines: Iterable[str], found: Sample, *, part: Part) -> Iterator[list[str] | Malformed]:
    reader = _reader(lines, found)
    number, line, broken, longest, where = 0, 0, 0, 1, 0
    while True:
        number += 1
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            _refuse_endless(str(error), part=part, number=number)
            fault = Fault("quotes", "text follows a closing quote mark", _QUOTE_ADVICE)
            yield Malformed(fault, f"line {reader.line_num}")
            line = reader.line_num
            continue
        spanned, line = reader.line_num - line, reader.line_num
        if spanned > 1:
            swallowed = _swallowed(record, found)
            if swallowed:
                yield Malformed(
                    Fault("quotes", f"a quoted field runs over {spanned} lines{swallowed}", _QUOTE_ADVICE), record
                )
                continue
            broken += 1
            longest, where = max((longest, where), (spanned, number), key=lambda pair: pair[0])
        yield record
    if broken:
        rows = counted(broken, "row holds", "rows hold")
        found.notes.append(f"{part.name}: {rows} line breaks inside quotes, the longest {longest} lines (row {where}).")


def _swallowed(record: list[str], found: Sample) -> str:
    """What shows that two stray quote marks have swallowed the rows between them, or an empty string.

    A tab inside a field over several lines; or many lines of which each has the delimiters of a row, as prose has not.
    """
    if found.delimiter == "\t":
        return " and holds tabs" if any("\t" in cell for cell in record) else ""
    width = len(found.columns)
    for cell in record if width > 1 else ():
        lines = cell.splitlines()[1:-1]
        if len(lines) >= _SWALLOWED_LINES and all(line.count(found.delimiter) == width - 1 for line in lines):
            return ", each of which could be a row"
    return ""


def _refuse_endless(reason: str, *, part: Part, number: int) -> None:
    if "unexpected end" in reason or "field limit" in reason:
        within = "by the end of the file" if "end" in reason else f"in {text_file.MAX_ROW_CHARACTERS:,} characters"
        raise DataError(
            f"{part.name} row {number}: a quote mark opened in this row is not closed {within}. {_QUOTE_ADVICE}"
        ) from None


def _ragged(record: list[str], found: Sample, *, cut: bool) -> Malformed:
    against = "the header" if found.headed else "data.columns"
    fields = counted(len(record), "field")
    what = f"{fields} where {against} has {len(found.columns)}"
    if cut and len(record) < len(found.columns):
        what += "; the file ends within this row: was its download cut short?"
    return Malformed(Fault("fields", what, _WIDTH_ADVICE), record)


class _Ending:
    """Lines passed on, remembering whether the last one lacked its end."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.cut = False
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.cut = not line.endswith(("\n", "\r"))
            yield line


def _reader(lines: Iterable[str], found: Sample) -> Any:
    if not found.quoting:
        return csv.reader(lines, delimiter=found.delimiter, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(
        lines, delimiter=found.delimiter, escapechar=found.escape, doublequote=found.escape is None, strict=True
    )


@contextmanager
def long_fields() -> Iterator[None]:
    """Lets fields be as long as the longest row that is read."""
    # The limit is one for the process; the standard 131,072 is less than a long article.
    before = csv.field_size_limit(text_file.MAX_ROW_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _tried(kept: list[str], found: Sample, *, part: Part, spec: Data) -> list[tuple[int, list[str]]]:
    """The records of the sample, read with the delimiter and escapes that fit it; found is told which."""
    width = len(spec.columns) if spec.columns else None
    found.delimiter = spec.delimiter or find_delimiter(kept, part=part, quoting=spec.quoting, width=width)
    if spec.quoting and any('\\"' in line for line in kept) and _failures(kept, found) > 0:
        found.escape = "\\"
        if _failures(kept, found) > 0:
            found.escape = None
    return _sample_records(kept, found)


def _first_lines(stream: TextIO, *, name: str) -> list[str]:
    """The whole lines among the sample's characters; the next ones too while a header and a row are not among them."""
    head = stream.read(_SAMPLE_CHARACTERS)
    more = len(head) == _SAMPLE_CHARACTERS
    kept = _complete_lines(head, more=more)
    following = text_file.lines(stream, name=name, first=len(kept) + 1)
    while more and len(kept) < 2 and (line := next(following, "")):
        head += line
        kept = _complete_lines(head, more=False)
    return kept


def _complete_lines(head: str, *, more: bool) -> list[str]:
    lines = head.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line + "\n" for line in (lines[:-1] if more or not lines[-1] else lines)]


def _sample_records(
    lines: list[str], found: Sample, *, most: int | None = SAMPLE_ROWS + 1
) -> list[tuple[int, list[str]]]:
    records: list[tuple[int, list[str]]] = []
    reader, number = _reader(lines, found), 0
    while most is None or len(records) < most:
        number += 1
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error:
            continue
        if record:
            records.append((number, record))
    return records


def _failures(lines: list[str], found: Sample) -> int:
    reader, failed = _reader(lines, found), 0
    for _ in range(SAMPLE_ROWS):
        try:
            next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            # The sample may end inside a quoted field; that is no fault of the file.
            failed += "unexpected end" not in str(error)
    return failed


def find_delimiter(lines: list[str], *, part: Part, quoting: bool, width: int | None) -> str:
    """The character that divides the most lines into equally many fields. width: how many, if that is known."""
    best, best_share = "\t" if part.format == "tsv" else ",", 0.0
    for delimiter in ("\t", *_DELIMITERS) if part.format == "tsv" else _DELIMITERS:
        trial = Sample(columns=(), rows=[], delimiter=delimiter, quoting=quoting)
        widths = [len(record) for _, record in _sample_records(lines, trial)]
        expected = width or (widths[0] if widths else 0)
        if expected < 2 and width is None:
            continue
        share = sum(found == expected for found in widths) / max(len(widths), 1)
        if share > best_share + 1e-9:
            best, best_share = delimiter, share
    return best


def _name_columns(
    found: Sample, records: list[tuple[int, list[str]]], *, part: Part, declared: list[str] | None
) -> None:
    number, first = records[0]
    names = [cell.strip() for cell in first]
    plain = [name.casefold() for name in names]
    wanted = [name.strip().casefold() for name in declared or ()]
    if declared is not None and plain != wanted and sorted(plain) == sorted(wanted):
        raise DataError(
            f"{part.name} row {number}: holds the names of data.columns in another order ({', '.join(names)}). Leave "
            "data.columns out: the header names the columns."
        )
    if declared is None or plain == wanted:
        found.first_row = number + 1
        found.rows = [record for _, record in records[1:] if len(record) == len(first)]
    else:
        names, found.headed = list(declared), False
        found.first_row = 1  # not that of the first good record: a malformed one before it is a row too
        found.rows = [record for _, record in records if len(record) == len(names)]
    if len(names) > MAX_COLUMNS:
        raise DataError(
            f"{part.name}: {len(names):,} columns; most allowed is {MAX_COLUMNS:,}. "
            f"Is {found.delimiter!r} the delimiter?"
        )
    doubled = sorted({name for name in names if name and names.count(name) > 1}) if len(set(names)) < len(names) else []
    if doubled:
        places = " and ".join(str(place) for place, name in enumerate(names, 1) if name == doubled[0])
        raise DataError(
            f"{part.name} row {number}: column {doubled[0]!r} stands twice (columns {places}). Rename one of them; "
            "if the file has no header, name its columns: data.columns: [text, label]"
        )
    found.columns = tuple(names)
