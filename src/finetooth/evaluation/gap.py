"""A difference between two rows as text: in points for shares, in the metric's own unit for others."""

import math
from dataclasses import dataclass, replace

from finetooth.evaluation.significance import Paired
from finetooth.tasks import DEFAULT, Metric
from finetooth.wording import points

_NARROW = 0.002  # width of an interval of shares below which tenths of a point would not show its two ends apart


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference by `metric`, above 0 if the first row is better, and the ends of its interval.

    where: the test rows in words: `2,620 test rows in 112 groups (film)`.
    """

    difference: float
    low: float
    high: float
    where: str
    metric: Metric = DEFAULT.headline

    @property
    def positive(self) -> "Gap":
        """The same gap with a difference of at least 0: better minus worse."""
        if self.difference >= 0:
            return self
        return replace(self, difference=-self.difference, low=-self.high, high=-self.low)

    def text(self, *, signed: bool = False) -> str:
        """`1.4 points (1.0 to 1.8)`, `0.031 (0.020 to 0.042) in loss`; without an interval whose ends are infinite."""
        digits = 2 if self.high - self.low < _NARROW else 1
        value, low, high = (_number(one, self.metric, digits) for one in (self.difference, self.low, self.high))
        sign = "+" if signed and self.difference > 0 and float(value) else ""
        ends = "" if math.isinf(self.low) else f" ({low} to {high})"
        return f"{sign}{value}{' points' if self.metric.unit == 'share' else ''}{ends}{_of(self.metric)}"

    def range(self) -> str:
        """`-0.4 to 1.4 points`; the difference alone if an end of the interval is infinite."""
        if math.isinf(self.low):
            return self.text(signed=True)
        digits = 2 if self.high - self.low < _NARROW else 1
        low, high = (_number(one, self.metric, digits) for one in (self.low, self.high))
        return f"{low} to {high}{' points' if self.metric.unit == 'share' else ''}{_of(self.metric)}"


def gap(pair: Paired, metric: Metric, where: str, *, level: float = 0.95) -> Gap:
    """The difference of a pair with its interval at `level`."""
    return Gap(pair.difference, *pair.interval(level=level), where, metric)


def amount(value: float, metric: Metric) -> str:
    """A difference that a recipe or a test set names: `1 point`, `0.5 points`; without a unit if it is no share."""
    if metric.unit != "share":
        return f"{value:.3g}"
    number = f"{100 * value:.3g}"
    return f"{number} point{'' if number == '1' else 's'}"


def _number(value: float, metric: Metric, digits: int) -> str:
    if metric.unit == "share":
        return points(value, digits, signed=False)
    text = f"{value:.3f}"
    return text if float(text) else text.lstrip("-")


def _of(metric: Metric) -> str:
    """The metric after an amount; nothing for the headline metric, which a reader expects."""
    return "" if metric.key == DEFAULT.headline.key else f" in {metric.title}"
