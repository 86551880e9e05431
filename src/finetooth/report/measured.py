"""Figures that the report computes from predictions: confusions and slices."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.evaluation.calibration import BINS, Bin
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.intervals import metric_interval
from finetooth.evaluation.units import Units
from finetooth.runs.predictions import Predictions
from finetooth.tasks import Metric, Scores

_PARTS = 4
_VALUES_SHOWN = 12
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


@dataclass(frozen=True, slots=True)
class Answers:
    """A row's answers to the N test rows, and their true labels, each (N,).

    confidences: the probability of each answer. scores: of the examples by `metric`, the headline metric of the task.
    classes: the number of classes. labels: also of examples for which the row would abstain.
    """

    truth: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    confidences: npt.NDArray[np.float64]
    scores: Scores
    metric: Metric
    classes: int


@dataclass(frozen=True, slots=True)
class Mixed:
    """`count` rows of a true class that got another label, out of `total` rows of the class."""

    true: int
    answer: int
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the test rows, with the scores in it of several rows of the table.

    count: of test rows. sums: of the scores, by row of the table. intervals: of the mean scores, by row of the table.
    """

    name: str
    count: int
    sums: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]


def decided(answers: Predictions, decision: Decision) -> Answers:
    """The answers of a row, by its logits and its decision."""
    outputs, metric = decision.outputs(answers.logits), decision.task.headline
    return Answers(
        truth=answers.labels,
        labels=outputs.answers,
        confidences=decision.confidences(outputs.logits, outputs.answers),
        scores=metric.each(outputs, answers.labels),
        metric=metric,
        classes=outputs.logits.shape[1],
    )


def bin_intervals(answers: Answers, bins: Sequence[Bin], units: npt.NDArray[np.int64]) -> list[tuple[float, float]]:
    """The interval of the accuracy in each bin of evaluation.calibration.reliability. units: as in slices."""
    numbers = np.clip(np.ceil(answers.confidences * BINS).astype(np.int64) - 1, 0, BINS - 1)
    members = [numbers == round(BINS * one.low) for one in bins]
    return [metric_interval(answers.metric, answers.scores[at], units=Units.of(units[at])) for at in members]


def confusion(answers: Answers) -> npt.NDArray[np.int64]:
    """(C, C) int64: the number of rows of true class i with the answer j; for few classes."""
    cells = answers.truth * answers.classes + answers.labels
    return np.bincount(cells, minlength=answers.classes**2).reshape(answers.classes, answers.classes)


def mixed_up(answers: Answers, most: int) -> list[Mixed]:
    """The `most` pairs of a true class and another answer with the most rows; of equals the first classes."""
    wrong = answers.labels != answers.truth
    pairs, counts = np.unique(answers.truth[wrong] * answers.classes + answers.labels[wrong], return_counts=True)
    totals = np.bincount(answers.truth, minlength=answers.classes)
    mixed = []
    for at in np.argsort(-counts, kind="stable")[:most].tolist():
        true, answer = divmod(int(pairs[at]), answers.classes)
        mixed.append(Mixed(true, answer, int(counts[at]), int(totals[true])))
    return mixed


def slices(
    answers: Sequence[Answers],
    *,
    classes: Sequence[str],
    texts: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    units: npt.NDArray[np.int64],
) -> Iterator[tuple[str, list[Slice]]]:
    """(name, slices) by class, by length in characters, and by each column; empty slices are left out.

    units: (N,), the unit of sampling of each test row. A column of many numbers is divided into quarters, one of many
    other values into the most frequent and the rest.
    """

    def parts(numbers: npt.NDArray[np.int64], names: Sequence[str]) -> list[Slice]:
        return list(_by(numbers, names, answers, units))

    yield "true class", parts(answers[0].truth, classes)
    lengths = np.fromiter(map(len, texts), np.int64, count=len(texts))
    yield "length of the text", parts(*_quarters(lengths))
    for name, values in columns.items():
        figures = _figures(values)
        if figures is not None:
            yield name, parts(*_quarters(figures))
            continue
        kinds, numbers, counts = np.unique(np.asarray(values, dtype=object), return_inverse=True, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.minimum(np.arange(len(order)), _VALUES_SHOWN)
        names = [str(kinds[at]) or "(none)" for at in order[:_VALUES_SHOWN]]
        names += [f"{len(order) - _VALUES_SHOWN:,} other values"] if len(order) > _VALUES_SHOWN else []
        yield name, parts(rank[numbers], names)


def _by(
    numbers: npt.NDArray[np.int64], names: Sequence[str], answers: Sequence[Answers], units: npt.NDArray[np.int64]
) -> Iterator[Slice]:
    counts, order = np.bincount(numbers, minlength=len(names)), np.argsort(numbers, kind="stable")
    ends = np.cumsum(counts)
    grouped = [(row.metric, row.scores[order]) for row in answers]
    for name, end, count in zip(names, ends.tolist(), counts.tolist(), strict=True):
        if count:
            parts = [(metric, scores[end - count : end]) for metric, scores in grouped]
            sums = tuple(float(scores.sum()) for _, scores in parts)
            of_part = Units.of(units[order][end - count : end])
            yield Slice(name, count, sums, tuple(metric_interval(*part, units=of_part) for part in parts))


def _quarters(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], list[str]]:
    """The quarter of each value, from 0, and the names of the quarters; equal values are in the same quarter."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _PARTS + 1)[1:], method="inverted_cdf"))
    numbers = np.asarray(np.searchsorted(edges, values), np.int64)
    ends = [(values[numbers == at].min(), values[numbers == at].max()) for at in range(len(edges))]
    return numbers, [_plain(low) if low == high else f"{_plain(low)} to {_plain(high)}" for low, high in ends]


def _plain(value: float) -> str:
    """A number; from 10,000 with commas, below without, since it may be a year."""
    return f"{value:,}" if abs(value) >= 10_000 else f"{value}"


def _figures(values: Sequence[str]) -> npt.NDArray[Any] | None:
    """The values as numbers, if all are numbers and there are too many to show each; else None."""
    if len(set(values)) <= _VALUES_SHOWN or not all(map(_NUMBER.fullmatch, set(values))):
        return None
    numbers = np.asarray(values, np.float64)
    are_integers = bool((numbers == np.rint(numbers)).all()) and float(np.abs(numbers).max()) < 2**53
    return numbers.astype(np.int64) if are_integers else numbers
