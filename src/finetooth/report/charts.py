"""The charts of the table: accuracy of every row, and accuracy against what it cost."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from finetooth.report import plots
from finetooth.report.notes import heads
from finetooth.report.plots import Figure, Mark, Scale, Table, cells
from finetooth.report.view import RowView, RunView
from finetooth.wording import counted, interval, percent, seconds, shown

_STEP = 30  # pixels from row to row
_NAME = 22  # characters of a name inside a chart
_HEIGHT = 240
_APART = 9  # pixels between the seeds of a row
_FULL = 0.6  # share of the width beyond which there is no room for a name to the right of a point


@dataclass(frozen=True, slots=True)
class _Axis:
    """What accuracy is drawn against. none: the words for a row without a cost. tick, exact: a cost as text."""

    title: str
    none: str
    cost: Callable[[RowView], float | None]
    tick: Callable[[float], str]
    exact: Callable[[float], str]


def ladder(run: RunView) -> Figure:
    """Accuracy with its interval of every row that is done, lowest first, and a line at the best baseline."""
    rows, best = sorted(run.done, key=lambda row: row.measured.accuracy), run.best_baseline
    scale, height = _scale(rows, most=6), _STEP * len(rows) + 14
    marks = plots.bottom_axis(scale, height)
    if best is not None:
        x = scale.across(best.measured.level)
        marks.append(plots.line(x, 0, x, height, look="baseline reference"))
    for at, row in enumerate(rows):
        y, look, figures = _STEP * at + 22, look_of(row), row.measured
        marks += [
            *plots.row_name(row.title, y, strong=row.is_winner),
            plots.whisker(scale, *figures.interval, y=y, look=look),
            plots.dot(scale.across(figures.accuracy), y, look=look),
            plots.words(scale.across(figures.interval[1]), y + 4, percent(figures.accuracy), look="figure", dx=8),
        ]
    description = f"Accuracy of {counted(len(rows), 'row')} of the table with 95 % intervals, lowest first: "
    description += "; ".join(
        f"{row.title} {percent(row.measured.accuracy)} ({interval(row.measured.interval)})" for row in rows
    )
    dots = f"Each dot: accuracy on {counted(rows[0].measured.examples, 'test row')}; whiskers: 95 % interval."
    line = f"The dashed line is the best baseline, {_level_of(best)}." if best else ""
    return Figure(
        heading="Test accuracy of every row",
        key="ladder",
        title="Test accuracy with 95 % intervals",
        description=" ".join([f"{description}.", *heads(run)]),
        marks=marks,
        height=height,
        look="ladder",
        note=" ".join(filter(None, [dots, *heads(run), line, _broken(scale)])),
    )


def against(run: RunView, what: str) -> Figure | None:
    """Accuracy against `parameters` trained or `seconds` of training; None if fewer than two rows have any."""
    axis, best = AXES[what], run.best_baseline
    costs = [(row, cost) for row in run.done if (cost := axis.cost(row))]
    if len(costs) < 2:
        return None
    rows = [row for row, _ in costs]
    across = plots.log_scale(min(cost for _, cost in costs), max(cost for _, cost in costs))
    up = _scale([*rows, *([best] if best is not None else [])])
    marks = [*plots.left_axis(up, _HEIGHT), *plots.bottom_axis(across, _HEIGHT, write=axis.tick, lines=False)]
    if best is not None and not axis.cost(best):  # it has no position across, only a level
        y = up.down(best.measured.level, _HEIGHT)
        marks.append(plots.line("0%", y, "100%", y, look="baseline reference"))
        marks.append(plots.words("0%", y - 6, f"{_level_of(best, _NAME)}, {axis.none}", look="name", dx=4))
    for (row, cost), dx in zip(costs, _apart(rows), strict=True):
        x, (low, high) = across.across(cost), (up.down(bound, _HEIGHT) for bound in row.measured.interval)
        marks.append(plots.upright(x, high, low, look=look_of(row), dx=dx))
        marks.append(plots.dot(x, up.down(row.measured.accuracy, _HEIGHT), look=look_of(row), dx=dx))
    marks += _labels(costs, across, up)
    heading = f"Accuracy against {axis.title}"
    texts = [f"{row.title} {percent(row.measured.accuracy)} at {axis.exact(cost)}" for row, cost in costs]
    lines = [
        cells(row.title, axis.exact(cost), percent(row.measured.accuracy), interval(row.measured.interval))
        for row, cost in costs
    ]
    columns = ["row", axis.title, "accuracy", "95 % interval"]
    return Figure(
        heading=heading,
        key=what,
        title=heading,
        description=f"{heading}: {'; '.join(texts)}",
        marks=marks,
        height=_HEIGHT,
        look="against",
        table=Table(columns=columns, rows=lines, caption=heading, quiet=True),
        note=f"Horizontal axis: {axis.title}, on a logarithmic scale. {_broken(up)}",
    )


def look_of(row: RowView) -> str:
    """The class that a row is drawn with: winner, baseline (the best one) or other."""
    return "winner" if row.is_winner else "baseline" if row.is_best_baseline else "other"


def _short_number(value: float) -> str:
    """A tick of an axis: 1,500 as `1.5k`, 2,000,000 as `2M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


AXES = {
    "parameters": _Axis(
        "trained parameters", "none trained", lambda row: row.trained, _short_number, lambda value: f"{value:,.0f}"
    ),
    "seconds": _Axis(
        "seconds of training",
        "not timed",
        lambda row: row.costs.train_seconds,
        lambda value: f"{_short_number(value)} s",
        seconds,
    ),
}


def _scale(rows: Iterable[RowView], *, most: int = 5) -> Scale:
    """A scale of accuracy that holds every interval."""
    bounds = [bound for row in rows for bound in row.measured.interval]
    return plots.even_scale(min(bounds), max(bounds), most=most, within=(0.0, 1.0))


def _level_of(best: RowView, most: int = 80) -> str:
    """What the line of the best baseline shows. most: characters of its name."""
    return shown(best.title, most) + (" (first head)" if best.heads else "")


def _apart(rows: Sequence[RowView]) -> list[float]:
    """Pixels to move each point across, so that the seeds of a row, which cost the same, are side by side."""
    names = [row.name for row in rows]
    middle = {name: (names.count(name) - 1) / 2 for name in names}
    return [_APART * (names[:at].count(name) - middle[name]) for at, name in enumerate(names)]


def _labels(costs: Sequence[tuple[RowView, float]], across: Scale, up: Scale) -> list[Mark]:
    """A name beside each point; one for all seeds of a row, and none upon another."""
    groups: dict[str, list[tuple[RowView, float]]] = {}
    for row, cost in costs:
        groups.setdefault(row.name, []).append((row, cost))
    levels = [sum(row.measured.accuracy for row, _ in group) / len(group) for group in groups.values()]
    positions = plots.spread([up.down(level, _HEIGHT) for level in levels], gap=15, low=10, high=_HEIGHT - 6)
    marks = []
    for (name, group), y in zip(groups.items(), positions, strict=True):
        least, most = min(cost for _, cost in group), max(cost for _, cost in group)
        left = across.share(most) > _FULL
        anchor: plots.Anchor = "end" if left else "start"
        dx = (10 + _APART * (len(group) - 1) / 2) * (-1 if left else 1)
        look = "name strong" if any(row.is_winner for row, _ in group) else "name"
        x = across.across(least if left else most)
        marks.append(plots.words(x, y + 4, shown(name, _NAME), look=look, anchor=anchor, dx=dx))
    return marks


def _broken(scale: Scale) -> str:
    low = percent(scale.low, plots.ticks_digits(scale))
    return "" if scale.low == 0 else f"The scale of accuracy begins at {low}, not at 0."
