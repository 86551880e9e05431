"""The columns of the results table: what each row shows in them, once for every table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from finetooth.evaluation.cost import COST
from finetooth.report.view import RowView, RunView
from finetooth.runs.results import Parameters
from finetooth.wording import epoch, interval, milliseconds, p_value, percent, points, seconds, size, spread

Value = Callable[[RowView], Any]
Write = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure, and its detail in small type or in brackets."""

    text: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. cell: what a row shows in it."""

    title: str
    cell: Callable[[RowView], Cell]


def _column(
    title: str, value: Value, write: Write, *, detail: Value = lambda row: None, write_detail: Write = str
) -> Column:
    """A column of a value of the rows, with a detail; a value that is None is shown as an empty text."""

    def text(value: Any, write: Write) -> str:
        return "" if value is None else write(value)

    return Column(title, lambda row: Cell(text(value(row), write), text(detail(row), write_detail)))


def _gain(row: RowView) -> str | None:
    """The difference of a candidate to the best baseline, in points or in the unit of the verdict's metric."""
    figures = row.figures
    if figures is None or figures.gain is None:
        return None
    return difference(figures.gain, figures.gain_unit)


def difference(value: float, unit: str) -> str:
    """A difference to the best baseline: `+1.4` points of a share, `+0.031` of another metric. unit: Metric.unit."""
    return points(value) if unit == "share" else f"{value:+.3f}"


def _p_of_verdict(row: RowView) -> float | None:
    """The p of the claim that the verdict makes, which is about the winner alone."""
    return row.figures.p if row.figures is not None and row.is_winner else None


def _gain_and_p(row: RowView) -> str | None:
    gain, p = _gain(row), _p_of_verdict(row)
    if gain is None:
        return None
    return f"{gain}  {'' if p is None else p_value(p):<9}"  # padding keeps the points in one column


def _share(counts: Parameters) -> str:
    return percent(counts.trainable / counts.total, 2)


SEED = _column("seed", lambda row: row.seed, str)
TRAINED = _column("trained", lambda row: row.trained, lambda count: f"{count:,}" if count else "-")
ACCURACY = Column("accuracy", lambda row: Cell(percent(row.figures.accuracy) if row.figures else "failed"))
INTERVAL = _column("95 % interval", lambda row: row.figures and row.figures.interval, interval)
BOTH = Column(
    "accuracy, interval", lambda row: Cell("  ".join(filter(None, (ACCURACY.cell(row).text, INTERVAL.cell(row).text))))
)
GAIN = _column("vs best baseline", _gain, str)
P = _column("p", _p_of_verdict, p_value)
P_OF_EVERY_ROW = _column("p of each", lambda row: row.figures and row.figures.p, p_value)
GAIN_AND_P = _column("vs best baseline", _gain_and_p, str)
TIME = _column("time", lambda row: row.costs.train_seconds, seconds)
MACRO_F1 = _column(
    "macro-F1",
    lambda row: row.figures and row.figures.macro_f1,
    percent,
    detail=lambda row: row.figures and row.figures.macro_f1_interval,
    write_detail=interval,
)
LOSS = _column(
    "log loss",
    lambda row: row.figures and row.figures.loss,
    lambda loss: f"{loss:.4f}",
    detail=lambda row: row.figures and row.figures.loss_interval,
    write_detail=lambda bounds: f"{bounds[0]:.4f} to {bounds[1]:.4f}",
)
COST_OF_MISTAKES = _column(
    COST,
    lambda row: row.figures and row.figures.cost,
    lambda cost: f"{cost:.4f}",
    detail=lambda row: row.figures and row.figures.cost_interval,
    write_detail=lambda bounds: f"{bounds[0]:.4f} to {bounds[1]:.4f}",
)
CALIBRATION_ERROR = _column(
    "calibration error",
    lambda row: row.figures and row.figures.calibration_error,
    lambda error: f"{100 * error:.1f} points",
    detail=lambda row: row.figures and row.figures.calibration_error_limit,
    write_detail=lambda limit: f"up to {100 * limit:.1f} by chance",
)
SHARE_TRAINED = _column(
    "share trained",
    lambda row: row.parameters,
    _share,
    detail=lambda row: row.parameters and row.parameters.peft_percent,
    write_detail=lambda share: f"peft {percent(share / 100, 4)}",
)
PEAK_MEMORY = _column("peak memory", lambda row: row.costs.peak_bytes, size)
ADAPTER_SIZE = _column("adapter size", lambda row: row.costs.adapter_bytes, size)
LATENCY = _column(
    "latency",
    lambda row: row.costs.latency_seconds,
    milliseconds,
    detail=lambda row: row.costs.latency_spread_seconds,
    write_detail=spread,
)
SETTINGS_TRIED = _column("settings tried", lambda row: row.settings_tried, str)
KEPT_EPOCH = _column("kept epoch", lambda row: row.kept_epoch, epoch)
MEASURED = (TRAINED, ACCURACY, INTERVAL, GAIN, P)


_OF_METRICS = {"macro_f1": MACRO_F1, "loss": LOSS, COST: COST_OF_MISTAKES}


def with_metric(run: RunView, shown: Sequence[Column]) -> list[Column]:
    """Columns of figures, with that of the verdict's metric after them unless it is the accuracy or among them."""
    column = _OF_METRICS.get(run.metric.key)
    return [*shown, *([column] if column is not None and column not in shown else [])]


def parts(run: RunView) -> list[Column]:
    """A column for each part of the trained parameters, `base` only if a row trains it, and one for all parameters."""

    def part(title: str, name: str) -> Column:
        return _column(title, lambda row: row.parameters and getattr(row.parameters, name), lambda count: f"{count:,}")

    names = ["adapter", "head", "bias"]
    names += ["base"] if any(row.parameters.base for row in run.rows if row.parameters) else []
    return [*(part(name, name) for name in names), part("all parameters", "total")]
