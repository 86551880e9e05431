"""Reads CSV, TSV and similar tables: finds the delimiter, checks quotes, numbers rows as a spreadsheet does."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Literal

from finetooth.data import column_roles, detection, line_sample, text_file
from finetooth.data.malformed import Fault, Malformed
from finetooth.data.names import folded
from finetooth.data.parts import SAMPLE_ROWS, Part, Rows, Sample, check_column_count, check_column_names, picker
from finetooth.errors import DataError, RecipeError
from finetooth.recipe import Data
from finetooth.wording import counted

_DELIMITERS = (",", ";", "\t", "|")
_RARE_DELIMITERS = ("@", "#", "^", "~")
_DIVIDED_SHARE = 0.98
_LABEL_WORDS = 4  # the name of a class has no more words
_SAMPLE_CHARACTERS = 1 << 18
_GOOD_SHARE = 0.9
_SWALLOWED_LINES = 8  # inside one field, each with the delimiters of a row: prose has fewer
_QUOTE_ADVICE = (
    "A field that begins with a quote mark must end with one; double the quote marks inside it. "
    "If quote marks are plain text in this file: data.quoting: false"
)
_WIDTH_ADVICE = (
    "Every row needs as many fields as the header: put texts that contain the delimiter in quotes, or name the "
    "delimiter (data.delimiter)."
)


def read_sample(part: Part, *, spec: Data) -> Sample:
    """The delimiter, the escape character, the columns and the first rows of the file.

    Raises: DataError for a file without rows or with a repeated column name; RecipeError for an unusable delimiter.
    """
    if spec.delimiter is not None and spec.delimiter in '\r\n"\\ ':
        raise RecipeError(f"data.delimiter: {spec.delimiter!r} cannot divide columns; use ',', ';', '|' or a tab.")
    with text_file.open_text(part.path, name=part.name, encoding=spec.encoding, to_end=False) as opened:
        lines = _first_lines(opened)
    sample = Sample(part, columns=(), rows=[], quoting=spec.quoting, facts={"encoding": opened.encoding})
    with long_fields():
        records = _first_records(lines, sample, spec=spec)
    if not records:
        if any(line.strip() for line in lines):
            raise DataError(
                f"{part.name}: a quote mark opened in the first row is not closed in the first "
                f"{sum(map(len, lines)):,} characters. {_QUOTE_ADVICE}"
            )
        raise DataError(f"{part.name}: the file has only blank lines. Name a file with rows.")
    _set_columns(sample, records, declared=spec.columns)
    sample.facts["delimiter"] = {"\t": "tab"}.get(sample.delimiter, sample.delimiter)
    if sample.escape:
        sample.notes.append(f"{part.name}: quote marks are escaped with backslashes and are read so.")
    return sample


def read_rows(sample: Sample, *, spec: Data, columns: tuple[str, ...]) -> Rows:
    """The values of `columns` in every row. Blank rows are skipped; rows of a wrong length or quoting are Malformed.

    Raises: DataError if the rest cannot be divided into rows: a quote mark that is never closed, a row without end.
    """
    part, pick = sample.part, picker(sample, columns)
    width = len(sample.columns)
    with text_file.open_text(part.path, name=part.name, encoding=spec.encoding) as opened, long_fields():
        for number, record in enumerate(_records(opened.lines(), sample), 1):
            if number < sample.first_row or not record:
                continue
            if isinstance(record, Malformed):
                yield number, record
            elif len(record) != width:
                yield number, _wrong_width(record, sample, last_line=opened.last_line)
            else:
                yield number, pick(record)
    sample.facts |= {"sha256": opened.sha256, "bytes": opened.size}


def is_headed_table(path: Path, *, spec: Data) -> bool:
    """Whether the first row of a file names a text and a label, and the next rows have as many fields."""
    part = Part(path=path, name=path.name, format="csv")
    bare = spec.model_copy(update={"columns": None})
    try:
        sample = read_sample(part, spec=bare)
    except DataError:  # not a table
        return False
    named = column_roles.names_text(sample, spec=spec) and column_roles.names_label(sample, spec.label)
    return named and bool(sample.rows) and first_rows_fit(sample, spec=bare)


def first_rows_fit(sample: Sample, *, spec: Data) -> bool:
    """Whether the first rows have as many fields as there are columns."""
    first = islice(read_rows(sample, spec=spec, columns=sample.columns), SAMPLE_ROWS)
    return not any(isinstance(values, Malformed) for _, values in first)


def form_without_header(path: Path, *, spec: Data) -> tuple[str, list[str]] | None:
    """The delimiter that divides the lines of a file into equally many fields, and names for these; or None."""
    with text_file.open_text(path, name=path.name, encoding=spec.encoding, to_end=False) as opened:
        lines = [line for line in _first_lines(opened)[:SAMPLE_ROWS] if line.strip()]
    candidates: list[tuple[int, str, list[str]]] = []
    for delimiter in (*_DELIMITERS, *_RARE_DELIMITERS):
        records = divided(lines, delimiter)
        if not records:
            continue
        names = detection.names_by_position(records[0], records[1:])
        if {"text", "label"} <= set(names):
            labels = [record[names.index("label")] for record in records]
            if max(len(label.split()) for label in labels) <= _LABEL_WORDS:
                candidates.append((max(map(len, labels)), delimiter, names))
    # A delimiter inside the texts leaves a piece of text beside each label, so the shortest labels are right.
    return min(candidates)[1:] if candidates else None


def divided(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The fields of the lines with the most frequent number of fields; [] if too many lines have another number."""
    records = [line.rstrip("\r\n").split(delimiter) for line in lines]
    widths = Counter(map(len, records))
    width, most = widths.most_common(1)[0] if widths else (0, 0)
    if width < 2 or most < _DIVIDED_SHARE * len(records):
        return []
    return [record for record in records if len(record) == width]


def read_spread_rows(sample: Sample) -> list[Sequence[object]]:
    """Rows from all over the file that have as many fields as there are columns.

    A piece of the file may begin inside a quoted text of many lines. If too many rows of the pieces have another
    number of fields, or there are too few rows, the rows are read from the beginning of the file instead.
    """
    width = len(sample.columns)
    with long_fields():
        records = [
            record
            for index, lines in enumerate(line_sample.pieces(sample))
            for number, record in good_records(lines, sample)
            if index > 0 or number >= sample.first_row  # a header may have several lines
        ]
        good: list[Sequence[object]] = [record for record in records if len(record) == width]
        if len(good) >= max(SAMPLE_ROWS, _GOOD_SHARE * len(records)):
            return good
        numbered = good_records(line_sample.streamed_lines(sample), sample)
        return line_sample.evenly(
            record for number, record in numbered if number >= sample.first_row and len(record) == width
        )


@contextmanager
def long_fields() -> Iterator[None]:
    """In the block, a field may be as long as the longest row that is read."""
    # The limit holds for the process; the default of 131,072 is less than a long article.
    before = csv.field_size_limit(text_file.MAX_ROW_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def find_delimiter(lines: list[str], *, part: Part, quoting: bool, width: int | None) -> str:
    """The character that divides the most lines into equally many fields; into `width` fields, if that is known."""
    best, best_share = "\t" if part.format == "tsv" else ",", 0.0
    for delimiter in ("\t", *_DELIMITERS) if part.format == "tsv" else _DELIMITERS:
        trial = Sample(part, columns=(), rows=[], delimiter=delimiter, quoting=quoting)
        widths = [len(record) for _, record in islice(good_records(lines, trial), SAMPLE_ROWS + 1)]
        expected = width or (widths[0] if widths else 0)
        if expected < 2 and width is None:
            continue
        share = widths.count(expected) / max(len(widths), 1)
        if share > best_share + 1e-9:
            best, best_share = delimiter, share
    return best


def _records(lines: Iterable[str], sample: Sample) -> Iterator[list[str] | Malformed]:
    part = sample.part
    last_line, broken, longest, longest_row = 0, 0, 1, 0
    for number, line, record in _parsed(lines, sample):
        spanned, last_line = line - last_line, line
        if isinstance(record, csv.Error):
            reason = str(record)
            if "unexpected end" in reason or "field limit" in reason:
                limit = f"in {text_file.MAX_ROW_CHARACTERS:,} characters"
                within = "by the end of the file" if "end" in reason else limit
                raise DataError(
                    f"{part.name} row {number}: a quote mark opened in this row is not closed {within}. {_QUOTE_ADVICE}"
                )
            yield Malformed(Fault("quotes", "text follows a closing quote mark", _QUOTE_ADVICE), f"line {line}")
        elif spanned > 1 and (swallowed := _swallowed(record, sample)):
            what = f"a quoted field runs over {spanned} lines{swallowed}"
            yield Malformed(Fault("quotes", what, _QUOTE_ADVICE), record)
        else:
            if spanned > 1:
                broken += 1
                longest, longest_row = max((longest, longest_row), (spanned, number), key=lambda pair: pair[0])
            yield record
    if broken:
        rows = counted(broken, "row has", "rows have")
        sample.notes.append(
            f"{part.name}: {rows} line breaks inside quotes, the longest {longest} lines (row {longest_row})."
        )


def _parsed(lines: Iterable[str], sample: Sample) -> Iterator[tuple[int, int, list[str] | csv.Error]]:
    """(number of the row, last line read, the record or why it cannot be read) for every row."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if sample.quoting else csv.QUOTE_NONE
    reader = csv.reader(
        lines, delimiter=sample.delimiter, quoting=quoting,
        escapechar=sample.escape, doublequote=sample.escape is None, strict=True,
    )  # fmt: skip
    for number in count(1):
        try:
            record: list[str] | csv.Error = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            record = error
        yield number, reader.line_num, record


def good_records(lines: Iterable[str], sample: Sample) -> Iterator[tuple[int, list[str]]]:
    """(number of the row, record) for every row that can be read and is not blank."""
    for number, _, record in _parsed(lines, sample):
        if record and not isinstance(record, csv.Error):
            yield number, record


def _swallowed(record: list[str], sample: Sample) -> str:
    """A clause that says why two stray quote marks have made many rows one; "" if there is no sign of that.

    The signs: a tab inside a field of several lines; or many lines that each have the delimiters of a row.
    """
    if sample.delimiter == "\t":
        return " and contains tabs" if any("\t" in cell for cell in record) else ""
    width = len(sample.columns)
    for cell in record if width > 1 else ():
        lines = cell.splitlines()[1:-1]
        if len(lines) >= _SWALLOWED_LINES and all(line.count(sample.delimiter) == width - 1 for line in lines):
            return ", each like a row"
    return ""


def _wrong_width(record: list[str], sample: Sample, *, last_line: str) -> Malformed:
    against = "the header" if sample.headed else "data.columns"
    what = f"{counted(len(record), 'field')} where {against} has {len(sample.columns)}"
    if len(record) < len(sample.columns) and not last_line.endswith(("\n", "\r")):
        what += "; the file ends within this row: was its download cut short?"
    return Malformed(Fault("fields", what, _WIDTH_ADVICE), record)


def _first_records(lines: list[str], sample: Sample, *, spec: Data) -> list[tuple[int, list[str]]]:
    """The records of the sample; sets the delimiter and the escape character of `sample` that fit the lines."""
    width = len(spec.columns) if spec.columns else None
    sample.delimiter = spec.delimiter or find_delimiter(lines, part=sample.part, quoting=spec.quoting, width=width)
    if spec.quoting and any('\\"' in line for line in lines) and _has_errors(lines, sample):
        sample.escape = "\\"
        if _has_errors(lines, sample):
            sample.escape = None
    return list(islice(good_records(lines, sample), SAMPLE_ROWS + 1))


def _has_errors(lines: list[str], sample: Sample) -> bool:
    # The sample may end inside a quoted field, which is no error of the file.
    records = islice(_parsed(lines, sample), SAMPLE_ROWS)
    return any(isinstance(record, csv.Error) and "unexpected end" not in str(record) for _, _, record in records)


def _first_lines(opened: text_file.Opened) -> list[str]:
    """The first lines, together about _SAMPLE_CHARACTERS long, or longer if these are not a header and a row.

    Every line ends with LF, so that a name of several lines in the header does not depend on the file's line ends.
    """
    lines: list[str] = []
    size = 0
    for line in opened.lines():
        size += len(line)
        if size > _SAMPLE_CHARACTERS and len(lines) >= 2:
            break
        lines.append(line.rstrip("\r\n") + "\n")
    return lines


def _set_columns(sample: Sample, records: list[tuple[int, list[str]]], *, declared: list[str] | None) -> None:
    """Set the columns and rows of the sample: the names are declared, or the first record holds them.

    Raises: DataError for too many columns, a repeated name, or a header with the declared names in another order.
    """
    part, (number, first) = sample.part, records[0]
    names = [cell.strip() for cell in first]
    header = [name.casefold() for name in names]
    expected = [folded(name) for name in declared or ()]
    if declared is not None and header != expected and sorted(header) == sorted(expected):
        raise DataError(
            f"{part.name} row {number}: has the names of data.columns in another order ({', '.join(names)}). Remove "
            "data.columns: the header names the columns."
        )
    if declared is None or header == expected:
        sample.first_row = number + 1
        sample.rows = [record for _, record in records[1:] if len(record) == len(first)]
    else:
        names, sample.headed = list(declared), False
        sample.first_row = 1  # not that of the first good record: a malformed one before it is a row too
        sample.rows = [record for _, record in records if len(record) == len(names)]
    where = f"{part.name} row {number}"
    check_column_count(names, where=where, fewer=f"Is {sample.delimiter!r} the delimiter? If not: data.delimiter")
    no_header = "; if the file has no header, name its columns: data.columns: [text, label]"
    check_column_names(names, where=where, ending=no_header, may_lack_names=True)
    sample.columns = tuple(names)
