"""Settings of a baseline that were tried, and the choice of one of them by the validation rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from finetooth.tasks import Logits, Targets, Task

Fitted = TypeVar("Fitted")
Figure = Callable[[Logits, Targets], float]  # of validation logits (N, C) and targets; higher is better


@dataclass(frozen=True, slots=True)
class Trial:
    """A feature and a strength of regularisation with their figures on the validation rows.

    figure: it chooses the settings; higher is better. accuracy: the headline metric of the task.
    """

    feature: str
    inverse_regularisation: float
    figure: float
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
    figure: Figure | None,
) -> Trial:
    """The figures of settings that gave logits (N, C) for the validation rows with labels (N,).

    figure: the one that chooses; the headline metric of the task if None.
    """
    figures = task.score(logits, truth)
    headline = figures[task.headline.key]
    chooses = task.headline.gain(headline) if figure is None else figure(logits, truth)
    return Trial(feature, inverse_regularisation, chooses, headline, figures["loss"], converged)


def best(tried: Sequence[tuple[Trial, Fitted]]) -> tuple[Trial, Fitted]:
    """The highest figure, then the lowest loss, then the strongest regularisation, then the first of the list.

    The figure comes first because it is that of the verdict. The loss depends on the scale of the logits too, and that
    is corrected afterwards: the decision of every row has a temperature.
    """
    return max(tried, key=lambda item: (item[0].figure, -item[0].loss, -item[0].inverse_regularisation))


def described(chosen: Trial, tried: Sequence[Trial]) -> dict[str, Any]:
    """The choice as JSON."""
    return {"chosen": asdict(chosen), "tried": [asdict(one) for one in tried]}


def read(settings: Mapping[str, Any]) -> tuple[Trial, tuple[Trial, ...]]:
    """The chosen and all tried settings, from what `described` gave."""
    return Trial(**settings["chosen"]), tuple(Trial(**one) for one in settings["tried"])
