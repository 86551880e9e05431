"""The course of training, a small chart for each candidate and seed, all on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass

from finetooth.report import plots
from finetooth.report.plots import Figure, Mark, Plot, Scale, Table, cells
from finetooth.report.view import RowView, RunView
from finetooth.runs.results import CurvePoint
from finetooth.wording import capital, epoch, percent

LEAST_RISE = 0.01
_LOSS, _GAP, _ACCURACY = 130, 44, 76
_HEIGHT = _LOSS + _GAP + _ACCURACY
_POINTS = 120
_COLUMNS = ("epoch", "training loss", "validation loss", "training accuracy", "validation accuracy")
Curve = Sequence[CurvePoint]


@dataclass(frozen=True, slots=True)
class _Scales:
    """The scales that all charts share. Down, loss stands above accuracy."""

    epochs: Scale
    loss: Scale
    accuracy: Scale

    def of_loss(self, value: float) -> float:
        """Its place in pixels."""
        return self.loss.down(value, _LOSS)

    def of_accuracy(self, value: float) -> float:
        """Its place in pixels."""
        return _LOSS + _GAP + self.accuracy.down(value, _ACCURACY)


def curves(run: RunView) -> list[Figure]:
    """A figure for each trained row, in the table's order, on the same axes so that they can be compared."""
    trained = [row for row in run.rows if row.curve]
    points = [point for row in trained for point in row.curve]
    if not points:
        return []
    losses = [value for point in points for value in (point.train_loss, point.validation_loss)]
    accuracies = [value for point in points for value in (point.validation_accuracy, point.train_accuracy)]
    known = [value for value in accuracies if value is not None]
    last = max(point.epoch for point in points)
    epochs = plots.even_scale(0.0, last, most=6)
    if last <= 6:
        epochs = Scale(0.0, last, tuple(float(tick) for tick in range(int(-(-last // 1)) + 1) if tick <= last))
    loss = plots.even_scale(0.0, max(losses), most=4)
    scales = _Scales(epochs, loss, plots.even_scale(min(known), max(known), most=3, within=(0.0, 1.0)))
    return [_one(row, at, scales) for at, row in enumerate(trained)]


def sentence(row: RowView) -> str:
    """What the curve of a row shows: the point kept, and overfitting after it, if there is any."""
    curve, lowest, last = row.curve, _lowest(row.curve), row.curve[-1]
    kept_point = "no point is known to be kept"
    if row.kept_epoch is not None:
        kept_point = f"kept: epoch {epoch(row.kept_epoch)} of {epoch(last.epoch)}"
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


def _one(row: RowView, number: int, scales: _Scales) -> Figure:
    curve, kept_epoch = _thinned(row.curve, row.kept_epoch), row.kept_epoch
    marks = [*_overfitting(row.curve, scales), *_axes(scales)]
    for top, height, keys in (
        (0, _LOSS, ("train_loss", "validation_loss")),
        (_LOSS + _GAP, _ACCURACY, ("train_accuracy", "validation_accuracy")),
    ):
        marks += _pair(curve, scales, keys=keys, top=top, height=height)
    marks += [] if kept_epoch is None else _kept_marks(curve, kept_epoch, scales)
    title, description = f"Loss and accuracy of {row.title} by epoch", sentence(row)
    rows = [
        cells(
            epoch(point.epoch),
            f"{point.train_loss:.4f}",
            f"{point.validation_loss:.4f}",
            "" if point.train_accuracy is None else percent(point.train_accuracy),
            percent(point.validation_accuracy),
        )
        for point in curve
    ]
    note = capital(description)
    if len(curve) < len(row.curve):
        note += f" Drawn: {len(curve):,} of {len(row.curve):,} evaluations."
    return Figure(
        heading=f"{row.title}{row.marks}",
        plot=Plot(
            key=f"curve-{number}",
            marks=marks,
            title=title,
            description=f"{row.title}: {description}",
            height=_HEIGHT,
            look="course",
        ),
        table=Table(columns=_COLUMNS, rows=rows, caption=title, quiet=True),
        note=note,
    )


def _pair(curve: Curve, scales: _Scales, *, keys: tuple[str, str], top: float, height: float) -> list[Mark]:
    """The lines of training and validation over one another, each named at its end."""
    marks: list[Mark] = []
    ends = {}
    for key, look in zip(keys, ("train", "validation"), strict=True):
        down = scales.of_loss if key.endswith("loss") else scales.of_accuracy
        known = [(point.epoch, value) for point in curve if (value := getattr(point, key)) is not None]
        points = [(scales.epochs.across(at), down(value)) for at, value in known]
        if points:
            marks.append(Mark(shape="curve", points=points, look=look))
            marks += [plots.dot(x, y, look=look, radius=2.5) for x, y in points]
            ends["training" if look == "train" else look] = points[-1]
    settled = plots.spread([y for _, y in ends.values()], gap=14, low=top + 4, high=top + height - 2)
    named = zip(ends.items(), settled, strict=True)
    return marks + [plots.words(x, y + 4, word, look="name", dx=11) for (word, (x, _)), y in named]


def _thinned(curve: Curve, best: float | None) -> list[CurvePoint]:
    """At most about _POINTS points, evenly taken; the first, the last and the kept one among them."""
    step = -(-len(curve) // _POINTS)
    kept_index = None if best is None else min(range(len(curve)), key=lambda at: abs(curve[at].epoch - best))
    return [point for at, point in enumerate(curve) if at % step == 0 or at in (kept_index, len(curve) - 1)]


def _axes(scales: _Scales) -> list[Mark]:
    marks = [
        plots.words("0%", -14, "loss, nats", look="tick", dx=-38),
        plots.words("0%", _LOSS + _GAP - 14, "accuracy", look="tick", dx=-38),
    ]
    digits = plots.ticks_digits(scales.accuracy)
    down = [(scales.of_loss(tick), f"{tick:g}") for tick in scales.loss.ticks]
    down += [(scales.of_accuracy(tick), percent(tick, digits)) for tick in scales.accuracy.ticks]
    for y, text in down:
        marks.append(plots.line("0%", y, "100%", y, look="grid"))
        marks.append(plots.words("0%", y + 4, text, look="tick", anchor="end", dx=-6))
    for tick in scales.epochs.ticks:
        x = scales.epochs.across(tick)
        marks.append(plots.words(x, _HEIGHT + 18, f"{tick:g}", look="tick", anchor="middle"))
    return [*marks, plots.words("100%", _HEIGHT + 18, "epoch", look="tick", dx=14)]


def _overfitting(curve: Curve, scales: _Scales) -> list[Mark]:
    """The stretch after the lowest validation loss, shaded and named, where the row overfits."""
    if not _overfits(curve):
        return []
    start, end = (scales.epochs.share(point.epoch) for point in (_lowest(curve), curve[-1]))
    marks = [
        plots.bar(f"{100 * start:.2f}%", top, width=end - start, height=height, look="overfit")
        for top, height in ((0, _LOSS), (_LOSS + _GAP, _ACCURACY))
    ]
    return [*marks, plots.words(f"{50 * (start + end):.2f}%", 12, "overfitting", look="tick", anchor="middle")]


def _kept_marks(curve: Curve, best: float, scales: _Scales) -> list[Mark]:
    """The kept point: a line down both plots, a ring on its losses and accuracy, and the word."""
    x = scales.epochs.across(best)
    point = min(curve, key=lambda point: abs(point.epoch - best))
    ys = (scales.of_loss(point.validation_loss), scales.of_accuracy(point.validation_accuracy))
    return [
        plots.line(x, 0, x, _HEIGHT, look="kept"),
        *(Mark(shape="ring", x=x, y=y, radius=5.5, look="ring") for y in ys),
        plots.words(
            x, _LOSS + 16, "kept", look="name strong", anchor="end" if scales.epochs.share(best) > 0.8 else "middle"
        ),
    ]
