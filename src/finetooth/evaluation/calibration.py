"""Whether a row is right as often as it is sure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Examples whose answer was given a probability above `low` and at most at `high`; means over them, 0 to 1."""

    low: float
    high: float
    examples: int
    confidence: float
    accuracy: float


def reliability(
    confidence: npt.NDArray[np.float64], right: npt.NDArray[np.float64] | npt.NDArray[np.bool_], *, bins: int = BINS
) -> list[Bin]:
    """Probability of the answers against their accuracy in `bins` of equal width, those without examples left out.

    confidence: (N,), 0 to 1; right: (N,) 1 or True where the answer is right.
    Source: Guo et al. 2017, "On calibration of modern neural networks", section 2.
    """
    bin_index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(bin_index, minlength=bins)
    sure = np.bincount(bin_index, weights=confidence, minlength=bins)
    hits = np.bincount(bin_index, weights=right, minlength=bins)
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
