"""Logistic regression on the hidden states of a frozen encoder: what the base knows of the labels without training."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from finetooth import row_kinds
from finetooth.baselines.fitted import SETTINGS, WEIGHTS, read_kind, shares
from finetooth.baselines.logistic import log_floor, log_probabilities, regression, solve, standardised
from finetooth.files import json_bytes, new_directory, read_json
from finetooth.tasks import DEFAULT, Task

INVERSE_REGULARISATIONS = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)
MAX_ITERATIONS = 1000
_ROWS_AT_ONCE = 4096

Features = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trial:
    """A feature and a strength of regularisation, and what they gave on the validation rows."""

    feature: str
    inverse_regularisation: float
    accuracy: float
    loss: float
    converged: bool


@dataclass(frozen=True, slots=True)
class Regression:
    """mean, scale: (H,) float64; weights: (C, H) float32; bias: (C,) float32; log_floor: (C,) float32.

    log_floor: log-probability of the classes that train does not hold, 0 elsewhere.
    """

    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    log_floor: npt.NDArray[np.float32]

    def logits(self, rows: Features) -> npt.NDArray[np.float32]:
        """Log-probabilities (N, C) float32 of rows (N, H)."""
        logits = np.empty((len(rows), len(self.bias)), np.float32)
        weights = np.ascontiguousarray(self.weights.T, np.float64)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            block = (rows[start : start + _ROWS_AT_ONCE] - self.mean) / self.scale
            logits[start : start + len(block)] = log_probabilities(block @ weights + self.bias, self.log_floor)
        return logits


@dataclass(frozen=True, slots=True)
class Probe:
    """The regression that was best on the validation rows.

    tried: every feature and strength measured there, in order; chosen: the one of them that is used.
    """

    KIND: ClassVar[str] = row_kinds.PROBE.name

    regression: Regression
    chosen: Trial
    tried: tuple[Trial, ...]

    @classmethod
    def fit(
        cls,
        train: Mapping[str, Features],
        labels: npt.NDArray[np.int64],
        *,
        validation: Mapping[str, Features],
        truth: npt.NDArray[np.int64],
        classes: int,
        task: Task = DEFAULT,
    ) -> "Probe":
        """Fitted on train's features (N, H), by name, and labels (N,); chosen on the validation rows.

        Chosen are the highest accuracy, then the lowest loss, then the strongest regularisation, then the feature named
        first. A class absent from train keeps the probability of one example, so that its loss is finite.
        """
        tried: list[tuple[Trial, Regression]] = []
        for feature, rows in train.items():
            for strength, fitted, converged in _by_strength(rows, labels, classes=classes):
                figures = task.score(fitted.logits(validation[feature]), truth)
                tried.append((Trial(feature, strength, figures[task.headline.key], figures["loss"], converged), fitted))
        chosen, best = max(tried, key=lambda item: _rank(item[0]))
        return cls(best, chosen, tuple(trial for trial, _ in tried))

    @classmethod
    def load(cls, folder: Path) -> "Probe":
        """The probe saved at `folder`; its logits are bitwise those of the one that was saved.

        Raises: VerificationError if the folder is not whole, or is not a probe.
        """
        read_kind(folder, (cls.KIND,))
        settings = read_json(folder / SETTINGS)
        return cls(
            regression=Regression(**load_tensors((folder / WEIGHTS).read_bytes())),
            chosen=Trial(**settings["chosen"]),
            tried=tuple(Trial(**trial) for trial in settings["tried"]),
        )

    @property
    def warnings(self) -> list[str]:
        """That the solver did not come to its end, if so."""
        return [] if self.chosen.converged else [f"its solver stopped at {MAX_ITERATIONS:,} iterations before its end"]

    @property
    def parameters(self) -> int:
        """How many values were fitted: C H weights and C biases."""
        return self.regression.weights.size + self.regression.bias.size

    def logits(self, features: Mapping[str, Features]) -> npt.NDArray[np.float32]:
        """Log-probabilities (N, C) float32 from the features (N, H) by name; it reads only its own."""
        return self.regression.logits(features[self.chosen.feature])

    def save(self, folder: Path, *, facts: Mapping[str, Any]) -> None:
        """Make `folder`, whole and with its manifest. facts: what else baseline.json is to say, such as the base.

        Raises: RunError if it exists already.
        """
        settings = {
            "schema": 1,
            "kind": self.KIND,
            "chosen": asdict(self.chosen),
            "tried": [asdict(trial) for trial in self.tried],
            **facts,
        }
        with new_directory(folder) as inside:
            (inside / SETTINGS).write_bytes(json_bytes(settings))
            (inside / WEIGHTS).write_bytes(save_tensors(asdict(self.regression)))


def cross_validated(
    features: Mapping[str, Features],
    labels: npt.NDArray[np.int64],
    folds: npt.NDArray[np.int64],
    *,
    classes: int,
    task: Task = DEFAULT,
    advance: Callable[[int], None] = lambda count: None,
) -> npt.NDArray[np.float32]:
    """Log-probabilities (N, C) float32 of every example by a probe that has not seen it.

    features: (N, H) float32 by name; labels, folds: (N,) int64, three folds or more. The probe that answers a fold is
    chosen on the next fold and fitted on the others, so that the choice of feature and strength does not see it either.
    advance: called after each fold.
    """
    numbers = np.unique(folds)
    assert len(numbers) >= 3, "one fold answers, one chooses, and one or more fit"
    answers = np.empty((len(labels), classes), np.float32)
    for answering, choosing in zip(numbers, np.roll(numbers, -1), strict=True):
        inside, chooses = folds == answering, folds == choosing
        fits = ~(inside | chooses)
        probe = Probe.fit(
            {name: rows[fits] for name, rows in features.items()},
            labels[fits],
            validation={name: rows[chooses] for name, rows in features.items()},
            truth=labels[chooses],
            classes=classes,
            task=task,
        )
        answers[inside] = probe.logits({name: rows[inside] for name, rows in features.items()})
        advance(1)
    return answers


def _rank(trial: Trial) -> tuple[float, float, float]:
    return trial.accuracy, -trial.loss, -trial.inverse_regularisation


def _by_strength(
    rows: Features, labels: npt.NDArray[np.int64], *, classes: int
) -> Iterator[tuple[float, Regression, bool]]:
    """C, the regression it gives and whether its solver came to its end; each begins where the stronger one ended."""
    wide, mean, scale = standardised(rows)
    present, floor = np.unique(labels), log_floor(labels, classes=classes)
    model = regression(max_iterations=MAX_ITERATIONS, warm_start=True)
    for strength in INVERSE_REGULARISATIONS:
        weights = np.zeros((classes, wide.shape[1]), np.float32)
        bias = np.log(shares(labels, classes=classes)).astype(np.float32)
        converged = True
        if len(present) > 1:
            model.set_params(C=strength)
            weights[present], bias[present], converged = solve(model, wide, labels)
        yield strength, Regression(mean, scale, weights, bias, floor), converged
