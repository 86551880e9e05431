"""The charts of the table: accuracy of every row, and accuracy against what it cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finetooth.report import plots
from finetooth.report.lines import Line, heads_told
from finetooth.report.markup import Child, Safe, shown, table
from finetooth.report.plots import Scale
from finetooth.report.wording import GAP, counted, interval, percent, seconds, short_number

_STEP = 30  # pixels from row to row
_NAME = 22  # characters of a name inside a chart
_HEIGHT = 240
_APART = 9  # pixels between the seeds of a row
_FULL = 0.6


def ladder(lines: Sequence[Line]) -> Safe:
    """Accuracy of every row that is done with its interval, lowest first, the best baseline as a line through them."""
    rows = sorted((line for line in lines if line.done), key=lambda line: line.accuracy)
    best = next((line for line in rows if line.best_control), None)
    low, high = min(line.interval[0] for line in rows), max(line.interval[1] for line in rows)
    scale = plots.even_scale(low, high, most=6, within=(0.0, 1.0))
    height = _STEP * len(rows) + 14
    drawn = [*bottom(scale, height)]
    if best is not None:
        place = scale.across(best.level)
        drawn.append(plots.line(place, 0, place, height, look="control reference"))
    for at, row in enumerate(rows):
        y = _STEP * at + 22
        look = look_of(row)
        drawn += [
            plots.row_name(row.title, y, strong=row.winner),
            plots.whisker(scale, *row.interval, y=y, look=look),
            plots.dot(scale.across(row.accuracy), y, look=look),
            plots.words(scale.across(row.interval[1]), y + 4, percent(row.accuracy), look="figure", dx=8),
        ]
    examples = counted(rows[0].row["test"]["examples"], "test row")
    heads = heads_told(rows)
    said = f"Accuracy of {counted(len(rows), 'row')} of the table with 95 % intervals, lowest first: " + "; ".join(
        f"{shown(row.title)} {percent(row.accuracy)} ({interval(row.interval)})" for row in rows
    )
    said += f". {heads}" if heads else ""
    title = "Test accuracy with 95 % intervals"
    image = plots.plot("ladder", drawn, title=title, said=said, height=height, look="ladder")
    line = f" The line through them is the best baseline, {_level_of(best)}." if best else ""
    several = f" {heads}" if heads else ""
    note = f"Each dot: share right of {examples}; whiskers: 95 % interval.{several}{line} {_broken(scale)}"
    return plots.figure("Test accuracy of every row", image, note=note)


def against(lines: Sequence[Line], what: str) -> Safe | None:
    """Accuracy against `parameters` trained or `seconds` of training; None where fewer than two rows have any."""
    axis = AXES[what]
    costs = [(line, cost) for line in lines if line.done and (cost := axis.cost(line))]
    best = next((line for line in lines if line.best_control and line.done), None)
    if len(costs) < 2:
        return None
    across = plots.log_scale(min(cost for _, cost in costs), max(cost for _, cost in costs))
    shown_rows = [line for line, _ in costs] + ([best] if best is not None else [])
    low, high = min(line.interval[0] for line in shown_rows), max(line.interval[1] for line in shown_rows)
    up = plots.even_scale(low, high, within=(0.0, 1.0))
    drawn = [*_left(up, _HEIGHT), *bottom(across, _HEIGHT, write=axis.write, lines=False)]
    without = best is not None and axis.cost(best) is None
    if best is not None and without:  # it has no place across, so it is a level
        y = up.down(best.level, _HEIGHT)
        drawn.append(plots.line("0%", y, "100%", y, look="control reference"))
        drawn.append(plots.words("0%", y - 6, f"{_level_of(best, _NAME)}, {axis.none}", look="name", dx=4))
    for (line, cost), dx in zip(costs, _apart([line for line, _ in costs]), strict=True):
        place, y = across.across(cost), up.down(line.accuracy, _HEIGHT)
        ends = [up.down(bound, _HEIGHT) for bound in line.interval]
        drawn.append(plots.upright(place, ends[1], ends[0], look=look_of(line), dx=dx))
        drawn.append(plots.dot(place, y, look=look_of(line), dx=dx))
    drawn += _labels(costs, across, up)
    said = f"Accuracy against {axis.title}: " + "; ".join(
        f"{shown(line.title)} {percent(line.accuracy)} at {axis.exact(cost)}" for line, cost in costs
    )
    image = plots.plot(what, drawn, title=axis.heading, said=said, height=_HEIGHT, look="against")
    rows: list[list[Child]] = [
        [shown(line.title), axis.exact(cost), percent(line.accuracy), interval(line.interval)] for line, cost in costs
    ]
    grid = table(["row", axis.title, "accuracy", "95 % interval"], rows, caption=axis.heading, quiet=True)
    note = f"Across: {axis.title}, each step of the scale a multiple. {_broken(up)}"
    return plots.figure(axis.heading, image, grid, note=note)


def _level_of(best: Line, most: int | None = None) -> str:
    """What the line of the best baseline stands for; most: characters of its name."""
    name = shown(best.title) if most is None else shown(best.title, most)
    return name if best.heads is None else f"{name} (first head)"


def look_of(line: Line) -> str:
    """The class that a row is drawn with: winner, control (the best one) or other."""
    return "winner" if line.winner else "control" if line.best_control else "other"


@dataclass(frozen=True, slots=True)
class _Axis:
    heading: str
    title: str
    none: str
    cost: Callable[[Line], float | None]
    write: Callable[[float], str]
    exact: Callable[[float], str]


AXES = {
    "parameters": _Axis(
        "Accuracy against trained parameters",
        "trained parameters",
        "none trained",
        lambda line: line.trainable,
        short_number,
        lambda value: f"{value:,.0f}",
    ),
    "seconds": _Axis(
        "Accuracy against seconds of training",
        "seconds of training",
        "not timed",
        lambda line: line.row["train_seconds"],
        lambda value: f"{short_number(value)}{GAP}s",
        seconds,
    ),
}


def _apart(lines: Sequence[Line]) -> list[float]:
    """Pixels to move each point across, so that the seeds of a row, which cost the same, stand side by side."""
    names = [line.row["name"] for line in lines]
    middle = {name: (names.count(name) - 1) / 2 for name in names}
    return [_APART * (names[:at].count(name) - middle[name]) for at, name in enumerate(names)]


def bottom(
    scale: Scale, height: float, *, write: Callable[[float], str] | None = None, lines: bool = True
) -> list[Safe]:
    """The axis below, with its ticks; every second one is spare where the page is narrow."""
    digits = plots.ticks_digits(scale)
    written = write or (lambda value: percent(value, digits))
    parts = [plots.line("0%", height, "100%", height, look="axis")]
    for at, tick in enumerate(scale.ticks):
        place = scale.across(tick)
        parts.append(plots.line(place, 0 if lines else height, place, height + 4, look="grid" if lines else "axis"))
        parts.append(
            plots.words(place, height + 18, written(tick), look="tick spare" if at % 2 else "tick", anchor="middle")
        )
    return parts


def _left(scale: Scale, height: float) -> list[Safe]:
    """The axis at the left, with its ticks."""
    parts = []
    digits = plots.ticks_digits(scale)
    for tick in scale.ticks:
        y = scale.down(tick, height)
        parts.append(plots.line("0%", y, "100%", y, look="grid"))
        parts.append(plots.words("0%", y + 4, percent(tick, digits), look="tick", anchor="end", dx=-8))
    return parts


def _labels(costs: Sequence[tuple[Line, float]], across: Scale, up: Scale) -> list[Safe]:
    """A name beside each point; one for all seeds of a row, and none upon another."""
    groups: dict[str, list[tuple[Line, float]]] = {}
    for line, cost in costs:
        groups.setdefault(line.row["name"], []).append((line, cost))
    places = [up.down(sum(line.accuracy for line, _ in group) / len(group), _HEIGHT) for group in groups.values()]
    settled = plots.spread(places, gap=15, low=10, high=_HEIGHT - 6)
    drawn = []
    for (name, group), y in zip(groups.items(), settled, strict=True):
        left = across.share(max(cost for _, cost in group)) > _FULL  # no room for a name to the right of it
        cost = min(cost for _, cost in group) if left else max(cost for _, cost in group)
        away = (10 + _APART * (len(group) - 1) / 2) * (-1 if left else 1)
        look = "name strong" if any(line.winner for line, _ in group) else "name"
        end = "end" if left else "start"
        drawn.append(plots.words(across.across(cost), y + 4, shown(name, _NAME), look=look, anchor=end, dx=away))
    return drawn


def _broken(scale: Scale) -> str:
    low = percent(scale.low, plots.ticks_digits(scale))
    return "" if scale.low == 0 else f"The scale of accuracy begins at {low}, not at 0."
