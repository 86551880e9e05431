"""The strokes that charts are drawn with. Across, places are per cent of the plot's width; down, pixels.

So a chart is as wide as the page lets it and its words keep their size, without a line of script.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from finetooth.report.columns import Cell
from finetooth.wording import cut, shown

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_LOG_MARKS = ((1, 1.5, 2, 3, 4, 6, 8), (1, 2, 5), (1, 3), (1,))
_MOST_TICKS = 5
_NAME_WIDE, _NAME_NARROW = 20, 17  # characters of a name that stand left of a plot
_ROOM = 1e-9
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One stroke of a chart, drawn by the macro of templates/marks.html that is called as its shape.

    x, x2: places across, of the width; y, y2: pixels down. dx: pixels to move it across. look: its class in the style
    sheet. radius: pixels. places: of a curve.
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
class Plot:
    """A drawing with a title and a description for those who do not see it. key: unique on the page; height: pixels."""

    key: str
    marks: Sequence[Mark]
    title: str
    description: str
    height: float
    look: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Figures that scroll inside themselves; the first column heads the rows.

    words: columns from the left that hold words, not figures. marked: the row set off. quiet: caption for readers of
    the page by ear only, where a heading beside it says the same. look: a class of the style sheet.
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
    """A drawing under its heading, with a note below and its figures as a table that opens on demand."""

    heading: str
    plot: Plot
    table: Table | None = None
    note: str = ""


def cells(*texts: str) -> list[Cell]:
    """A row of a table."""
    return [Cell(text) for text in texts]


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from low to high, even or by their logarithm, laid out from 0 to 1."""

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def share(self, value: float) -> float:
        """Where `value` lies, 0 to 1, held inside."""
        low, high, at = (math.log10(max(part, 1e-300)) if self.log else part for part in (self.low, self.high, value))
        return 0.5 if high == low else min(1.0, max(0.0, (at - low) / (high - low)))

    def across(self, value: float) -> str:
        """Its place in per cent of the width."""
        return f"{100 * self.share(value):.2f}%"

    def down(self, value: float, height: float) -> float:
        """Its place in pixels from the top of a plot of that height, low values at the bottom."""
        return round(height * (1 - self.share(value)), 2)


def even_scale(low: float, high: float, *, most: int = 5, within: tuple[float, float] = (-math.inf, math.inf)) -> Scale:
    """A scale with round ends outside of low and high, at most `most` steps; held `within` hard bounds."""
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
    """Digits after the point with which the ticks of an even scale of shares are exact in per cent."""
    values = [100 * tick for tick in scale.ticks]
    return next((digits for digits in range(9) if all(abs(round(v, digits) - v) < _ROOM for v in values)), 9)


def line(x: str, y: float, x2: str, y2: float, *, look: str) -> Mark:  # long: because a line has two ends
    """A straight line."""
    return Mark(shape="line", x=x, y=round(y, 2), x2=x2, y2=round(y2, 2), look=look)


def words(
    x: str, y: float, text: str, *, look: str = "", anchor: Anchor = "start", dx: float = 0
) -> Mark:  # long: because every text has a place and an end
    """A text whose start, middle or end is at x, moved by dx pixels."""
    return Mark(shape="words", x=x, y=round(y, 2), text=text, look=look, anchor=anchor, dx=dx)


def row_name(name: str, y: float, *, strong: bool = False) -> list[Mark]:
    """The name of a row left of a plot, cut to what has room there: less of it where the page is narrow."""
    look = "name strong" if strong else "name"
    cuts = ((_NAME_WIDE, " wide-only"), (_NAME_NARROW, " narrow-only")) if len(name) > _NAME_NARROW else ((80, ""),)
    return [words("0%", y + 4, _short(name, most), look=look + only, anchor="end", dx=-12) for most, only in cuts]


def _short(name: str, most: int) -> str:
    """The name in `most` characters; its seed, which distinguishes it from its like, stays."""
    rest, mark, seed = name.rpartition(" (seed ")
    return cut(shown(rest), most - len(mark + seed)) + mark + seed if mark else shown(name, most)


def whisker(scale: Scale, low: float, high: float, *, y: float, look: str) -> Mark:
    """A horizontal interval with end strokes."""
    return Mark(shape="whisker", x=scale.across(low), x2=scale.across(high), y=round(y, 2), look=look)


def upright(x: str, top: float, bottom: float, *, look: str, dx: float = 0) -> Mark:
    """A vertical interval with end strokes at x, moved by dx pixels."""
    return Mark(shape="upright", x=x, y=round(top, 2), y2=round(bottom, 2), look=look, dx=dx)


def dot(x: str, y: float, *, look: str, radius: float = 4.5, dx: float = 0) -> Mark:
    """A point: round, or of the best baseline a diamond, so that colour is not needed; moved by dx pixels."""
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
