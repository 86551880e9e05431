"""The columns of the results table: what each row shows in them, once for every table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finetooth.report.view import Figures, RowView, RunView
from finetooth.wording import epoch, interval, milliseconds, p_value, percent, points, seconds, size, spread


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure, and the text beside it in small type or in brackets."""

    text: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. cell: what a row shows in it."""

    title: str
    cell: Callable[[RowView], Cell]


def _measured(
    title: str, text: Callable[[Figures], str | None], detail: Callable[[Figures], str] | None = None
) -> Column:
    """A column of test figures, empty where there are none."""

    def cell(row: RowView) -> Cell:
        shown = None if row.figures is None else text(row.figures)
        if row.figures is None or shown is None:
            return Cell()
        return Cell(shown, detail(row.figures) if detail else "")

    return Column(title, cell)


def _spent(title: str, text: Callable[[RowView], str | None]) -> Column:
    """A column of what a row has or takes, empty where that is not known."""
    return Column(title, lambda row: Cell(text(row) or ""))


def _losses(bounds: Sequence[float] | None) -> str:
    return "" if bounds is None else f"{bounds[0]:.4f} to {bounds[1]:.4f}"


def _gain_and_p(figures: Figures) -> str | None:
    if figures.gain is None or figures.p is None:
        return None
    return f"{points(figures.gain)}  {p_value(figures.p):<9}"  # the blank of a shorter p keeps the points in one column


def _share(row: RowView) -> Cell:
    if row.parameters is None:
        return Cell()
    counts, peft = row.parameters, row.parameters.peft_percent
    share = percent(counts.trainable / counts.total, 2)
    return Cell(share, "" if peft is None else f"peft {percent(peft / 100, 4)}")


def _latency(row: RowView) -> Cell:
    median, bounds = row.costs.latency_seconds, row.costs.latency_spread_seconds
    return Cell() if median is None else Cell(milliseconds(median), spread(bounds) if bounds else "")


def _bytes(value: int | None) -> str | None:
    return None if value is None else size(value)


def _time(value: float | None) -> str | None:
    return None if value is None else seconds(value)


SEED = _spent("seed", lambda row: "" if row.seed is None else str(row.seed))
TRAINED = _spent("trained", lambda row: f"{row.trained:,}" if row.trained else "-")
ACCURACY = Column("accuracy", lambda row: Cell(percent(row.figures.accuracy) if row.figures else "failed"))
INTERVAL = _measured("95 % interval", lambda figures: interval(figures.interval))
BOTH = Column(
    "accuracy, interval", lambda row: Cell("  ".join(filter(None, (ACCURACY.cell(row).text, INTERVAL.cell(row).text))))
)
GAIN = _measured("vs best baseline", lambda figures: None if figures.gain is None else points(figures.gain))
P = _measured("p", lambda figures: None if figures.p is None else p_value(figures.p))
GAIN_AND_P = _measured("vs best baseline", _gain_and_p)
TIME = _spent("time", lambda row: _time(row.costs.train_seconds))
MACRO_F1 = _measured(
    "macro-F1",
    lambda figures: percent(figures.macro_f1),
    lambda figures: "" if figures.macro_f1_interval is None else interval(figures.macro_f1_interval),
)
LOSS = _measured("log loss", lambda figures: f"{figures.loss:.4f}", lambda figures: _losses(figures.loss_interval))
CALIBRATION_ERROR = _measured(
    "calibration error",
    lambda figures: None if figures.calibration_error is None else f"{100 * figures.calibration_error:.1f} points",
)
SHARE_TRAINED = Column("share trained", _share)
PEAK_MEMORY = _spent("peak memory", lambda row: _bytes(row.costs.peak_bytes))
ADAPTER_SIZE = _spent("adapter size", lambda row: _bytes(row.costs.adapter_bytes))
LATENCY = Column("latency", _latency)
KEPT_EPOCH = _spent("kept epoch", lambda row: None if row.kept_epoch is None else epoch(row.kept_epoch))


def parts(run: RunView) -> list[Column]:
    """A column of each part of the parameters trained, and of all parameters."""

    def part(name: str) -> Callable[[RowView], str]:
        return lambda row: f"{getattr(row.parameters, name):,}" if row.parameters else ""

    return [*(_spent(name, part(name)) for name in run.parts), _spent("all parameters", part("total"))]


MEASURED = (TRAINED, ACCURACY, INTERVAL, GAIN, P)
