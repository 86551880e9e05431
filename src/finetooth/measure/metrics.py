"""Figures of a classifier, each a sum over examples divided by examples."""

from collections.abc import Iterator
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from finetooth.errors import DivergedError

_VALUES_AT_ONCE = 2**21  # float64 logits held at a time: 16 MiB, so that 10,000 classes cost no more than two


class Score(TypedDict):
    """accuracy, macro_f1: 0 to 1; loss: mean cross-entropy in nats."""

    examples: int
    accuracy: float
    loss: float
    macro_f1: float


def score(
    logits: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    *,
    guesses: npt.NDArray[np.int64] | None = None,
    temperature: float = 1.0,
) -> Score:
    """Accuracy, cross-entropy and macro-F1 of logits (N, C) float32 against labels (N,) int64.

    guesses: (N,) the labels that were decided from the logits; those of the largest when omitted.
    temperature: what logits are divided by before the cross-entropy.
    Raises: DivergedError if a logit is not finite.
    """
    count = len(labels)
    assert count > 0, "no examples to score"
    largest = predicted(logits)
    guesses = largest if guesses is None else guesses
    return {
        "examples": count,
        "accuracy": int((guesses == labels).sum()) / count,
        "loss": float(losses(logits, labels, temperature=temperature).sum()) / count,
        "macro_f1": macro_f1(guesses, labels),
    }


def predicted(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The class of each row of logits (N, C), (N,) int64; of equal logits the lowest class.

    Raises: DivergedError if a logit is not finite.
    """
    assert logits.ndim == 2 and logits.shape[1] > 0
    for start, block in _blocks(logits):
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            raise DivergedError(
                f"logits of row {start + int(np.argmin(finite))} of {len(logits)} (from 0) are not finite."
            )
    return np.asarray(logits.argmax(axis=1), np.int64)


def losses(
    logits: npt.NDArray[np.floating], labels: npt.NDArray[np.int64], *, temperature: float = 1.0
) -> npt.NDArray[np.float64]:
    """Cross-entropy of each example in nats, (N,) float64: log-sum-exp of its logits minus the true one's.

    temperature: what logits are divided by before.
    """
    found = np.empty(len(labels), np.float64)
    for start, block in _blocks(logits):
        wide = block.astype(np.float64) / temperature
        top = wide.max(axis=1)
        truth = labels[start : start + len(block)]
        found[start : start + len(block)] = (
            np.log(np.exp(wide - top[:, None]).sum(axis=1)) + top - wide[np.arange(len(block)), truth]
        )
    return found


def macro_f1(guesses: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float:
    """Mean F1 over the classes that stand in `labels` or `guesses`; a class absent from both has no F1."""
    classes = int(max(guesses.max(), labels.max())) + 1
    hits = np.bincount(labels[guesses == labels], minlength=classes)
    named = np.bincount(guesses, minlength=classes) + np.bincount(labels, minlength=classes)
    present = named > 0
    return float((2 * hits[present] / named[present]).sum()) / int(present.sum())


def _blocks(logits: npt.NDArray[np.floating]) -> Iterator[tuple[int, npt.NDArray[np.floating]]]:
    rows = max(1, _VALUES_AT_ONCE // logits.shape[1])
    for start in range(0, len(logits), rows):
        yield start, logits[start : start + rows]
