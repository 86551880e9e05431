"""The strokes that charts are drawn with. Across, places are per cent of the plot's width; down, pixels.

So a chart is as wide as the page lets it and its words keep their size, without a line of script.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from finetooth.report.markup import Child, Safe, details, join, shown, tag

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_LOG_MARKS = ((1, 1.5, 2, 3, 4, 6, 8), (1, 2, 5), (1, 3), (1,))
_MOST_TICKS = 5
_NAME_WIDE, _NAME_NARROW = 20, 16  # characters of a name that stand left of a plot
_ROOM = 1e-9


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


def line(x1: str, y1: float, x2: str, y2: float, *, look: str) -> Safe:  # long: because a line has two ends
    """A line of class `look`."""
    return tag("line", x1=x1, y1=round(y1, 2), x2=x2, y2=round(y2, 2), class_=look)


def words(x: str, y: float, *children: Child, look: str = "", anchor: str = "start", dx: float = 0) -> Safe:
    """A text whose start, middle or end stands at x, moved by dx pixels."""
    return tag("text", *children, x=x, y=round(y, 2), dx=dx or None, text_anchor=anchor, class_=look or None)


def row_name(name: str, y: float, *, strong: bool = False) -> Safe:
    """The name of a row left of a plot, cut to what has room there: less of it where the page is narrow."""
    look = "name strong" if strong else "name"
    cuts = ((_NAME_WIDE, " wide-only"), (_NAME_NARROW, " narrow-only")) if len(name) > _NAME_NARROW else ((80, ""),)
    return join(*(words("0%", y + 4, _cut(name, most), look=look + only, anchor="end", dx=-12) for most, only in cuts))


def _cut(name: str, most: int) -> str:
    """The name in `most` characters; its seed, which tells it from its like, stays."""
    rest, mark, seed = name.rpartition(", seed ")
    return shown(rest, most - len(mark + seed)) + mark + seed if mark and seed.isdecimal() else shown(name, most)


def whisker(scale: Scale, low: float, high: float, *, y: float, look: str) -> Safe:
    """A horizontal interval with end strokes."""
    start, end = scale.across(low), scale.across(high)
    return tag(
        "g",
        line(start, y, end, y, look="bar"),
        line(start, y - 3, start, y + 3, look="bar"),
        line(end, y - 3, end, y + 3, look="bar"),
        class_=look,
    )


def upright(x: str, top: float, bottom: float, *, look: str, dx: float = 0) -> Safe:
    """A vertical interval with end strokes at x, moved by dx pixels."""
    strokes = f"M{dx:g} {top:.2f}V{bottom:.2f}M{dx - 3:g} {top:.2f}h6M{dx - 3:g} {bottom:.2f}h6"
    return tag("svg", tag("path", d=strokes, class_="bar"), x=x, overflow="visible", class_=look)


def dot(x: str, y: float, *, look: str, radius: float = 4.5, dx: float = 0) -> Safe:
    """A point: round, or of the best baseline a diamond, so that colour is not needed; moved by dx pixels."""
    if look == "control":
        size = radius * 1.25
        shape = tag(
            "path",
            d=f"M{dx:g} {-size:.2f}l{size:.2f} {size:.2f} {-size:.2f} {size:.2f} {-size:.2f} {-size:.2f}Z",
            class_="dot",
        )
        return tag("svg", shape, x=x, y=round(y, 2), overflow="visible", class_=look)
    moved = f"translate({dx:g} 0)" if dx else None
    return tag("circle", cx=x, cy=round(y, 2), r=radius, transform=moved, class_=f"dot {look}")


def curve(places: Sequence[tuple[str, float]], *, look: str) -> Safe:
    """Straight lines from place to place."""
    pieces = [line(x1, y1, x2, y2, look="bar") for (x1, y1), (x2, y2) in itertools.pairwise(places)]
    return tag("g", *pieces, class_=look)


def spread(places: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """The places, in their order, moved as little as needed to stand `gap` apart between low and high."""
    order = sorted(range(len(places)), key=lambda at: places[at])
    moved = list(places)
    floor = low
    for at in order:
        moved[at] = max(places[at], floor)
        floor = moved[at] + gap
    ceiling = high
    for at in reversed(order):
        moved[at] = min(moved[at], ceiling)
        ceiling = moved[at] - gap
    return moved


def plot(key: str, drawn: Sequence[Safe], *, title: str, said: str, height: float, look: str) -> Safe:
    """The drawing as one image with a title and a description for those who do not see it; key: unique on the page."""
    name, told = f"{key}-name", f"{key}-said"
    image = tag(
        "svg",
        tag("title", title, id=name),
        tag("desc", said, id=told),
        *drawn,
        width="100%",
        height=height,
        role="img",
        aria_labelledby=f"{name} {told}",
        class_="plot",
    )
    return tag("div", image, class_=f"frame {look}")


def figure(heading: str, image: Safe, grid: Safe | None = None, *, note: str | None = None) -> Safe:
    """An image under its heading, with a note below and its figures as a table that opens on demand."""
    below = tag("p", note, class_="note") if note else None
    fold = None if grid is None else details("Figures", grid)
    return tag("figure", tag("figcaption", heading), image, below, fold)
