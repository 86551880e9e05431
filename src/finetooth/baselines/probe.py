"""Logistic regression on the hidden states of a frozen encoder: what the base knows of the labels without training."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as load_tensors

from finetooth import row_kinds
from finetooth.baselines import fitted
from finetooth.baselines.choosing import Figure, Trial, best, described, read, trial
from finetooth.baselines.logistic import log_floor, logits_in_blocks, regression, solve_all, standardised, warnings_of
from finetooth.files import read_json
from finetooth.tasks import DEFAULT, Task

INVERSE_REGULARISATIONS = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)

Features = npt.NDArray[np.float32]


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
        weights = np.ascontiguousarray(self.weights.T, np.float64)

        def scores(block: slice) -> npt.NDArray[np.float64]:
            return np.asarray((rows[block] - self.mean) / self.scale @ weights + self.bias)

        return logits_in_blocks(len(rows), scores, self.log_floor)


@dataclass(frozen=True, slots=True)
class Probe:
    """The regression that was best on the validation rows.

    tried: every feature and strength that was measured there, in order. chosen: the one that is used.
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
        figure: Figure | None = None,
    ) -> "Probe":
        """The probe fitted on train's features (N, H), by name, and labels (N,), and chosen on the validation rows.

        The choice is that of choosing.best. A class absent from train has the probability of one example, so that its
        loss is finite. figure: as in choosing.trial.
        """
        tried: list[tuple[Trial, Regression]] = []
        for feature, rows in train.items():
            for strength, candidate, converged in _by_strength(rows, labels, classes=classes):
                logits = candidate.logits(validation[feature])
                measured = trial(
                    feature, strength, logits=logits, truth=truth, converged=converged, task=task, figure=figure
                )
                tried.append((measured, candidate))
        chosen, regression_chosen = best(tried)
        return cls(regression_chosen, chosen, tuple(one for one, _ in tried))

    @classmethod
    def load(cls, folder: Path) -> "Probe":
        """The probe saved at `folder`, with bitwise equal logits.

        Raises: VerificationError if the folder is damaged or is not a probe.
        """
        fitted.read_kind(folder, (cls.KIND,))
        chosen, tried = read(read_json(folder / fitted.SETTINGS))
        return cls(
            regression=Regression(**load_tensors((folder / fitted.WEIGHTS).read_bytes())),
            chosen=chosen,
            tried=tried,
        )

    @property
    def settings_tried(self) -> int:
        """How many settings were measured on the validation rows."""
        return len(self.tried)

    @property
    def warnings(self) -> list[str]:
        """A warning if the solver did not converge."""
        return warnings_of(self.chosen.converged)

    @property
    def parameters(self) -> int:
        """How many values were fitted: C H weights and C biases."""
        return self.regression.weights.size + self.regression.bias.size

    def logits(self, features: Mapping[str, Features]) -> npt.NDArray[np.float32]:
        """Log-probabilities (N, C) float32 from features (N, H) by name; only the chosen one is read."""
        return self.regression.logits(features[self.chosen.feature])

    def save(self, folder: Path, *, facts: Mapping[str, Any]) -> None:
        """Make `folder`. facts: what else baseline.json holds, such as the base. Raises: RunError if it exists."""
        settings = {"kind": self.KIND, **described(self.chosen, self.tried), **facts}
        fitted.save(folder, settings, tensors=asdict(self.regression))


def cross_validated(
    features: Mapping[str, Features],
    labels: npt.NDArray[np.int64],
    folds: npt.NDArray[np.int64],
    *,
    classes: int,
    advance: Callable[[int], None] = lambda count: None,
) -> npt.NDArray[np.float32]:
    """Log-probabilities (N, C) float32 of every example by a probe that has not seen it.

    features: (N, H) float32 by name; labels, folds: (N,) int64, three folds or more. The probe that answers a fold is
    chosen on the next fold and fitted on the others, so the choice of feature and strength does not see it either.
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
        )
        answers[inside] = probe.logits({name: rows[inside] for name, rows in features.items()})
        advance(1)
    return answers


def _by_strength(
    rows: Features, labels: npt.NDArray[np.int64], *, classes: int
) -> Iterator[tuple[float, Regression, bool]]:
    """Each C with its regression and whether the solver converged; each solver starts where the previous one ended."""
    wide, mean, scale = standardised(rows)
    floor, model = log_floor(labels, classes=classes), regression(warm_start=True)
    for strength in INVERSE_REGULARISATIONS:
        weights, bias, converged = solve_all(model.set_params(C=strength), wide, labels, classes=classes)
        yield strength, Regression(mean, scale, weights, bias, floor), converged
