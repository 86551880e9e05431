"""Whether a row is right as often as it is sure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 15
_VALUES_AT_ONCE = 2**21


@dataclass(frozen=True, slots=True)
class Bin:
    """Examples whose top probability lies above `low` and at most at `high`; means over them, 0 to 1."""

    low: float
    high: float
    examples: int
    confidence: float
    accuracy: float


def reliability(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.int64], *, bins: int = BINS) -> list[Bin]:
    """Top probability against accuracy in `bins` of equal width, those without examples left out.

    logits: (N, C), finite; labels: (N,) int64.
    Source: Guo et al. 2017, "On calibration of modern neural networks", section 2.
    """
    confidence = _top_probability(logits)
    right = logits.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    sure = np.bincount(place, weights=confidence, minlength=bins)
    hits = np.bincount(place, weights=right, minlength=bins)
    return [
        Bin(index / bins, (index + 1) / bins, int(count), float(sure[index] / count), float(hits[index] / count))
        for index, count in enumerate(counts)
        if count
    ]


def calibration_error(bins: list[Bin]) -> float:
    """Expected calibration error, 0 to 1: mean distance of accuracy from confidence, bins weighted by examples.

    Biased: a row that is calibrated perfectly gets more than 0, the more so the fewer examples a bin has. It serves to
    compare rows on one test set, not to be read by itself.
    Source: Guo et al. 2017, equation 3; on the bias Kumar et al. 2019, "Verified uncertainty calibration".
    """
    return sum(item.examples * abs(item.accuracy - item.confidence) for item in bins) / sum(
        item.examples for item in bins
    )


def _top_probability(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The largest softmax probability of each row, (N,) float64."""
    found = np.empty(len(logits), np.float64)
    rows = max(1, _VALUES_AT_ONCE // logits.shape[1])
    for start in range(0, len(logits), rows):
        wide = logits[start : start + rows].astype(np.float64)
        found[start : start + rows] = 1 / np.exp(wide - wide.max(axis=1, keepdims=True)).sum(axis=1)
    return found
