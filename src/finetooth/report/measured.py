"""What the report counts again from predictions: confusions and slices."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.measure.decisions import Decision
from finetooth.runs.predictions import Predictions

_PARTS = 4
_VALUES_SHOWN = 12
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a row answers to the N test rows, and what is true of them, each (N,).

    confidences: the probability that each answer was given with. classes: how many there are. Labels are given also
    where the row would rather abstain.
    """

    truth: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    confidences: npt.NDArray[np.float64]
    classes: int

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """(N,) whether each answer is right."""
        return np.asarray(self.labels == self.truth)


@dataclass(frozen=True, slots=True)
class Mixed:
    """`count` rows of a true class that were called another, of the `total` of that class."""

    true: int
    answer: int
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the test rows; correct: right answers in it of each row of the table asked for, in that order."""

    name: str
    count: int
    correct: tuple[int, ...]


def decided(answers: Predictions, decision: Decision) -> Answers:
    """What a row answers, given its logits, as its decision has it."""
    labels = decision.labels(answers.logits)
    return Answers(answers.labels, labels, decision.confidences(answers.logits, labels), answers.logits.shape[1])


def confusion(answers: Answers) -> npt.NDArray[np.int64]:
    """(C, C) int64: rows of true class i that were called j; for few classes."""
    places = answers.truth * answers.classes + answers.labels
    return np.bincount(places, minlength=answers.classes**2).reshape(answers.classes, answers.classes)


def mixed_up(answers: Answers, most: int) -> list[Mixed]:
    """The `most` pairs of a true class and another answer that stand in most rows; of equals the first classes."""
    wrong = ~answers.right
    pairs, counts = np.unique(answers.truth[wrong] * answers.classes + answers.labels[wrong], return_counts=True)
    totals = np.bincount(answers.truth, minlength=answers.classes)
    found = []
    for at in np.argsort(-counts, kind="stable")[:most].tolist():
        true, answer = divmod(int(pairs[at]), answers.classes)
        found.append(Mixed(true, answer, int(counts[at]), int(totals[true])))
    return found


def slices(
    answers: Sequence[Answers],
    *,
    classes: Sequence[str],
    texts: Sequence[str],
    columns: Mapping[str, Sequence[str]],
) -> Iterator[tuple[str, list[Slice]]]:
    """(what is sliced by, its slices) for class, length in characters, and each column; empty slices are left out.

    A column of many numbers is told by quarters, one of many other values by the most frequent of them.
    """
    correct = np.stack([one.right for one in answers])
    yield "true class", list(_by(answers[0].truth, list(classes), correct))
    lengths = np.fromiter(map(len, texts), np.int64, count=len(texts))
    yield "length of the text", list(_by(*_quarters(lengths), correct))
    for name, values in columns.items():
        figures = _figures(values)
        if figures is not None:
            yield name, list(_by(*_quarters(figures), correct))
            continue
        kinds, numbers, counts = np.unique(np.asarray(values, dtype=object), return_inverse=True, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.minimum(np.arange(len(order)), _VALUES_SHOWN)
        names = [str(kinds[at]) or "(none)" for at in order[:_VALUES_SHOWN]]
        names += [f"{len(order) - _VALUES_SHOWN:,} other values"] if len(order) > _VALUES_SHOWN else []
        yield name, list(_by(rank[numbers], names, correct))


def _by(numbers: npt.NDArray[np.int64], names: Sequence[str], correct: npt.NDArray[np.bool_]) -> Iterator[Slice]:
    counts = np.bincount(numbers, minlength=len(names))
    rights = [np.bincount(numbers[one], minlength=len(names)) for one in correct]
    for at, name in enumerate(names):
        if counts[at]:
            yield Slice(name, int(counts[at]), tuple(int(right[at]) for right in rights))


def _quarters(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], list[str]]:
    """The quarter that each value lies in, from 0, and what the quarters are called; equal values stay together."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _PARTS + 1)[1:], method="inverted_cdf"))
    numbers = np.asarray(np.searchsorted(edges, values), np.int64)
    ends = [(values[numbers == at].min(), values[numbers == at].max()) for at in range(len(edges))]
    return numbers, [_plain(low) if low == high else f"{_plain(low)} to {_plain(high)}" for low, high in ends]


def _plain(value: float) -> str:
    """A number as it is, since it may be a year; from 10,000 with commas."""
    return f"{value:,}" if abs(value) >= 10_000 else f"{value}"


def _figures(values: Sequence[str]) -> npt.NDArray[Any] | None:
    """The values as numbers, if all of them are and there are too many to be told one by one."""
    if len(set(values)) <= _VALUES_SHOWN or not all(map(_NUMBER.fullmatch, set(values))):
        return None
    numbers = np.asarray(values, np.float64)
    whole = bool((numbers == np.rint(numbers)).all()) and float(np.abs(numbers).max()) < 2**53
    return numbers.astype(np.int64) if whole else numbers
