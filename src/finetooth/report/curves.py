"""The course of tuning, a small chart for each candidate and seed, all on one scale."""

from collections.abc import Mapping, Sequence
from typing import Any

from finetooth.report import plots
from finetooth.report.lines import Line
from finetooth.report.markup import Child, Safe, shown, table, tag
from finetooth.report.measured import LEAST_RISE, Overfitting, lowest_of, overfitting, risen
from finetooth.report.plots import Scale
from finetooth.report.wording import epoch, percent

_LOSS, _GAP, _ACCURACY = 130, 44, 76
_HEIGHT = _LOSS + _GAP + _ACCURACY
_POINTS = 120


def curves(lines: Sequence[Line]) -> list[Safe]:
    """A figure for each tuned row, in the table's order, on the same axes so that they can be compared."""
    tuned = [line for line in lines if line.row["curve"]]
    if not tuned:
        return []
    points = [point for line in tuned for point in line.row["curve"]]
    losses = [point[key] for point in points for key in ("train_loss", "validation_loss")]
    accuracies = [point["validation_accuracy"] for point in points]
    accuracies += [value for value in map(_trained, points) if value is not None]
    last = max(point["epoch"] for point in points)
    epochs = plots.even_scale(0.0, last, most=6)
    if last <= 6:
        whole = range(int(-(-last // 1)) + 1)
        epochs = Scale(0.0, last, tuple(float(tick) for tick in whole if tick <= last))
    loss = plots.even_scale(0.0, max(losses), most=4)
    accuracy = plots.even_scale(min(accuracies), max(accuracies), most=3, within=(0.0, 1.0))
    return [_one(line, at, epochs=epochs, loss=loss, accuracy=accuracy) for at, line in enumerate(tuned)]


def sentence(line: Line) -> str:
    """What the curve of a row shows: the point kept, and overfitting after it."""
    row = line.row
    last = row["curve"][-1]["epoch"]
    kept = (
        "no point is known to be kept"
        if row["kept_epoch"] is None
        else f"kept: epoch {epoch(row['kept_epoch'])} of {epoch(last)}"
    )
    over = overfitting(row["curve"])
    if over is None:
        return f"{kept}. {_no_overfitting(row['curve'])}"
    return (
        f"{kept}. Overfitting after epoch {epoch(over.epoch)}: validation loss rose from {over.lowest:.3f} to "
        f"{over.last:.3f} while training loss fell."
    )


def _no_overfitting(curve: Sequence[Mapping[str, Any]]) -> str:
    """Why no overfitting is found: nothing could be seen of it, or where validation loss ended."""
    if len(curve) < 2:
        return "With one evaluation overfitting cannot be seen."
    lowest, last = lowest_of(curve), curve[-1]
    if risen(last, lowest):
        ended, least = (f"{point['validation_loss']:.3f}" for point in (last, lowest))
        return (
            f"Validation loss ended at {ended}, above its lowest, {least}; "
            "training loss did not fall meanwhile, so that is no overfitting."
        )
    where = "at its lowest" if last is lowest else f"within {percent(LEAST_RISE, 0)} of its lowest"
    peak = max(curve[curve.index(lowest) :], key=lambda point: point["validation_loss"])
    back = f", after {peak['validation_loss']:.3f} at epoch {epoch(peak['epoch'])}" if risen(peak, lowest) else ""
    return f"No overfitting at the end: validation loss ended {where}{back}."


def _one(line: Line, number: int, *, epochs: Scale, loss: Scale, accuracy: Scale) -> Safe:
    whole, best = line.row["curve"], line.row["kept_epoch"]
    over, curve = overfitting(whole), _thinned(whole, best)
    drawn = [*_overfit(over, epochs, curve[-1]["epoch"]), *_axes(epochs, loss, accuracy)]
    drawn += _pair(curve, epochs, loss, keys=("train_loss", "validation_loss"), top=0, height=_LOSS)
    drawn += _pair(
        curve, epochs, accuracy, keys=("train_accuracy", "validation_accuracy"), top=_LOSS + _GAP, height=_ACCURACY
    )
    if best is not None:
        drawn += _kept(curve, best, epochs=epochs, loss=loss, accuracy=accuracy)
    said = f"{shown(line.title)}: {sentence(line)}"
    title = f"Loss and accuracy of {shown(line.title)} by epoch"
    image = plots.plot(f"curve-{number}", drawn, title=title, said=said, height=_HEIGHT, look="course")
    rows: list[list[Child]] = [
        [
            epoch(point["epoch"]),
            f"{point['train_loss']:.4f}",
            f"{point['validation_loss']:.4f}",
            "" if (trained := _trained(point)) is None else percent(trained),
            percent(point["validation_accuracy"]),
        ]
        for point in curve
    ]
    names = ["epoch", "training loss", "validation loss", "training accuracy", "validation accuracy"]
    grid = table(names, rows, caption=title, quiet=True)
    told = sentence(line)
    if len(curve) < len(whole):
        told += f" Drawn: {len(curve):,} of {len(whole):,} evaluations."
    heading = shown(line.title) + (" (winner)" if line.winner else "")
    return plots.figure(heading, image, grid, note=told[0].upper() + told[1:])


def _pair(
    curve: Sequence[dict[str, float]], epochs: Scale, scale: Scale, *, keys: tuple[str, str], top: float, height: float
) -> list[Safe]:
    """The lines of training and validation over one another, each named at its end."""
    drawn, ends = [], {}
    for key, look in zip(keys, ("train", "validation"), strict=True):
        known = [point for point in curve if point.get(key) is not None]
        places = [(epochs.across(point["epoch"]), top + scale.down(point[key], height)) for point in known]
        if places:
            drawn.append(plots.curve(places, look=look))
            drawn += [plots.dot(x, y, look=look, radius=2.5) for x, y in places]
            ends["training" if look == "train" else look] = places[-1]
    settled = plots.spread([y for _, y in ends.values()], gap=14, low=top + 4, high=top + height - 2)
    for (word, (x, _)), y in zip(ends.items(), settled, strict=True):
        drawn.append(plots.words(x, y + 4, word, look="name", dx=11))
    return drawn


def _trained(point: Mapping[str, Any]) -> float | None:
    """Accuracy on the training rows, which runs of earlier versions lack."""
    return point.get("train_accuracy")


def _thinned(curve: Sequence[dict[str, float]], best: float | None) -> list[dict[str, float]]:
    """At most about _POINTS points, evenly taken; the first, the last and the kept one among them."""
    step = -(-len(curve) // _POINTS)
    kept = None if best is None else min(range(len(curve)), key=lambda at: abs(curve[at]["epoch"] - best))
    return [point for at, point in enumerate(curve) if at % step == 0 or at in (kept, len(curve) - 1)]


def _axes(epochs: Scale, loss: Scale, accuracy: Scale) -> list[Safe]:
    parts = [
        plots.words("0%", -14, "loss, nats", look="tick", dx=-38),
        plots.words("0%", _LOSS + _GAP - 14, "accuracy", look="tick", dx=-38),
    ]
    digits = plots.ticks_digits(accuracy)
    for scale, top, height in ((loss, 0, _LOSS), (accuracy, _LOSS + _GAP, _ACCURACY)):
        for tick in scale.ticks:
            y = top + scale.down(tick, height)
            text = f"{tick:g}" if scale is loss else percent(tick, digits)
            parts += [
                plots.line("0%", y, "100%", y, look="grid"),
                plots.words("0%", y + 4, text, look="tick", anchor="end", dx=-6),
            ]
    for tick in epochs.ticks:
        parts.append(plots.words(epochs.across(tick), _HEIGHT + 18, f"{tick:g}", look="tick", anchor="middle"))
    parts.append(plots.words("100%", _HEIGHT + 18, "epoch", look="tick", dx=14))
    return parts


def _overfit(over: Overfitting | None, epochs: Scale, last: float) -> list[Safe]:
    """The stretch after the lowest validation loss, shaded and named."""
    if over is None:
        return []
    start, end = epochs.share(over.epoch), epochs.share(last)
    wide = f"{100 * (end - start):.2f}%"
    parts = [
        tag("rect", x=f"{100 * start:.2f}%", y=top, width=wide, height=height, class_="overfit")
        for top, height in ((0, _LOSS), (_LOSS + _GAP, _ACCURACY))
    ]
    middle = f"{50 * (start + end):.2f}%"
    return [*parts, plots.words(middle, 12, "overfitting", look="tick", anchor="middle")]


def _kept(curve: Sequence[dict[str, float]], best: float, *, epochs: Scale, loss: Scale, accuracy: Scale) -> list[Safe]:
    """The kept point: a line down both plots, a ring on its losses and accuracy, and the word."""
    x = epochs.across(best)
    point = min(curve, key=lambda point: abs(point["epoch"] - best))
    rings = [
        tag("circle", cx=x, cy=y, r=5.5, class_="ring")
        for y in (
            loss.down(point["validation_loss"], _LOSS),
            _LOSS + _GAP + accuracy.down(point["validation_accuracy"], _ACCURACY),
        )
    ]
    anchor = "end" if epochs.share(best) > 0.8 else "middle"
    return [
        plots.line(x, 0, x, _HEIGHT, look="kept"),
        *rings,
        plots.words(x, _LOSS + 16, "kept", look="name strong", anchor=anchor),
    ]
