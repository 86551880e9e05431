"""Whether a candidate has learned: decided by its training curve and the validation rows alone, by no test label.

A candidate that has not learned says nothing about whether fine-tuning is worth it: it was judged too early. There are
three signs. Each threshold is set so that a run that ended well does not show the sign (docs/experiments.md).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from finetooth.evaluation import sentences
from finetooth.evaluation.intervals import wilson
from finetooth.evaluation.sentences import Value
from finetooth.recipe import Training

COLLAPSE = 0.95  # share of the answers that are one class
MISSED = 0.9  # share of the rows of other classes that get this class too: with it a frequent class is no sign
LEAST_OTHERS = 5  # rows of other classes: fewer may be missed by chance
STEEP = 0.1  # share of the validation loss lost over the last third of training
FAR = 0.25  # of the entropy of the labels: below it a loss that falls is that of a model that has learned
FITTED = 0.9  # of the way from the most frequent class to the best baseline
FLAT = 0.95  # of the entropy of the labels: a loss that never fell below it
LEAST_STEPS = 200  # what a new head and an adapter need at the very least
ROWS_FITTED = 0.995  # training accuracy from which on `epochs: auto` ends
SOME_STEPS, MOST_EPOCHS = 1000, 30  # below both, `epochs: auto` may train for longer
MORE_EPOCHS = 3  # times as many
HEAD_RATE = 5e-3  # of a new head on small data (docs/experiments.md)
HIGH_RATE, LOW_RATE = 5e-4, 2e-4  # adapter rates that may have broken the training, or held it up
FREQUENT = 0.8  # share of the rows of one class, from which on class weights are proposed

Labels = npt.NDArray[np.int64]


class EvaluationPoint(Protocol):
    """One evaluation during training: mean losses in nats, accuracies 0 to 1."""

    @property
    def epoch(self) -> float:
        """Passes over the training rows so far."""
        ...

    @property
    def train_loss(self) -> float:
        """Of the training rows since the evaluation before, each as it was before its step."""
        ...

    @property
    def train_accuracy(self) -> float:
        """Of the same rows."""
        ...

    @property
    def validation_loss(self) -> float:
        """Of the validation rows."""
        ...

    @property
    def validation_accuracy(self) -> float:
        """Of the validation rows."""
        ...


@dataclass(frozen=True, slots=True)
class BestBaseline:
    """The baseline with the highest accuracy on the validation rows, 0 to 1."""

    name: str
    accuracy: float


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign that a candidate has not learned. text: a clause about the candidate, "it answers ..."."""

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
        """That one class takes nearly all answers."""
        return next((sign for sign in self.signs if sign.sign == "one_class"), None)


@dataclass(frozen=True, slots=True)
class Collapse:
    """One class takes nearly all answers. shares: of the answers, and of the true labels, 0 to 1."""

    label: int
    share: float
    true_share: float


def collapse(answers: Labels, labels: Labels) -> Collapse | None:
    """The class that takes COLLAPSE of the answers (N,), and MISSED of the rows whose label (N,) is another."""
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
    curve: Sequence[EvaluationPoint],
    baseline: BestBaseline | None,
    training: Training,
    train_rows: int,
) -> Learning:
    """Whether a candidate has learned. answers, labels: (N,) of the validation rows, the class of the largest logit
    and the true one."""
    collapsed = collapse(answers, labels)
    entropy = _entropy(labels)
    signs = [
        _one_class(collapsed, classes),
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


def _one_class(collapsed: Collapse | None, classes: Sequence[str]) -> Sign | None:
    if collapsed is None:
        return None
    name = classes[collapsed.label]
    return Sign("one_class", sentences.one_class(name, collapsed.share, collapsed.true_share))


def _ended(training: Training, curve: Sequence[EvaluationPoint]) -> bool:
    """Whether an automatic training ended because validation had stopped improving or training rows were fitted: the
    loss that falls after that does so with the rate, and would not go on."""
    if training.epochs != "auto":
        return False
    losses = [point.validation_loss for point in curve]
    stopped = any(loss >= min(losses[:number]) for number, loss in enumerate(losses) if number)
    return stopped or any(point.train_accuracy >= ROWS_FITTED for point in curve[:-1])


def _still_falling(curve: Sequence[EvaluationPoint], entropy: float, baseline: BestBaseline | None) -> Sign | None:
    """That the validation loss fell steeply to the last evaluation, and ended far from fitted."""
    if not curve or curve[-1].validation_loss > min(point.validation_loss for point in curve):
        return None
    last = curve[-1]
    if last.validation_loss < FAR * entropy:
        return None
    before = [point for point in curve[:-1] if point.epoch <= 2 * last.epoch / 3 + 1e-9]
    # After a single evaluation there is the mean training loss up to it, of texts not yet trained on.
    start = before[-1].validation_loss if before else last.train_loss
    if last.validation_loss > (1 - STEEP) * start:
        return None
    if not before and baseline is not None and last.validation_accuracy >= baseline.accuracy:
        return None  # the mean training loss holds the untrained beginning, too weak a sign against a candidate ahead
    if not before:
        return Sign("still_falling", sentences.falling_within(start, last.validation_loss))
    span = last.epoch - before[-1].epoch
    return Sign("still_falling", sentences.still_falling(start, last.validation_loss, epochs=span))


def _not_fitted(curve: Sequence[EvaluationPoint], labels: Labels, baseline: BestBaseline | None) -> Sign | None:
    """That training rows are fitted clearly worse than the best baseline answers validation rows."""
    if not curve or baseline is None:
        return None
    last, count = curve[-1], len(labels)
    chance = float(np.bincount(labels).max()) / count
    # The training accuracy is that of texts before their step: after few epochs the validation accuracy may be higher.
    fit = max(last.train_accuracy, last.validation_accuracy)
    low, _ = wilson(round(baseline.accuracy * count), count)
    if fit >= low or fit - chance >= FITTED * (baseline.accuracy - chance):
        return None
    return Sign("not_fitted", sentences.not_fitted(last.train_accuracy, baseline.name, baseline.accuracy))


def _changes(training: Training, *, train_rows: int, epochs: float, flat: bool, frequent: bool) -> dict[str, Value]:
    """What to set in the recipe for the next try. epochs: that were trained. flat: whether the loss never fell."""
    changes: dict[str, Value] = {}
    rate = training.learning_rate
    steps = math.ceil(train_rows / training.batch_size)
    done = epochs if training.epochs == "auto" else training.epochs
    stuck = flat and steps * done >= LEAST_STEPS
    if stuck and rate >= HIGH_RATE:
        changes["training.learning_rate"] = float(f"{rate / MORE_EPOCHS:.1g}")
    elif stuck and rate < LOW_RATE:
        changes["training.learning_rate"] = Training.model_fields["learning_rate"].default
    elif training.epochs != "auto" and steps * done < SOME_STEPS and done < MOST_EPOCHS:
        changes["training.epochs"] = "auto"
    else:
        changes["training.epochs"] = MORE_EPOCHS * max(1, math.ceil(done))
    if training.head_learning_rate < HEAD_RATE / 2:
        changes["training.head_learning_rate"] = HEAD_RATE
    if frequent and training.class_weights is None:
        changes["training.class_weights"] = "balanced"
    return changes


def _now(training: Training, key: str) -> Value:
    value = getattr(training, key.removeprefix("training."))
    return "unset" if value is None else value


def _entropy(labels: Labels) -> float:
    """The loss, in nats, of giving each class its share of the labels whatever the text."""
    shares = np.bincount(labels) / len(labels)
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
