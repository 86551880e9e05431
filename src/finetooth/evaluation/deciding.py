"""Fits a decision on validation logits and labels. The same rows give the same decision; test rows are not used."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from finetooth.evaluation.calibration import calibration_error, reliability
from finetooth.evaluation.decisions import (
    ABSTENTION_ERROR,
    CURVE_POINTS,
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    Abstention,
    Calibration,
    Decision,
    RiskPoint,
    confidence,
    least_answered,
)
from finetooth.evaluation.intervals import clopper_pearson
from finetooth.recipe import Abstain, Deciding
from finetooth.tasks import DEFAULT, Outputs, Task

NEVER = math.nextafter(1.0, 2.0)  # above every probability
COVERAGES = 10  # thresholds tested for an accuracy: those that answer 1/10, 2/10, .. of the validation rows
_HALVINGS = 48
_ROUNDS = 10
_FARTHEST = 30.0  # log of the ratio of two thresholds; beyond it a class would never be answered

Logits = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def fit(
    logits: Logits, labels: Labels, *, classes: Sequence[str], settings: Deciding, task: Task = DEFAULT
) -> Decision:
    """The decision that a recipe asks for, from validation logits (N, C) float32 and labels (N,) int64.

    Raises: DivergedError if a logit is not finite.
    """
    plain = Decision(task=task)
    decision = Decision(
        temperature=temperature(logits, labels, task=task) if settings.temperature else 1.0,
        costs=costs_of(settings.costs or {}, classes),
        task=task,
    )
    calibration = Calibration(
        loss_before=_loss(logits, labels, plain),
        loss_after=_loss(logits, labels, decision),
        calibration_error_before=_calibration_error(logits, labels, plain),
        calibration_error_after=_calibration_error(logits, labels, decision),
    )
    chosen = None
    if settings.thresholds is not None:
        chosen = thresholds(logits, labels, temperature=decision.temperature, task=task)
    decision = replace(decision, validation=calibration, thresholds=chosen)
    if settings.abstain is not None:
        decision = replace(decision, abstention=abstention(decision, logits, labels, settings=settings.abstain))
    return decision


def temperature(logits: Logits, labels: Labels, *, task: Task = DEFAULT) -> float:
    """The temperature, to six figures, that minimises the cross-entropy of logits (N, C) against labels (N,).

    Between LOWEST_TEMPERATURE and HIGHEST_TEMPERATURE. 1.0 if every row is right: then a lower temperature is always
    better, and no number of rows can show that probabilities are 1.
    Source: Guo et al. 2017, arXiv 1706.04599, section 4.2. The cross-entropy is convex in 1/T, so the zero of its slope
    is found by bisection.
    """
    if (task.answers(logits) == labels).all():
        return 1.0
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    truth = wide[np.arange(len(labels)), labels]

    def slope(inverse: float) -> float:
        weights = np.exp(inverse * wide)
        return float(((weights * wide).sum(axis=1) / weights.sum(axis=1) - truth).mean())

    low, high = -math.log(HIGHEST_TEMPERATURE), -math.log(LOWEST_TEMPERATURE)  # of 1/T
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(math.exp(middle)) < 0 else (low, middle)
    return float(f"{math.exp(-(low + high) / 2):.6g}")


def thresholds(
    logits: Logits, labels: Labels, *, temperature: float = 1.0, task: Task = DEFAULT
) -> tuple[float, ...] | None:
    """Thresholds of C classes, summing to 1, that raise the macro-F1 of logits (N, C) against labels (N,).

    Coordinate ascent: one class at a time gets its best threshold while the others are fixed, until no class gains. A
    threshold is midway between those at which two rows change their answer; of equally good ones, the one nearest to
    the present threshold is used. None if no thresholds have a higher macro-F1 than the largest logit.
    Not covered: a better set may exist. The gain is measured on the rows that the thresholds were chosen on; other rows
    show a smaller gain or a loss.
    """

    def macro_f1(answers: Labels) -> float:
        return task.metric("macro_f1").value(Outputs(logits, answers), labels)

    scores = logits.astype(np.float64) / temperature
    offsets = np.zeros(scores.shape[1])  # logarithms of the thresholds
    start = best = macro_f1(task.answers(logits))
    for _ in range(_ROUNDS):
        before = best
        for label in np.unique(labels):  # a class without rows keeps its threshold
            trial = offsets.copy()
            trial[label] += _best_shift(scores - offsets, labels, int(label))
            value = macro_f1(np.asarray((scores - trial).argmax(axis=1), np.int64))
            if value > best and np.ptp(trial) <= _FARTHEST:
                offsets, best = trial, value
        if best == before:
            break
    shares = np.exp(offsets - offsets.max())
    chosen = tuple(float(share) for share in shares / shares.sum())
    answers = Decision(temperature=temperature, thresholds=chosen, task=task).labels(logits)
    return chosen if macro_f1(answers) > start else None


def _best_shift(scores: npt.NDArray[np.float64], labels: Labels, label: int) -> float:
    """What to subtract from the scores of class `label` for the highest macro-F1; of equals the nearest to 0."""
    others = scores.copy()
    others[:, label] = -np.inf
    lead = scores[:, label] - others.max(axis=1)
    order = np.argsort(-lead, kind="stable")
    values = _macro_f1_by_count(labels[order], others.argmax(axis=1)[order], label)
    ranked = lead[order]
    shifts = np.concatenate([[ranked[0] + 1.0], (ranked[:-1] + ranked[1:]) / 2, [ranked[-1] - 1.0]])
    possible = np.concatenate([[True], ranked[:-1] > ranked[1:], [True]])
    best = np.flatnonzero(possible & (values >= values[possible].max() - 1e-12))
    return float(shifts[best[np.abs(shifts[best]).argmin()]])


def _macro_f1_by_count(labels: Labels, others: Labels, label: int) -> npt.NDArray[np.float64]:
    """Macro-F1 (N + 1,) if the first 0, 1, .. N rows are answered `label` and the rest as in `others`."""
    count, classes = len(labels), int(max(labels.max(), others.max(), label)) + 1
    label_counts = np.bincount(labels, minlength=classes)
    hit_counts = np.bincount(others[others == labels], minlength=classes)
    denominators = np.bincount(others, minlength=classes) + label_counts  # F1 is 2 * hits / (answers + labels)
    # Each row that changes to `label` takes one answer, and perhaps a hit, from its other class. The rows are sorted by
    # that class, so that sums over the rows of a class give its hits and its denominator after each change.
    order = np.argsort(others, kind="stable")
    sorted_others = others[order]
    first_of_class = np.searchsorted(sorted_others, sorted_others)
    is_hit = (labels[order] == sorted_others).astype(np.int64)
    hits_taken = np.cumsum(is_hit)
    hits_taken -= (hits_taken - is_hit)[first_of_class]
    denominators_left = denominators[sorted_others] - (np.arange(count) - first_of_class + 1)
    hits_left = hit_counts[sorted_others] - hits_taken
    f1_before = 2 * (hits_left + is_hit) / (denominators_left + 1)
    f1_after = 2 * hits_left / np.maximum(denominators_left, 1)
    f1_change, is_emptied = np.empty(count), np.empty(count, np.int64)
    f1_change[order] = f1_after - f1_before
    is_emptied[order] = denominators_left == 0
    # Again in the order of the arguments, after 0, 1, .. N changes: the sum of all F1, and the number of classes in it.
    rest = np.arange(classes) != label
    own_denominators = np.arange(count + 1) + label_counts[label]
    own_f1 = 2 * np.cumsum(np.concatenate([[0], labels == label])) / np.maximum(own_denominators, 1)
    rest_f1 = (2 * hit_counts / np.maximum(denominators, 1))[rest].sum()
    total = rest_f1 + np.cumsum(np.concatenate([[0.0], f1_change])) + own_f1
    present = (denominators[rest] > 0).sum() - np.cumsum(np.concatenate([[0], is_emptied]))
    return np.asarray(total / (present + (own_denominators > 0)))


def abstention(decision: Decision, logits: Logits, labels: Labels, *, settings: Abstain) -> Abstention:
    """The least probability at which `decision` answers, chosen on logits (N, C) and labels (N,).

    For a coverage: the highest threshold at which this share of the rows is answered. For an accuracy: the threshold
    of _shown_accuracy, or NEVER. Rows of equal probability are answered together.
    """
    decided = decision.apply(logits)
    sure = confidence(decided.probabilities, decided.labels)
    order = np.argsort(-sure, kind="stable")
    ranked, count = sure[order], len(order)
    ends = np.flatnonzero(np.append(ranked[:-1] > ranked[1:], True)) + 1
    right = np.cumsum(decided.labels[order] == labels[order])[ends - 1]
    accuracies = right / ends
    points = [
        RiskPoint(end / count, 1.0 - accuracy, float(ranked[end - 1]))
        for end, accuracy in zip(ends.tolist(), accuracies.tolist(), strict=True)
    ]
    share = settings.accuracy if settings.coverage is None else settings.coverage
    assert share is not None  # the recipe holds one of the two
    if settings.coverage is not None:
        least = math.ceil(share * count - 1e-9)  # 0.07 of 100 rows is 7, not 8
        chosen: int | None = int(np.searchsorted(ends, least))
    else:
        chosen = _shown_accuracy(right, ends, share)
    shown = np.unique(np.linspace(0, len(points) - 1, CURVE_POINTS).round().astype(int))
    return Abstention(
        target="coverage" if settings.coverage is not None else "accuracy",
        share=share,
        below=NEVER if chosen is None else points[chosen].threshold,
        coverage=0.0 if chosen is None else points[chosen].coverage,
        accuracy_answered=None if chosen is None else float(accuracies[chosen]),
        curve=tuple(points[index] for index in shown),
    )


def _shown_accuracy(right: Labels, ends: Labels, share: float) -> int | None:
    """The index of the lowest threshold whose accuracy on new texts the rows show to be at least `share`.

    right, ends: (T,) of the thresholds from the strictest down: how many answered rows are right, and how many are
    answered. COVERAGES thresholds are tested from the strictest down, and the test stops at the first whose one-sided
    Clopper-Pearson lower bound is below `share`: a fixed sequence, so each test may use the full ABSTENTION_ERROR. If
    the accuracy does not rise as the threshold falls, a threshold with a lower accuracy is chosen in at most
    ABSTENTION_ERROR of draws of the rows. Thresholds that answer too few rows to pass are left out.
    Source: Angelopoulos et al. 2021, "Learn then Test", arXiv 2110.01052, section 3 (fixed sequence testing).
    Not covered: rows that are not independent (groups, repeated texts); that the training step and the temperature
    were chosen on the same rows, which makes the model look a little better there.
    """
    chosen = None
    counts = [math.ceil(part * int(ends[-1]) / COVERAGES) for part in range(1, COVERAGES + 1)]
    for index in dict.fromkeys(np.searchsorted(ends, counts).tolist()):
        answered = int(ends[index])
        if answered < least_answered(share):
            continue
        if clopper_pearson(int(right[index]), answered, level=1 - 2 * ABSTENTION_ERROR)[0] < share:
            break
        chosen = index
    return chosen


def costs_of(costs: Mapping[str, Mapping[str, float]], classes: Sequence[str]) -> tuple[tuple[int, int, float], ...]:
    """(class, answer, cost) of each mistake that does not cost 1, by the numbers of the classes."""
    numbers = {name: number for number, name in enumerate(classes)}
    named = [(numbers[true], numbers[answer], cost) for true, row in costs.items() for answer, cost in row.items()]
    return tuple(sorted(item for item in named if item[2] != 1.0))


def _loss(logits: Logits, labels: Labels, decision: Decision) -> float:
    """Mean cross-entropy in nats."""
    outputs = Outputs(logits, labels, decision.temperature)  # the loss does not depend on the answers
    return decision.task.metric("loss").value(outputs, labels)


def _calibration_error(logits: Logits, labels: Labels, decision: Decision) -> float:
    """Expected calibration error of the most probable class, 0 to 1 (evaluation.calibration)."""
    largest = decision.task.answers(logits)
    return calibration_error(reliability(decision.confidences(logits, largest), largest == labels))
