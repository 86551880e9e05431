"""The course of training: a small chart for each candidate and seed, all on the same scales."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from finetooth.evaluation.training_curve import CurvePoint
from finetooth.report import plots
from finetooth.report.plots import Figure, Mark, Scale, Table, cells
from finetooth.report.view import RowView, RunView
from finetooth.wording import capital, epoch, percent

LEAST_RISE = 0.01
_LOSS, _GAP, _ACCURACY = 130, 44, 76  # pixels
_HEIGHT = _LOSS + _GAP + _ACCURACY
_POINTS = 120
_COLUMNS = ("epoch", "training loss", "validation loss", "training accuracy", "validation accuracy")
Curve = Sequence[CurvePoint]


@dataclass(frozen=True, slots=True)
class _Panel:
    """The half of a chart that shows a measure by epoch. top, height: in pixels."""

    measure: Literal["loss", "accuracy"]
    unit: str
    top: float
    height: float
    scale: Scale

    def down(self, value: float) -> float:
        """The position of a value in pixels from the top of the chart."""
        return self.top + self.scale.down(value, self.height)

    def values(self, point: CurvePoint) -> tuple[float, float]:
        """The measure of the training rows and of the validation rows."""
        if self.measure == "loss":
            return point.train_loss, point.validation_loss
        return point.train_accuracy, point.validation_accuracy


def curves(run: RunView) -> list[Figure]:
    """A figure for each trained row, in the table's order, on the same axes so that they can be compared."""
    trained = [row for row in run.rows if row.curve]
    points = [point for row in trained for point in row.curve]
    if not points:
        return []
    losses = [value for point in points for value in (point.train_loss, point.validation_loss)]
    accuracies = [value for point in points for value in (point.train_accuracy, point.validation_accuracy)]
    last = max(point.epoch for point in points)
    epochs = plots.even_scale(0.0, last, most=6)
    if last <= 6:
        epochs = Scale(0.0, last, tuple(map(float, range(int(last) + 1))))
    accuracy = plots.even_scale(min(accuracies), max(accuracies), most=3, within=(0.0, 1.0))
    panels = (
        _Panel("loss", "loss, nats", 0, _LOSS, plots.even_scale(0.0, max(losses), most=4)),
        _Panel("accuracy", "accuracy", _LOSS + _GAP, _ACCURACY, accuracy),
    )
    return [_one(row, at, epochs, panels) for at, row in enumerate(trained)]


def sentence(row: RowView) -> str:
    """What the curve of a row shows: the epoch whose step was kept, and whether overfitting followed."""
    curve, lowest, last, kept_epoch = row.curve, _lowest(row.curve), row.curve[-1], _kept_epoch(row)
    kept_point = f"kept: epoch {epoch(kept_epoch)} of {epoch(last.epoch)}"
    if _overfits(curve):
        return (
            f"{kept_point}. Overfitting after epoch {epoch(lowest.epoch)}: validation loss rose from "
            f"{lowest.validation_loss:.3f} to {last.validation_loss:.3f} while training loss fell."
        )
    if len(curve) < 2:
        return f"{kept_point}. With one evaluation overfitting cannot be seen."
    if _risen(last, lowest):
        return (
            f"{kept_point}. Validation loss ended at {last.validation_loss:.3f}, above its lowest, "
            f"{lowest.validation_loss:.3f}; training loss did not fall meanwhile, so that is no overfitting."
        )
    where = "at its lowest" if last is lowest else f"within {percent(LEAST_RISE, 0)} of its lowest"
    peak = max(curve[list(curve).index(lowest) :], key=lambda point: point.validation_loss)
    if _risen(peak, lowest):
        where += f", after {peak.validation_loss:.3f} at epoch {epoch(peak.epoch)}"
    return f"{kept_point}. No overfitting at the end: validation loss ended {where}."


def _kept_epoch(row: RowView) -> float:
    assert row.kept_epoch is not None, "training keeps one of its evaluated steps"
    return row.kept_epoch


def _lowest(curve: Curve) -> CurvePoint:
    """The point of lowest validation loss, the first among equals."""
    return min(curve, key=lambda point: point.validation_loss)


def _risen(point: CurvePoint, lowest: CurvePoint) -> bool:
    """Whether validation loss exceeds its lowest by more than LEAST_RISE of that."""
    return point.validation_loss > (1 + LEAST_RISE) * lowest.validation_loss


def _overfits(curve: Curve) -> bool:
    """Whether validation loss ended above its lowest, and training loss below the one there."""
    lowest, last = _lowest(curve), curve[-1]
    return _risen(last, lowest) and last.train_loss < lowest.train_loss


def _one(row: RowView, number: int, epochs: Scale, panels: Sequence[_Panel]) -> Figure:
    curve = _thinned(row.curve, _kept_epoch(row))
    marks = [*_overfitting(row.curve, epochs, panels), *_axes(epochs, panels)]
    for panel in panels:
        marks += _lines(curve, epochs, panel)
    marks += _kept_marks(curve, _kept_epoch(row), epochs, panels)
    title, description = f"Loss and accuracy of {row.title} by epoch", sentence(row)
    rows = [
        cells(
            epoch(point.epoch),
            f"{point.train_loss:.4f}",
            f"{point.validation_loss:.4f}",
            percent(point.train_accuracy),
            percent(point.validation_accuracy),
        )
        for point in curve
    ]
    note = capital(description)
    if len(curve) < len(row.curve):
        note += f" Drawn: {len(curve):,} of {len(row.curve):,} evaluations."
    return Figure(
        heading=f"{row.title}{row.marks}",
        key=f"curve-{number}",
        title=title,
        description=f"{row.title}: {description}",
        marks=marks,
        height=_HEIGHT,
        look="course",
        table=Table(columns=_COLUMNS, rows=rows, caption=title, quiet=True),
        note=note,
    )


def _thinned(curve: Curve, kept_epoch: float) -> list[CurvePoint]:
    """At most about _POINTS points, evenly taken; the first, the last and the kept one among them."""
    step = -(-len(curve) // _POINTS)
    kept_index = min(range(len(curve)), key=lambda at: abs(curve[at].epoch - kept_epoch))
    return [point for at, point in enumerate(curve) if at % step == 0 or at in (kept_index, len(curve) - 1)]


def _lines(curve: Curve, epochs: Scale, panel: _Panel) -> list[Mark]:
    """The lines of the training rows and of the validation rows, each named at its end."""
    marks, ends = [], []
    for index, look in enumerate(("train", "validation")):
        points = [(epochs.across(point.epoch), panel.down(panel.values(point)[index])) for point in curve]
        marks.append(Mark(shape="curve", points=points, look=look))
        marks += [plots.dot(x, y, look=look, radius=2.5) for x, y in points]
        ends.append(points[-1])
    heights = plots.spread([y for _, y in ends], gap=14, low=panel.top + 4, high=panel.top + panel.height - 2)
    for name, (x, _), y in zip(("training", "validation"), ends, heights, strict=True):
        marks.append(plots.words(x, y + 4, name, look="name", dx=11))
    return marks


def _axes(epochs: Scale, panels: Sequence[_Panel]) -> list[Mark]:
    marks = [plots.words("100%", _HEIGHT + 18, "epoch", look="tick", dx=14)]
    for tick in epochs.ticks:
        marks.append(plots.words(epochs.across(tick), _HEIGHT + 18, f"{tick:g}", look="tick", anchor="middle"))
    for panel in panels:
        marks.append(plots.words("0%", panel.top - 14, panel.unit, look="tick", dx=-38))
        write = (lambda value: f"{value:g}") if panel.measure == "loss" else None
        marks += plots.left_axis(panel.scale, panel.height, top=panel.top, write=write)
    return marks


def _overfitting(curve: Curve, epochs: Scale, panels: Sequence[_Panel]) -> list[Mark]:
    """The stretch after the lowest validation loss, shaded and named, where the row overfits."""
    if not _overfits(curve):
        return []
    start, end = (epochs.share(point.epoch) for point in (_lowest(curve), curve[-1]))
    marks = [
        plots.bar(f"{100 * start:.2f}%", panel.top, width=end - start, height=panel.height, look="overfit")
        for panel in panels
    ]
    return [*marks, plots.words(f"{50 * (start + end):.2f}%", 12, "overfitting", look="tick", anchor="middle")]


def _kept_marks(curve: Curve, kept_epoch: float, epochs: Scale, panels: Sequence[_Panel]) -> list[Mark]:
    """The kept point: a line down both panels, a ring on its validation figures, and the word."""
    x = epochs.across(kept_epoch)
    point = min(curve, key=lambda point: abs(point.epoch - kept_epoch))
    anchor: plots.Anchor = "end" if epochs.share(kept_epoch) > 0.8 else "middle"
    return [
        plots.line(x, 0, x, _HEIGHT, look="kept"),
        *(Mark(shape="ring", x=x, y=panel.down(panel.values(point)[1]), radius=5.5, look="ring") for panel in panels),
        plots.words(x, _LOSS + 16, "kept", look="name strong", anchor=anchor),
    ]
