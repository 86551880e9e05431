"""Settings of a baseline that were tried, and the choice of one of them by the validation rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from finetooth.tasks import Task

Fitted = TypeVar("Fitted")


@dataclass(frozen=True, slots=True)
class Trial:
    """A feature and a strength of regularisation with their figures on the validation rows.

    accuracy: the headline metric of the task.
    """

    feature: str
    inverse_regularisation: float
    accuracy: float
    loss: float
    converged: bool


def trial(
    feature: str,
    inverse_regularisation: float,
    *,
    logits: npt.NDArray[np.float32],
    truth: npt.NDArray[np.int64],
    converged: bool,
    task: Task,
) -> Trial:
    """The figures of settings that gave logits (N, C) for the validation rows with labels (N,)."""
    figures = task.score(logits, truth)
    return Trial(feature, inverse_regularisation, figures[task.headline.key], figures["loss"], converged)


def best(tried: Sequence[tuple[Trial, Fitted]]) -> tuple[Trial, Fitted]:
    """The highest accuracy, then the lowest loss, then the strongest regularisation, then the first of the list.

    Accuracy comes first because the verdict is about it. The loss depends on the scale of the logits too, and that is
    corrected afterwards: the decision of every row has a temperature.
    """
    return max(tried, key=lambda item: (item[0].accuracy, -item[0].loss, -item[0].inverse_regularisation))


def described(chosen: Trial, tried: Sequence[Trial]) -> dict[str, Any]:
    """The choice as JSON."""
    return {"chosen": asdict(chosen), "tried": [asdict(one) for one in tried]}


def read(settings: Mapping[str, Any]) -> tuple[Trial, tuple[Trial, ...]]:
    """The chosen and all tried settings, from what `described` gave."""
    return Trial(**settings["chosen"]), tuple(Trial(**one) for one in settings["tried"])
