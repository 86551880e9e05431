"""The charts of the table: accuracy of every row, and accuracy against what it cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finetooth.report import plots
from finetooth.report.notes import heads
from finetooth.report.plots import Figure, Mark, Plot, Scale, Table, cells
from finetooth.report.view import Figures, RowView, RunView
from finetooth.wording import counted, interval, percent, seconds, shown

_STEP = 30  # pixels from row to row
_NAME = 22  # characters of a name inside a chart
_HEIGHT = 240
_APART = 9  # pixels between the seeds of a row
_FULL = 0.6
Point = tuple[RowView, Figures]
Costly = tuple[RowView, Figures, float]


def ladder(run: RunView) -> Figure:
    """Accuracy of every row that is done with its interval, lowest first, the best baseline as a line through them."""
    rows: list[Point] = [(row, row.figures) for row in run.done if row.figures]
    rows.sort(key=lambda point: point[1].accuracy)
    scale = _scale(rows, most=6)
    height = _STEP * len(rows) + 14
    marks = [*bottom(scale, height)]
    best = run.best_baseline
    if best is not None and best.figures:
        x = scale.across(best.figures.level)
        marks.append(plots.line(x, 0, x, height, look="baseline reference"))
    for at, (row, figures) in enumerate(rows):
        y, look = _STEP * at + 22, look_of(row)
        marks += [
            *plots.row_name(row.title, y, strong=row.is_winner),
            plots.whisker(scale, *figures.interval, y=y, look=look),
            plots.dot(scale.across(figures.accuracy), y, look=look),
            plots.words(scale.across(figures.interval[1]), y + 4, percent(figures.accuracy), look="figure", dx=8),
        ]
    description = f"Accuracy of {counted(len(rows), 'row')} of the table with 95 % intervals, lowest first: "
    description += "; ".join(f"{row.title} {percent(one.accuracy)} ({interval(one.interval)})" for row, one in rows)
    line = f"The line through them is the best baseline, {_level_of(best)}." if best else ""
    dots = f"Each dot: share right of {counted(rows[0][1].examples, 'test row')}; whiskers: 95 % interval."
    return Figure(
        heading="Test accuracy of every row",
        plot=Plot(
            key="ladder", marks=marks, title="Test accuracy with 95 % intervals", look="ladder", height=height,
            description=" ".join([f"{description}.", *heads(run)]),
        ),
        note=" ".join(filter(None, [dots, *heads(run), line, _broken(scale)])),
    )  # fmt: skip


def against(run: RunView, what: str) -> Figure | None:
    """Accuracy against `parameters` trained or `seconds` of training; None where fewer than two rows have any."""
    axis, best = AXES[what], run.best_baseline
    costs: list[Costly] = [(row, row.figures, cost) for row in run.done if row.figures and (cost := axis.cost(row))]
    if len(costs) < 2:
        return None
    across = plots.log_scale(min(cost for *_, cost in costs), max(cost for *_, cost in costs))
    level = [(best, best.figures)] if best is not None and best.figures else []
    up = _scale([*((row, figures) for row, figures, _ in costs), *level])
    marks = [*_left(up, _HEIGHT), *bottom(across, _HEIGHT, write=axis.write, lines=False)]
    for row, figures in level if best is not None and not axis.cost(best) else ():  # without a place across: a level
        y = up.down(figures.level, _HEIGHT)
        marks.append(plots.line("0%", y, "100%", y, look="baseline reference"))
        marks.append(plots.words("0%", y - 6, f"{_level_of(row, _NAME)}, {axis.none}", look="name", dx=4))
    for (row, figures, cost), dx in zip(costs, _apart([row for row, *_ in costs]), strict=True):
        x, ends = across.across(cost), [up.down(bound, _HEIGHT) for bound in figures.interval]
        marks.append(plots.upright(x, ends[1], ends[0], look=look_of(row), dx=dx))
        marks.append(plots.dot(x, up.down(figures.accuracy, _HEIGHT), look=look_of(row), dx=dx))
    marks += _labels(costs, across, up)
    description = "; ".join(f"{row.title} {percent(one.accuracy)} at {axis.exact(cost)}" for row, one, cost in costs)
    rows = [
        cells(row.title, axis.exact(cost), percent(one.accuracy), interval(one.interval)) for row, one, cost in costs
    ]
    return Figure(
        heading=axis.heading,
        plot=Plot(
            key=what, marks=marks, title=axis.heading, height=_HEIGHT, look="against",
            description=f"Accuracy against {axis.title}: {description}",
        ),
        table=Table(
            columns=["row", axis.title, "accuracy", "95 % interval"], rows=rows, caption=axis.heading, quiet=True
        ),
        note=f"Across: {axis.title}, each step of the scale a multiple. {_broken(up)}",
    )  # fmt: skip


def look_of(row: RowView) -> str:
    """The class that a row is drawn with: winner, baseline (the best one) or other."""
    return "winner" if row.is_winner else "baseline" if row.is_best_baseline else "other"


def short_number(value: float) -> str:
    """A tick of an axis: 1,500 as `1.5k`, 2,000,000 as `2M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def bottom(
    scale: Scale, height: float, *, write: Callable[[float], str] | None = None, lines: bool = True
) -> list[Mark]:
    """The axis below, with its ticks; every second one is spare where the page is narrow."""
    digits = plots.ticks_digits(scale)
    written = write or (lambda value: percent(value, digits))
    marks = [plots.line("0%", height, "100%", height, look="axis")]
    for at, tick in enumerate(scale.ticks):
        x, look = scale.across(tick), "tick spare" if at % 2 else "tick"
        marks.append(plots.line(x, 0 if lines else height, x, height + 4, look="grid" if lines else "axis"))
        marks.append(plots.words(x, height + 18, written(tick), look=look, anchor="middle"))
    return marks


@dataclass(frozen=True, slots=True)
class _Axis:
    heading: str
    title: str
    none: str
    cost: Callable[[RowView], float | None]
    write: Callable[[float], str]
    exact: Callable[[float], str]


AXES = {
    "parameters": _Axis(
        "Accuracy against trained parameters",
        "trained parameters",
        "none trained",
        lambda row: row.trained,
        short_number,
        lambda value: f"{value:,.0f}",
    ),
    "seconds": _Axis(
        "Accuracy against seconds of training",
        "seconds of training",
        "not timed",
        lambda row: row.costs.train_seconds,
        lambda value: f"{short_number(value)} s",
        seconds,
    ),
}


def _scale(points: Sequence[Point], *, most: int = 5) -> Scale:
    """A scale of accuracy that holds every interval."""
    bounds = [bound for _, figures in points for bound in figures.interval]
    return plots.even_scale(min(bounds), max(bounds), most=most, within=(0.0, 1.0))


def _level_of(best: RowView, most: int = 80) -> str:
    """What the line of the best baseline shows; most: characters of its name."""
    return shown(best.title, most) + (" (first head)" if best.heads else "")


def _apart(rows: Sequence[RowView]) -> list[float]:
    """Pixels to move each point across, so that the seeds of a row, which cost the same, stand side by side."""
    names = [row.name for row in rows]
    middle = {name: (names.count(name) - 1) / 2 for name in names}
    return [_APART * (names[:at].count(name) - middle[name]) for at, name in enumerate(names)]


def _left(scale: Scale, height: float) -> list[Mark]:
    """The axis at the left, with its ticks."""
    marks, digits = [], plots.ticks_digits(scale)
    for tick in scale.ticks:
        y = scale.down(tick, height)
        marks.append(plots.line("0%", y, "100%", y, look="grid"))
        marks.append(plots.words("0%", y + 4, percent(tick, digits), look="tick", anchor="end", dx=-8))
    return marks


def _labels(costs: Sequence[Costly], across: Scale, up: Scale) -> list[Mark]:
    """A name beside each point; one for all seeds of a row, and none upon another."""
    groups: dict[str, list[Costly]] = {}
    for one in costs:
        groups.setdefault(one[0].name, []).append(one)
    positions = [up.down(sum(one.accuracy for _, one, _ in group) / len(group), _HEIGHT) for group in groups.values()]
    settled = plots.spread(positions, gap=15, low=10, high=_HEIGHT - 6)
    marks = []
    for (name, group), y in zip(groups.items(), settled, strict=True):
        highest = max(cost for *_, cost in group)
        left = across.share(highest) > _FULL  # no room for a name to the right of it
        cost = min(cost for *_, cost in group) if left else highest
        dx = (10 + _APART * (len(group) - 1) / 2) * (-1 if left else 1)
        look = "name strong" if any(row.is_winner for row, *_ in group) else "name"
        marks.append(
            plots.words(
                across.across(cost), y + 4, shown(name, _NAME), look=look, anchor="end" if left else "start", dx=dx
            )
        )
    return marks


def _broken(scale: Scale) -> str:
    low = percent(scale.low, plots.ticks_digits(scale))
    return "" if scale.low == 0 else f"The scale of accuracy begins at {low}, not at 0."
