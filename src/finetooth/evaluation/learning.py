"""Whether a candidate has learned, judged only by its training curve and the validation rows, never by test labels.

The result of a candidate that has not learned does not show whether fine-tuning is worth it. Three signs show that a
candidate has not learned. The thresholds are set so that runs that ended well show none (docs/experiments.md).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from finetooth.evaluation import sentences
from finetooth.evaluation.intervals import wilson
from finetooth.evaluation.sentences import Value
from finetooth.evaluation.training_curve import CurvePoint
from finetooth.recipe import Training

COLLAPSE = 0.95  # least share of the answers in one class; the sign also needs MISSED
MISSED = 0.9  # least share of the rows of the other classes that are answered with this class
LEAST_OTHERS = 5  # rows of the other classes; fewer may be missed by chance
STEEP = 0.1  # share of the validation loss that the last third of training removed
FAR = 0.25  # share of the entropy of the labels; a model whose loss is below it has learned
FITTED = 0.9  # share of the accuracy that the best baseline gains over the most frequent class
FLAT = 0.95  # share of the entropy of the labels; a loss that stayed above it never fell
LEAST_STEPS = 200  # the fewest steps in which a new head and an adapter learn
ROWS_FITTED = 0.995  # training accuracy at which `epochs: auto` ends
SOME_STEPS, MOST_EPOCHS = 1000, 30  # if training had fewer of both, `epochs: auto` may train for longer
CHANGE_FACTOR = 3  # multiplies the epochs, or divides a high learning rate
HEAD_RATE = 5e-3  # learning rate of a new head on small data (docs/experiments.md)
HIGH_RATE, LOW_RATE = 5e-4, 2e-4  # adapter learning rates that may diverge, or be too low to learn
FREQUENT = 0.8  # share of the rows in one class from which class weights are proposed

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BestBaseline:
    """The baseline with the highest accuracy on the validation rows, 0 to 1."""

    name: str
    accuracy: float


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign that a candidate has not learned. text: a clause about the candidate, such as "it answers ..."."""

    sign: Literal["one_class", "still_falling", "not_fitted"]
    text: str


@dataclass(frozen=True, slots=True)
class Learning:
    """The signs that a candidate has not learned; none where it has.

    changes: recipe keys and the values to try; advice: the same as a sentence.
    """

    signs: tuple[Sign, ...] = ()
    changes: Mapping[str, Value] = field(default_factory=dict)
    advice: str = ""

    @property
    def collapsed(self) -> Sign | None:
        """The sign that nearly all answers are one class, if the candidate shows it."""
        return next((sign for sign in self.signs if sign.sign == "one_class"), None)


@dataclass(frozen=True, slots=True)
class Collapse:
    """A class that nearly all answers are. share, true_share: of the answers and of the labels in it, 0 to 1."""

    label: int
    share: float
    true_share: float


def collapse(answers: Labels, labels: Labels) -> Collapse | None:
    """The class that nearly all answers are; None if there is none. answers, labels: (N,).

    At least COLLAPSE of the answers are this class, and so are at least MISSED of the answers to rows whose label is
    another class.
    """
    counts = np.bincount(answers)
    label = int(counts.argmax())
    others = labels != label
    if counts[label] < COLLAPSE * len(answers) or others.sum() < LEAST_OTHERS:
        return None
    if (answers[others] == label).mean() < MISSED:
        return None
    return Collapse(label, counts[label] / len(answers), 1.0 - float(others.mean()))


def assess(
    answers: Labels,
    labels: Labels,
    *,
    classes: Sequence[str],
    curve: Sequence[CurvePoint],
    baseline: BestBaseline | None,
    training: Training,
    train_rows: int,
) -> Learning:
    """Whether a candidate has learned.

    answers, labels: (N,) of the validation rows, the class of the largest logit and the true class.
    """
    collapsed = collapse(answers, labels)
    entropy = _entropy(labels)
    signs = [
        None if collapsed is None else _one_class(collapsed, classes[collapsed.label]),
        None if _ended(training, curve) else _still_falling(curve, entropy, baseline),
        _not_fitted(curve, labels, baseline),
    ]
    shown = tuple(sign for sign in signs if sign is not None)
    if not shown:
        return Learning()
    flat = bool(curve) and min(point.validation_loss for point in curve) > FLAT * entropy
    frequent = collapsed is not None and collapsed.true_share >= FREQUENT
    epochs = curve[-1].epoch if curve else 0.0
    changes = _changes(training, train_rows=train_rows, epochs=epochs, flat=flat, frequent=frequent)
    values = [(key, value, _now(training, key)) for key, value in changes.items()]
    return Learning(shown, changes, sentences.train_again(values))


def _one_class(collapsed: Collapse, name: str) -> Sign:
    return Sign("one_class", sentences.one_class(name, collapsed.share, collapsed.true_share))


def _ended(training: Training, curve: Sequence[CurvePoint]) -> bool:
    """Whether `epochs: auto` ended because validation stopped improving or the training rows were fitted.

    If the loss falls after that, it falls only because the learning rate does, and would not fall further.
    """
    if training.epochs != "auto":
        return False
    losses = [point.validation_loss for point in curve]
    stopped = any(loss >= min(losses[:number]) for number, loss in enumerate(losses) if number)
    return stopped or any(point.train_accuracy >= ROWS_FITTED for point in curve[:-1])


def _still_falling(curve: Sequence[CurvePoint], entropy: float, baseline: BestBaseline | None) -> Sign | None:
    """The sign that the validation loss fell steeply until the last evaluation and was still high there."""
    if not curve or curve[-1].validation_loss > min(point.validation_loss for point in curve):
        return None
    last = curve[-1]
    if last.validation_loss < FAR * entropy:
        return None
    before = [point for point in curve[:-1] if point.epoch <= 2 * last.epoch / 3 + 1e-9]
    # With no evaluation to compare with, use the mean training loss, measured on each text before its own step.
    start = before[-1].validation_loss if before else last.train_loss
    if last.validation_loss > (1 - STEEP) * start:
        return None
    if not before and baseline is not None and last.validation_accuracy >= baseline.accuracy:
        return None  # that mean includes the untrained beginning: too weak a sign if the candidate is ahead
    if not before:
        return Sign("still_falling", sentences.falling_within(start, last.validation_loss))
    span = last.epoch - before[-1].epoch
    return Sign("still_falling", sentences.still_falling(start, last.validation_loss, epochs=span))


def _not_fitted(curve: Sequence[CurvePoint], labels: Labels, baseline: BestBaseline | None) -> Sign | None:
    """The sign that the training rows are fitted clearly worse than the best baseline answers the validation rows."""
    if not curve or baseline is None:
        return None
    last, count = curve[-1], len(labels)
    chance = float(np.bincount(labels).max()) / count
    # Texts are measured before their own step, so after few epochs the validation accuracy may be the higher one.
    fit = max(last.train_accuracy, last.validation_accuracy)
    low, _ = wilson(round(baseline.accuracy * count), count)
    if fit >= low or fit - chance >= FITTED * (baseline.accuracy - chance):
        return None
    return Sign("not_fitted", sentences.not_fitted(last.train_accuracy, baseline.name, baseline.accuracy))


def _changes(training: Training, *, train_rows: int, epochs: float, flat: bool, frequent: bool) -> dict[str, Value]:
    """The recipe keys to change for the next try, with their values.

    epochs: how many were trained. flat: whether the loss never fell. frequent: whether one class has most of the rows.
    """
    changes: dict[str, Value] = {}
    rate = training.learning_rate
    steps = math.ceil(train_rows / training.batch_size)
    done = epochs if training.epochs == "auto" else training.epochs
    stuck = flat and steps * done >= LEAST_STEPS
    if stuck and rate >= HIGH_RATE:
        changes["training.learning_rate"] = float(f"{rate / CHANGE_FACTOR:.1g}")
    elif stuck and rate < LOW_RATE:
        changes["training.learning_rate"] = Training.model_fields["learning_rate"].default
    elif training.epochs != "auto" and steps * done < SOME_STEPS and done < MOST_EPOCHS:
        changes["training.epochs"] = "auto"
    else:
        changes["training.epochs"] = CHANGE_FACTOR * max(1, math.ceil(done))
    if training.head_learning_rate < HEAD_RATE / 2:
        changes["training.head_learning_rate"] = HEAD_RATE
    if frequent and training.class_weights is None:
        changes["training.class_weights"] = "balanced"
    return changes


def _now(training: Training, key: str) -> Value:
    value = getattr(training, key.removeprefix("training."))
    return "unset" if value is None else value


def _entropy(labels: Labels) -> float:
    """The loss, in nats, of a model that gives each class its share of the labels for every text."""
    shares = np.bincount(labels) / len(labels)
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
