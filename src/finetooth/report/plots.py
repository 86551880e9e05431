"""The marks that charts are drawn with. Positions across are percent of the plot's width, positions down are pixels.

So a chart takes the width of the page while its text keeps its size, without a script.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from finetooth.report.columns import Cell
from finetooth.wording import cut, percent, shown

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_LOG_MARKS = ((1, 1.5, 2, 3, 4, 6, 8), (1, 2, 5), (1, 3), (1,))
_MOST_TICKS = 5
_NAME_WIDE, _NAME_NARROW = 20, 17  # most characters of a name left of a plot
_ROOM = 1e-9
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One mark of a chart, drawn by the macro of templates/marks.html that has the name of its shape.

    x, x2: positions across; y, y2: positions down. dx: pixels to move it across. look: its class in the style sheet.
    radius: in pixels. points: positions (across, down) of a curve.
    """

    shape: Literal["line", "words", "whisker", "upright", "dot", "diamond", "ring", "bar", "curve"]
    look: str = ""
    x: str = "0%"
    y: float = 0.0
    x2: str = "0%"
    y2: float = 0.0
    dx: float = 0.0
    text: str = ""
    anchor: Anchor = "start"
    radius: float = 0.0
    points: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table in a box that scrolls; the first column heads the rows.

    words: the number of columns, from the left, that hold words and not figures. marked: the row that is highlighted.
    quiet: the caption is for screen readers only, because a heading beside it says the same. look: its class in the
    style sheet.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str
    words: int = 1
    marked: int | None = None
    quiet: bool = False
    look: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart under its heading, with a note below and its figures as a table that opens on demand.

    key: unique on the page. title, description: for screen readers. height: in pixels. look: its class in the style
    sheet.
    """

    heading: str
    key: str
    title: str
    description: str
    marks: Sequence[Mark]
    height: float
    look: str
    table: Table | None = None
    note: str = ""


def cells(*texts: str) -> list[Cell]:
    """A row of a table."""
    return [Cell(text) for text in texts]


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from low to high, linear or logarithmic."""

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def share(self, value: float) -> float:
        """The position of `value`, 0 at low to 1 at high; values outside are moved to the nearer end."""
        low, high, at = (math.log10(max(part, 1e-300)) if self.log else part for part in (self.low, self.high, value))
        return 0.5 if high == low else min(1.0, max(0.0, (at - low) / (high - low)))

    def across(self, value: float) -> str:
        """The position of `value` across, in percent of the width."""
        return f"{100 * self.share(value):.2f}%"

    def down(self, value: float, height: float) -> float:
        """The position of `value` in pixels from the top of a plot of that height, low values at the bottom."""
        return round(height * (1 - self.share(value)), 2)


def even_scale(low: float, high: float, *, most: int = 5, within: tuple[float, float] = (-math.inf, math.inf)) -> Scale:
    """A linear scale that holds low and high, with round ends inside `within` and about `most` steps."""
    if high - low < _ROOM:
        wider = 0.5 * max(abs(low), abs(high)) if max(abs(low), abs(high)) > _ROOM else 0.5
        low, high = low - wider, high + wider
    low, high = max(low, within[0]), min(high, within[1])
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * step for step in _STEPS if size * step >= rough * (1 - _ROOM))
    first, last = math.floor(low / step + _ROOM), math.ceil(high / step - _ROOM)
    ticks = [round(step * count, 12) for count in range(first, last + 1)]
    ticks = [tick for tick in ticks if within[0] - _ROOM <= tick <= within[1] + _ROOM]
    return Scale(ticks[0], ticks[-1], tuple(ticks))


def log_scale(low: float, high: float) -> Scale:
    """A logarithmic scale with ends a little outside of low and high, its ticks at round numbers."""
    low, high = low / 1.5, high * 1.5
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for marks in _LOG_MARKS:  # the finest that is not crowded
        ticks = tuple(mark * 10.0**power for power in powers for mark in marks if low <= mark * 10.0**power <= high)
        if len(ticks) <= _MOST_TICKS:
            break
    return Scale(low, high, ticks, log=True)


def ticks_digits(scale: Scale) -> int:
    """Digits after the point with which the ticks of an even scale of shares are exact in percent."""
    values = [100 * tick for tick in scale.ticks]
    return next((digits for digits in range(9) if all(abs(round(v, digits) - v) < _ROOM for v in values)), 9)


def left_axis(
    scale: Scale, height: float, *, top: float = 0.0, write: Callable[[float], str] | None = None
) -> list[Mark]:
    """A horizontal grid line at each tick, with its value left of the plot. write: the text of a value."""
    marks, written = [], write or _in_percent(scale)
    for tick in scale.ticks:
        y = top + scale.down(tick, height)
        marks.append(line("0%", y, "100%", y, look="grid"))
        marks.append(words("0%", y + 4, written(tick), look="tick", anchor="end", dx=-8))
    return marks


def bottom_axis(
    scale: Scale, height: float, *, write: Callable[[float], str] | None = None, lines: bool = True
) -> list[Mark]:
    """The axis below a plot, with its ticks; on a narrow page every second value is left out. lines: grid lines."""
    written = write or _in_percent(scale)
    marks = [line("0%", height, "100%", height, look="axis")]
    for at, tick in enumerate(scale.ticks):
        x, look = scale.across(tick), "tick spare" if at % 2 else "tick"
        marks.append(line(x, 0 if lines else height, x, height + 4, look="grid" if lines else "axis"))
        marks.append(words(x, height + 18, written(tick), look=look, anchor="middle"))
    return marks


def _in_percent(scale: Scale) -> Callable[[float], str]:
    digits = ticks_digits(scale)
    return lambda value: percent(value, digits)


def line(x: str, y: float, x2: str, y2: float, *, look: str) -> Mark:  # long: because a line has two ends
    """A straight line."""
    return Mark(shape="line", x=x, y=round(y, 2), x2=x2, y2=round(y2, 2), look=look)


def words(
    x: str, y: float, text: str, *, look: str = "", anchor: Anchor = "start", dx: float = 0
) -> Mark:  # long: because every text has a position and an anchor
    """A text whose start, middle or end is at x, moved by dx pixels."""
    return Mark(shape="words", x=x, y=round(y, 2), text=text, look=look, anchor=anchor, dx=dx)


def row_name(name: str, y: float, *, strong: bool = False) -> list[Mark]:
    """The name of a row left of a plot, cut to the room there: a shorter one for a narrow page."""
    look = "name strong" if strong else "name"
    cuts = ((_NAME_WIDE, " wide-only"), (_NAME_NARROW, " narrow-only")) if len(name) > _NAME_NARROW else ((80, ""),)
    return [words("0%", y + 4, _short(name, most), look=look + only, anchor="end", dx=-12) for most, only in cuts]


def _short(name: str, most: int) -> str:
    """The name in `most` characters; its seed, by which it differs from other rows of the name, is not cut."""
    rest, mark, seed = name.rpartition(" (seed ")
    return cut(shown(rest), most - len(mark + seed)) + mark + seed if mark else shown(name, most)


def whisker(scale: Scale, low: float, high: float, *, y: float, look: str) -> Mark:
    """A horizontal interval with end strokes."""
    return Mark(shape="whisker", x=scale.across(low), x2=scale.across(high), y=round(y, 2), look=look)


def upright(x: str, top: float, bottom: float, *, look: str, dx: float = 0) -> Mark:
    """A vertical interval with end strokes at x, moved by dx pixels."""
    return Mark(shape="upright", x=x, y=round(top, 2), y2=round(bottom, 2), look=look, dx=dx)


def dot(x: str, y: float, *, look: str, radius: float = 4.5, dx: float = 0) -> Mark:
    """A point, moved by dx pixels: round, or a diamond for the best baseline, so that colour is not needed."""
    if look == "baseline":
        return Mark(shape="diamond", x=x, y=round(y, 2), look=look, radius=round(1.25 * radius, 2), dx=dx)
    return Mark(shape="dot", x=x, y=round(y, 2), look=look, radius=radius, dx=dx)


def bar(x: str, y: float, *, width: float, height: float, look: str) -> Mark:
    """A filled box; width: a share of the plot's width, height: pixels."""
    return Mark(shape="bar", x=x, y=round(y, 2), x2=f"{100 * width:.2f}%", y2=round(height, 2), look=look)


def spread(positions: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """The positions, in their order, moved as little as needed to be `gap` apart between low and high."""
    order = sorted(range(len(positions)), key=lambda at: positions[at])
    moved = list(positions)
    floor = low
    for at in order:
        moved[at] = max(positions[at], floor)
        floor = moved[at] + gap
    ceiling = high
    for at in reversed(order):
        moved[at] = min(moved[at], ceiling)
        ceiling = moved[at] - gap
    return moved
