"""Numbers, times and names as text, with ordinary spaces and hyphens as minus signs.

`tied` keeps a figure and its unit on one line.
"""

import math
import re
import reprlib
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDTH = 80  # columns of a terminal
TIE = "\N{NO-BREAK SPACE}"
_UNIT = re.compile(r"(?<=\d) (?=(?:%|s|ms|min|h|MB|GB|kB|points?|epochs?|tokens|layers?|rows?|times)(?![a-zA-Z]))")
_SMALLEST_P = 0.001
_BYTES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_REPR = reprlib.Repr()  # bounded in depth and breadth: the value may come from an untrusted file
_REPR.maxlevel = _REPR.maxdict = _REPR.maxlist = 8
_REPR.maxstring = _REPR.maxlong = _REPR.maxother = 1_000
_LONGEST_NAME = 120


def counted(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun: `1 row`, `2,000 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def rows_in_units(count: int, noun: str, *, units: int, group: str | None) -> str:
    """Rows, and how many units of sampling they are: `2,620 test rows in 112 groups (film)`.

    group: the column that groups them; None if units are texts that occur several times.
    """
    rows = counted(count, noun)
    if units == count:
        return rows
    return f"{rows} in {counted(units, 'group')} ({group})" if group else f"{rows} with {units:,} different texts"


def times(count: int) -> str:
    """How often: `once`, `3 times`."""
    return "once" if count == 1 else f"{count:,} times"


def scored_before(rows: int, *, rows_seen: int, runs_seen: int, runs_later: int = 0) -> str:
    """How often the rows of a test set were scored, from runs.ledger.History, without a full stop.

    `1,310 of these 2,620 rows were scored before, in 3 runs on this machine`. rows: how many the test set has.
    """
    these = f"these {counted(rows, 'row')}" if rows > 1 else "this 1 row"
    runs = f"{counted(runs_seen, 'run')} on this machine"
    if rows_seen:
        before = f"{rows_seen:,} of {these} {'was' if rows == 1 else 'were'} scored before, in {runs}"
    elif runs_seen:
        records = "the record" if runs_seen == 1 else "the records"
        before = f"it is not known which of {these} were scored before: {records} of {runs} cannot be read"
    elif not runs_later:
        return "opened once on this machine; none of its rows before"
    else:
        before = "none of its rows was scored before on this machine"
    return f"{before}; {counted(runs_later, 'later run')} scored rows of it" if runs_later else before


def uses(figures: Mapping[str, Any]) -> str:
    """How often the rows of a JSON object with the keys of runs.ledger.History.as_json were scored: scored_before."""
    return scored_before(
        figures["examples"],
        rows_seen=figures["test_rows_seen"],
        runs_seen=figures["test_runs_seen"],
        runs_later=figures["test_runs_later"],
    )


def listed(names: Sequence[str], most: int | None = None) -> str:
    """Names as a list: `a`, `a and b`, `a, b and c`; of more than `most`, `a, b, c and 4 more`."""
    names = [cut(name, _LONGEST_NAME) for name in names]
    if most is not None and len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def percent(share: float, digits: int = 1) -> str:
    """A share, 0 to 1: `82.3 %`."""
    return f"{100 * share:.{digits}f} %"


def roughly(share: float) -> str:
    """A share, 0 to 1, with one or two significant digits: `13 %`, `1.6 %`, `0.02 %`."""
    value = abs(100 * share)
    return percent(share, 0 if value >= 10 or value == 0 else 1 if value >= 0.1 else 2)


def interval(bounds: Sequence[float]) -> str:
    """Two shares in percent, without the unit: `80.8 to 83.7`."""
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f}"


def points(difference: float, digits: int = 1, *, signed: bool = True) -> str:
    """A difference of shares in percentage points, without the unit: `+1.4`; unsigned, `1.4`. Zero has no sign."""
    text = f"{100 * difference:{'+' if signed else ''}.{digits}f}"
    return text if float(text) else text.lstrip("+-")


def p_value(p: float) -> str:
    """A p value: `p < 0.001`, `p = 0.041`, `p = 0.30`."""
    return f"p < {_SMALLEST_P}" if p < _SMALLEST_P else f"p = {p:.{3 if p < 0.1 else 2}f}"


def seconds(value: float) -> str:
    """A time for a table: `0.03 s`, `0.4 s`, `41 s`, `5 min`, `1.2 h`."""
    if value < 99.5:
        return f"{value:.0f} s" if value >= 0.95 or value == 0 else f"{float(f'{value:.1g}'):f}".rstrip("0") + " s"
    return f"{value / 60:.0f} min" if value < 99.5 * 60 else f"{value / 3600:.1f} h"


def duration(value: float) -> str:
    """A time that has passed: `0.4 s`, `87 s`, `4 min 12 s`, `2 h 5 min`."""
    if value < 9.95:
        return f"{value:.1f} s"
    total = round(value)
    if total < 120:
        return f"{total} s"
    return f"{total // 60} min {total % 60} s" if total < 7200 else f"{total // 3600} h {total % 3600 // 60} min"


def milliseconds(value: float) -> str:
    """Seconds in milliseconds: `14.9 ms`."""
    return f"{_three_digits(1e3 * value)} ms"


def spread(bounds: Sequence[float]) -> str:
    """Two numbers of seconds in milliseconds, without the unit: `14.2 to 17.0`."""
    return " to ".join(_three_digits(1e3 * value) for value in bounds)


def latency(median: float, bounds: Sequence[float] | None) -> str:
    """Seconds as `14.9 ms (14.2 to 17.0)`. bounds: the 5th and 95th percentile; None if they were not measured."""
    return milliseconds(median) if bounds is None else f"{milliseconds(median)} ({spread(bounds)})"


def size(count: float, *, like: float | None = None) -> str:
    """Bytes with three significant digits: `1.34 GB`, `12.3 MB`. like: bytes whose unit and digits are used instead."""
    reference = count if like is None else like
    for unit, scale in _BYTES:
        if reference >= scale:
            return f"{count / scale:,.{max(0, 2 - math.floor(math.log10(reference / scale)))}f} {unit}"
    return f"{count:.0f} bytes"


def epoch(value: float) -> str:
    """A moment of a training in epochs: `9`, `7.89`."""
    return f"{round(value, 2):g}"


def at_least(count: int) -> str:
    """A count rounded up to two figures: 2,341 as `2,400`."""
    unit: int = 10 ** max(0, math.floor(math.log10(count)) - 1)
    return f"{math.ceil(count / unit) * unit:,}"


def row_title(name: str, seed: int | None, *, several: bool) -> str:
    """The name of a row of the results table, with its seed if there are several rows of the name."""
    return f"{name} (seed {seed})" if several and seed is not None else name


def row_titles(keys: Iterable[tuple[str, int | None]]) -> dict[tuple[str, int | None], str]:
    """The title of each row of a table by its name and seed."""
    rows = list(keys)
    names = [name for name, _ in rows]
    return {(name, seed): row_title(name, seed, several=names.count(name) > 1) for name, seed in rows}


def short_model(source: str) -> str:
    """A source id in short: a wheel by its name and version, a Hub id with seven digits of its commit."""
    if source.startswith("wheel:"):
        return source.removeprefix("wheel:").split("#")[0].split("/")[0]
    name, at, revision = source.partition("@")
    return f"{name}{at}{revision[:7]}" if len(revision) == 40 else source


def cut(text: str, most: int, *, keep_end: bool = False) -> str:
    """`text` in at most `most` characters, with an ellipsis in place of the rest."""
    if len(text) <= most:
        return text
    return f"…{text[len(text) - most + 1 :]}" if keep_end else f"{text[: max(0, most - 1)]}…"


def short(value: Any, most: int = 60) -> str:
    """The repr of a value of any size and depth, short enough for a sentence."""
    try:
        text = _REPR.repr(value)
    except ValueError:  # an integer of more digits than Python converts
        return "a number of thousands of digits"
    return text if len(text) <= most else f"{text[: most - 3]}..."


def shown(name: str, most: int = 80) -> str:
    """A name from the user (label, column, file, row) as one line of at most `most` characters.

    Characters that could reverse or hide the text around them (control, bidirectional) are shown as U+FFFD.
    """
    return cut("".join(" " if mark.isspace() else _calm(mark) for mark in name), most)


def capital(text: str) -> str:
    """`text` with a capital letter first."""
    return text[:1].upper() + text[1:]


def tied(text: str) -> str:
    """`text` with a no-break space between each figure and its unit."""
    return _UNIT.sub(TIE, text)


def wrapped(text: str, *, first: str = "", rest: str = "  ", width: int = WIDTH) -> str:
    """`text` in lines of at most `width` columns, broken between words and not inside a figure.

    first, rest: the indent of the first line and of the others.
    """
    lines = textwrap.fill(
        tied(text), width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return lines.replace(TIE, " ")


def _three_digits(value: float) -> str:
    """A number with three significant digits: `0.0940`, `14.9`, `1,230`."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.{max(0, 2 - math.floor(math.log10(rounded)))}f}"


def _calm(mark: str) -> str:
    # Cf contains the bidirectional marks; the two joiners that scripts and emoji need are not replaced.
    if mark in "\u200c\u200d" or (unicodedata.category(mark) not in ("Cc", "Cf", "Cs") and mark not in "\ufffe\uffff"):
        return mark
    return "\ufffd"
