"""What the contract suite needs to know of each task; and a task of numbers, which only the suite has.

The task of numbers shows that the contract is not one of classes: its targets are no whole numbers, it has no
probabilities, and lower is better.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, r2_score
from torch.nn import functional

from finetooth.errors import DivergedError
from finetooth.tasks import DEFAULT, Logits, Metric, Outputs, Scores, Targets, Task
from finetooth.training.loss import LOSSES, Loss

Library = Callable[[Outputs, Targets], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A task with examples of it.

    values: as they stand in files, of which all are labels; no_label: values of which none is.
    unknown: a name that parses and that is no label of these values; None where every name that parses is one.
    dtype: of its targets. perfect: logits whose answers are these targets, for so many classes.
    library: of each metric, another implementation. by_hand: outputs and targets with each metric, worked by hand.
    loss: what trains it.
    """

    task: Task
    values: tuple[object, ...]
    no_label: tuple[object, ...]
    unknown: str | None
    dtype: type
    perfect: Callable[[Targets, int], Logits]
    library: Mapping[str, Library]
    by_hand: tuple[Logits, Targets, Mapping[str, float]]
    loss: Loss


def _one_hot(targets: Targets, classes: int) -> Logits:
    return np.asarray(40.0 * np.eye(classes)[targets], np.float32)


def _log_loss(outputs: Outputs, targets: Targets) -> float:
    logits = torch.from_numpy(outputs.logits).double() / outputs.temperature
    return float(functional.cross_entropy(logits, torch.from_numpy(targets)))


SINGLE_LABEL = Case(
    task=DEFAULT,
    values=("good", "bad", " good ", "neither", 7, 7.0, True, "cafe\u0301", "bad", "bad"),
    no_label=(None, "", float("nan"), ["good"], {"good": 1}),
    unknown="excellent",
    dtype=np.int64,
    perfect=_one_hot,
    library={
        "accuracy": lambda outputs, targets: float(accuracy_score(targets, outputs.answers)),
        "loss": _log_loss,
        "macro_f1": lambda outputs, targets: float(f1_score(targets, outputs.answers, average="macro")),
    },
    by_hand=(
        np.log(np.array([[0.5, 0.5], [0.25, 0.75], [0.8, 0.2], [0.1, 0.9]], np.float32)),
        np.array([0, 1, 1, 1]),
        {
            "accuracy": 0.75,  # the tie goes to class 0, which is right
            "loss": -(math.log(0.5) + math.log(0.75) + math.log(0.2) + math.log(0.9)) / 4,
            # class 0: one hit, in 2 answers and 1 target; class 1: two hits, in 2 answers and 3 targets
            "macro_f1": (2 / 3 + 4 / 5) / 2,
        },
    ),
    loss=LOSSES["cross_entropy"],
)


@dataclass(frozen=True, slots=True)
class _Numbers:
    classes: tuple[str, ...] = ()
    first_number: int | None = None
    notes: tuple[str, ...] = ()

    def encode(self, names: Sequence[str]) -> Targets:
        return np.array([float(name) for name in names], np.float64)


def _parse(value: object) -> str:
    if value is None or value == "":
        raise ValueError("is missing")
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number is refused below
    except (TypeError, ValueError):
        raise ValueError(f"is {value!r}, which is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"is {number}, which is not a finite number")
    return repr(number)


def _resolve(
    names: Collection[str], *, declared: Sequence[str] | None, least: int = 2, first_number: int | None = None
) -> _Numbers:
    return _Numbers()


def _predict(logits: Logits) -> npt.NDArray[np.float64]:
    if not np.isfinite(logits).all():
        raise DivergedError("an output is not finite.")
    return logits[:, 0].astype(np.float64)


def _quarters(targets: Targets) -> npt.NDArray[np.int64]:
    return np.asarray(np.searchsorted(np.quantile(targets, [0.25, 0.5, 0.75]), targets), np.int64)


def _absolute_errors(outputs: Outputs, targets: Targets) -> Scores:
    return np.abs(np.asarray(outputs.answers, np.float64) - targets)


def _r_squared(outputs: Outputs, targets: Targets) -> float:
    return float(1 - ((outputs.answers - targets) ** 2).sum() / ((targets - targets.mean()) ** 2).sum())


def _r_squared_scores(outputs: Outputs, targets: Targets) -> Scores:
    """R2 as a ratio of sums, linear in each example (delta method)."""
    value, around = _r_squared(outputs, targets), (targets - targets.mean()) ** 2
    own = (outputs.answers - targets) ** 2 - (1 - value) * around
    return np.asarray(value - own / around.mean(), np.float64)


NUMBER_TASK = Task(
    name="number",
    loss="absolute_error",
    metrics=(
        Metric(
            key="mean_absolute_error",
            title="mean absolute error",
            unit="own",
            better="lower",
            bounds=(0.0, math.inf),
            scores=_absolute_errors,
        ),
        Metric(
            key="r_squared",
            title="R2",
            unit="share",
            better="higher",
            bounds=(-math.inf, 1.0),
            scores=_r_squared_scores,
            aggregate=_r_squared,
        ),
    ),
    parse=_parse,
    resolve=_resolve,
    unknown=np.isnan,
    names=lambda targets, classes: [repr(float(number)) for number in targets],
    outputs=lambda classes: 1,
    answers=_predict,
    probabilities=None,
    strata=_quarters,
)


def _error(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return (logits[:, 0].double() - truth).abs()


NUMBER = Case(
    task=NUMBER_TASK,
    values=("4.5", 3, 2.25, " 7 ", -1.5, "1e2", 0.125, 3.5),
    no_label=(None, "", "many", float("inf"), [1.0]),
    unknown=None,
    dtype=np.float64,
    perfect=lambda targets, outputs: np.asarray(targets, np.float32)[:, None],
    library={
        "mean_absolute_error": lambda outputs, targets: float(mean_absolute_error(targets, outputs.answers)),
        "r_squared": lambda outputs, targets: float(r2_score(targets, outputs.answers)),
    },
    by_hand=(
        np.array([[1.0], [2.0], [5.0]], np.float32),
        np.array([1.0, 4.0, 4.0]),
        {"mean_absolute_error": 1.0, "r_squared": 1 - 5 / 6},  # errors 0, 2, 1; the mean is 3, from it 4 + 1 + 1
    ),
    loss=Loss(_error, _error, lambda targets, classes, weights: torch.ones(len(targets), dtype=torch.float64)),
)

CASES = (SINGLE_LABEL, NUMBER)


def targets_of(case: Case, count: int, *, seed: int = 0) -> tuple[Targets, tuple[str, ...]]:
    """So many targets drawn from the values of a case, and their classes."""
    random, labels, names = np.random.default_rng(seed), *_resolved(case)
    drawn = [names[at] for at in random.integers(0, len(names), count)]
    return labels.encode(drawn), labels.classes


def outputs_of(case: Case, targets: Targets, classes: tuple[str, ...], *, noise: float, seed: int = 0) -> Outputs:
    """Outputs near the targets: perfect ones with normal noise of that share of their own spread."""
    logits = case.perfect(targets, case.task.outputs(classes))
    random = np.random.default_rng(seed)
    noisy = np.asarray(logits + noise * logits.std() * random.normal(size=logits.shape), np.float32)
    return Outputs(noisy, case.task.answers(noisy))


def _resolved(case: Case) -> tuple[Any, list[str]]:
    names = [case.task.parse(value) for value in case.values]
    return case.task.resolve(set(names), declared=None), names
