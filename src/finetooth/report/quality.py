"""The parts of the page on right and wrong answers: confusion matrices, reliability diagrams and slices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetooth.evaluation.calibration import Bin, calibrated_limit, calibration_error, reliability
from finetooth.report import plots
from finetooth.report.charts import look_of
from finetooth.report.columns import Cell
from finetooth.report.measured import Answers, Slice, bin_intervals, confusion, mixed_up
from finetooth.report.plots import Figure, Mark, Table, cells
from finetooth.report.view import RowView
from finetooth.wording import counted, interval, percent, points, shown

MOST_CLASSES = 12  # with more, the page shows the pairs most often mixed up, and the matrix on demand
_MOST_OF_ALL = 150  # with more, there is no matrix: it would make the page too large
_PAIRS = 10
_SHORT, _FEW = 9, 3  # most characters and most names that head the columns of a matrix; else numbers do
_SLICES, _LISTED = 24, 200  # most slices that are drawn, and most whose figures are given
_SHADES = 9
_SQUARE = 230
_STEP = 30


@dataclass(frozen=True, slots=True)
class Square:
    """A cell of a matrix. look: its class in the style sheet."""

    text: str
    share: str
    look: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A confusion matrix: a line for each true class, a column for each answer.

    heads: the text above each column, and the name of its class if the text is a number. lines: the number of a class
    if columns are headed by numbers, its name, its cells and its number of rows. compact: for very many classes, counts
    without shares, empty instead of 0, in a box that scrolls both ways.
    """

    caption: str
    heads: Sequence[tuple[str, str]]
    lines: Sequence[tuple[str, str, Sequence[Square], int]]
    compact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """The matrix of a row; for many classes the pairs most often mixed up, and the matrix on demand."""

    heading: str
    matrix: Matrix | None
    pairs: Table | None = None


def confusion_of(row: RowView, answers: Answers, classes: Sequence[str]) -> Confusion:
    """The confusion matrix of a row, shaded by the share of the true class."""
    heading = f"{row.title}: {counted(len(answers.truth), 'test row')}"
    names = [shown(name, 40) for name in classes]
    if len(classes) <= MOST_CLASSES:
        return Confusion(heading=heading, matrix=_matrix(row, answers, names, compact=False))
    matrix = _matrix(row, answers, names, compact=True) if len(classes) <= _MOST_OF_ALL else None
    return Confusion(heading=heading, matrix=matrix, pairs=_mixed_up(row, answers, names))


def reliability_diagram(row: RowView, answers: Answers, number: int, *, units: npt.NDArray[np.int64]) -> Figure:
    """Accuracy against confidence in bins, with intervals, beside the diagonal of a calibrated row.

    units: (N,), the unit of sampling of each test row.
    """
    bins = reliability(answers.confidences, answers.scores)
    intervals = bin_intervals(answers, bins, units)
    scale, look = plots.even_scale(0.0, 1.0, most=5), look_of(row)
    marks = [plots.line("0%", _SQUARE, "100%", 0, look="diagonal"), *plots.left_axis(scale, _SQUARE)]
    for tick in scale.ticks:
        marks.append(plots.words(scale.across(tick), _SQUARE + 18, percent(tick, 0), look="tick", anchor="middle"))
    for one, ends in zip(bins, intervals, strict=True):
        low, high = (scale.down(bound, _SQUARE) for bound in ends)
        x = scale.across(one.confidence)
        marks += [plots.upright(x, high, low, look=look), plots.dot(x, scale.down(one.accuracy, _SQUARE), look=look)]
    marks.append(plots.words("2%", 14, "share right", look="tick"))
    marks.append(plots.words("100%", _SQUARE - 8, "confidence", look="tick", anchor="end"))
    marks += _histogram(bins)
    title = f"Reliability of {row.title}"
    text = "; ".join(
        f"confidence {percent(one.confidence, 0)}, {percent(one.accuracy, 0)} right of {one.examples:,}" for one in bins
    )
    rows = [
        cells(
            f"{percent(one.low, 0)} to {percent(one.high, 0)}",
            f"{one.examples:,}",
            percent(one.confidence),
            percent(one.accuracy),
            interval(ends),
        )
        for one, ends in zip(bins, intervals, strict=True)
    ]
    columns = ["confidence", "rows", "mean", "right", "95 % interval"]
    counts = f"{counted(len(bins), 'bin')} of {counted(len(answers.truth), 'row')}"
    return Figure(
        heading=row.title,
        key=f"reliability-{number}",
        title=title,
        description=f"{title}: {text}",
        marks=marks,
        height=_SQUARE + 80,
        look="square",
        table=Table(columns=columns, rows=rows, caption=title, quiet=True),
        note=(
            f"Expected calibration error {percent(calibration_error(bins))} ({counts}). A perfectly calibrated row "
            f"with the same probabilities stays below {percent(calibrated_limit(bins))} in 95 % of simulated cases."
        ),
    )


def slice_figure(by: str, parts: Sequence[Slice], *, key: str, rows: Sequence[RowView]) -> Figure:
    """Accuracy of `rows` in each slice, in their order.

    Of very many slices, those in which the first row is right least often are shown.
    """
    least = sorted(parts, key=lambda part: part.sums[0] / part.count)
    drawn = least[:_SLICES] if len(parts) > _SLICES else parts
    listed = least[:_LISTED] if len(parts) > _LISTED else parts
    bounds = [bound for part in drawn for ends in part.intervals for bound in ends]
    scale = plots.even_scale(min(bounds), max(bounds), most=4, within=(0.0, 1.0))
    height = _STEP * len(drawn) + 10
    marks = [*plots.bottom_axis(scale, height), plots.words("100%", 2, "rows", look="tick", dx=12)]
    for at, part in enumerate(drawn):
        marks += _slice_marks(part, _STEP * at + 20, scale=scale, rows=rows)
    title = f"Accuracy of {' and '.join(row.title for row in rows)} by {shown(by)}"
    text = "; ".join(
        f"{shown(part.name)} ({counted(part.count, 'row')}) "
        + ", ".join(percent(total / part.count) for total in part.sums)
        for part in drawn
    )
    notes = [f"Drawn: the {_SLICES} of {len(parts):,} that are right least often."] if len(parts) > _SLICES else []
    notes += [f"Figures: the {_LISTED}."] if len(parts) > _LISTED else []
    notes += [f"The scale begins at {percent(scale.low, 0)}, not at 0."] if scale.low else []
    return Figure(
        heading=f"By {shown(by)}",
        key=key,
        title=title,
        description=f"{title}: {text}",
        marks=marks,
        height=height,
        look="ladder plain",
        table=_slice_table(title, by, listed, rows),
        note=" ".join(notes),
    )


def _matrix(row: RowView, answers: Answers, names: Sequence[str], *, compact: bool) -> Matrix:
    counts = confusion(answers)
    numbered = max(map(len, names)) > _SHORT or len(names) > _FEW
    lines = []
    for at, (name, total) in enumerate(zip(names, counts.sum(axis=1).tolist(), strict=True)):
        squares = [_square(int(count), total, right=at == to, compact=compact) for to, count in enumerate(counts[at])]
        lines.append((f"{at + 1}: " if numbered else "", name, squares, total))
    return Matrix(
        caption=f"Confusion matrix of {row.title}: a line for each true class, a column for each answer",
        heads=[(str(at) if numbered else name, name if numbered else "") for at, name in enumerate(names, 1)],
        lines=lines,
        compact=compact,
    )


def _square(count: int, total: int, *, right: bool, compact: bool) -> Square:
    """A cell of a matrix. compact: as in Matrix."""
    share = count / total if total else 0.0
    look = f"n shade-{'right' if right else 'wrong'}-{round(_SHADES * share)}" if count else "n none"
    if compact:
        return Square(f"{count:,}" if count else "", "", look)
    return Square(f"{count:,}", percent(share, 0) if total else "", look)


def _mixed_up(row: RowView, answers: Answers, names: Sequence[str]) -> Table:
    return Table(
        columns=["true class", "its answer", "rows", "share of the class"],
        rows=[
            cells(names[pair.true], names[pair.answer], f"{pair.count:,}", percent(pair.count / pair.total))
            for pair in mixed_up(answers, _PAIRS)
        ],
        caption=f"The pairs of classes that {row.title} mixes up most, of {len(names):,} classes",
        words=2,
        quiet=True,
        look="pairs",
    )


def _histogram(bins: Sequence[Bin]) -> list[Mark]:
    """A bar below the square for each bin, with the number of its rows."""
    top, tall = _SQUARE + 30, 36
    most = max(one.examples for one in bins)
    marks = []
    for one in bins:
        height = max(1.0, tall * one.examples / most)
        x, width = f"{100 * one.low + 0.6:.2f}%", one.high - one.low - 0.012
        marks.append(plots.bar(x, top + tall - height, width=width, height=height, look="count"))
    return [*marks, plots.words("0%", top + tall, "rows", look="tick", anchor="end", dx=-8)]


def _slice_marks(part: Slice, middle: float, *, scale: plots.Scale, rows: Sequence[RowView]) -> list[Mark]:
    """One slice: its name, each row's dot with its whiskers, and its number of test rows."""
    marks = [
        *plots.row_name(part.name, middle),
        plots.words("100%", middle + 4, f"{part.count:,}", look="tick", dx=12),
    ]
    for index, (row, total, ends) in enumerate(zip(rows, part.sums, part.intervals, strict=True)):
        y = middle + (4.5 if index else -4.5) * (len(rows) > 1)
        marks.append(plots.whisker(scale, *ends, y=y, look=look_of(row)))
        marks.append(plots.dot(scale.across(total / part.count), y, look=look_of(row), radius=4))
    return marks


def _slice_table(title: str, by: str, parts: Sequence[Slice], rows: Sequence[RowView]) -> Table:
    columns = [shown(by), "rows", *(name for row in rows for name in (row.title, "95 % interval"))]
    lines: list[list[Cell]] = []
    for part in parts:
        line = cells(shown(part.name), f"{part.count:,}")
        for total, bound in zip(part.sums, part.intervals, strict=True):
            line += cells(percent(total / part.count), interval(bound))
        if len(rows) > 1:
            line += cells(points((part.sums[0] - part.sums[1]) / part.count))
        lines.append(line)
    columns += ["difference"] if len(rows) > 1 else []
    return Table(columns=columns, rows=lines, caption=title, quiet=True)
