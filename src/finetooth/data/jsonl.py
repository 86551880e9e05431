"""Reads JSON lines: one object per line. What is not JSON is an error: repeated keys, NaN, trailing text."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from finetooth.data import line_sample, text_file
from finetooth.data.malformed import Fault, Malformed
from finetooth.data.parts import SAMPLE_ROWS, Part, Rows, Sample, check_column_count
from finetooth.errors import DataError
from finetooth.recipe import Data

_ADVICE = 'Every line is one JSON object, such as {"text": "a fine film", "label": "positive"}.'


def read_sample(part: Part, *, spec: Data) -> Sample:
    """The keys of the first objects as columns, in the order in which they occur.

    Raises: DataError for a JSON array, or a file without one readable object.
    """
    objects: list[dict[str, Any]] = []
    fault = ""
    with text_file.open_text(part.path, name=part.name, encoding=spec.encoding, to_end=False) as opened:
        for number, line in _lines(opened):
            if not objects and not fault and line.lstrip().startswith("["):
                raise DataError(
                    f"{part.name}: this is one JSON array, not JSON lines. Write one object per line: "
                    "jq -c '.[]' FILE > NEW.jsonl"
                )
            record = _parsed(line)
            if isinstance(record, dict):
                objects.append(record)
            else:
                fault = fault or f"{part.name} row {number}: {record.fault.what}. {_ADVICE}"
            if len(objects) >= SAMPLE_ROWS or (not objects and number > 10 * SAMPLE_ROWS):
                break
    if not objects:
        raise DataError(fault or f"{part.name}: the file has only blank lines. Name a file with rows.")
    columns = tuple(dict.fromkeys(key for record in objects for key in record))
    fewer = "Write only the keys that you need: jq -c '{text, label}' FILE > NEW.jsonl"
    check_column_count(columns, where=part.name, fewer=fewer)
    rows: list[Sequence[object]] = [tuple(record.get(name) for name in columns) for record in objects]
    return Sample(part, columns=columns, rows=rows, facts={"encoding": opened.encoding})


def read_rows(sample: Sample, *, spec: Data, columns: tuple[str, ...]) -> Rows:
    """The values of `columns` in every object, None for a key that it lacks. Blank lines are skipped."""
    part = sample.part
    with text_file.open_text(part.path, name=part.name, encoding=spec.encoding) as opened:
        for number, line in _lines(opened):
            record = _parsed(line)
            yield number, [record.get(name) for name in columns] if isinstance(record, dict) else record
    sample.facts |= {"sha256": opened.sha256, "bytes": opened.size}


def read_spread_rows(sample: Sample) -> list[Sequence[object]]:
    """The values of objects from all over the file, in the order of the sample's columns.

    If the pieces of the file have too few complete lines, the file is read from its beginning instead.
    """
    lines = [line for piece in line_sample.pieces(sample) for line in piece if line.strip()]
    if len(lines) < SAMPLE_ROWS:
        lines = line_sample.evenly(line for line in line_sample.streamed_lines(sample) if line.strip())
    records = map(_parsed, lines)
    return [tuple(record.get(name) for name in sample.columns) for record in records if isinstance(record, dict)]


def _lines(opened: text_file.Opened) -> Iterator[tuple[int, str]]:
    """(number, line) for every line that is not blank."""
    return ((number, line) for number, line in enumerate(opened.lines(), 1) if line.strip())


def _parsed(line: str) -> dict[str, Any] | Malformed:
    try:
        value = _DECODER.decode(line.strip(" \t\r\n"))
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at")  # some messages end so, because the position follows
        what = f"not valid JSON ({reason[0].lower()}{reason[1:]} at character {error.pos + 1})"
        if not line.endswith(("\n", "\r")):
            what += "; the file ends within this row: was its download cut short?"
        return Malformed(Fault("json", what, _ADVICE), line)
    except _NotJSONError as error:
        return Malformed(Fault("json", str(error), _ADVICE), line)
    except RecursionError:
        return Malformed(Fault("json", "nested too deeply to read", _ADVICE), line)
    except ValueError:  # an integer with more digits than Python converts
        return Malformed(Fault("json", "a number with thousands of digits", _ADVICE), line)
    if isinstance(value, dict):
        return value
    return Malformed(Fault("json", f"a JSON {_KINDS[type(value)]}, not an object", _ADVICE), line)


_KINDS: dict[type, str] = {
    list: "array", str: "string", int: "number", float: "number", bool: "true or false", type(None): "null",
}  # fmt: skip


class _NotJSONError(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        repeated = next(key for key in counts if counts[key] > 1)
        raise _NotJSONError(f"the key {repeated!r} occurs twice")
    return record


def _refuse_constant(word: str) -> Any:
    raise _NotJSONError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
