"""Calibration: whether the probabilities of a row's answers agree with its accuracy, or differ by more than chance."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 15
DRAWS = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Bin:
    """The examples whose answers have a probability above `low`, up to `high`. confidence, accuracy: means, 0 to 1."""

    low: float
    high: float
    examples: int
    confidence: float
    accuracy: float


def reliability(
    confidence: npt.NDArray[np.float64], right: npt.NDArray[np.float64] | npt.NDArray[np.bool_]
) -> list[Bin]:
    """The accuracy of answers by their probability, in BINS bins of equal width; bins without examples are left out.

    confidence: (N,) probabilities of the answers. right: (N,) 1 or True where the answer is right.
    Source: Guo et al. 2017, "On calibration of modern neural networks", section 2.
    """
    bin_index = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    counts, sums, hits = (np.bincount(bin_index, weights, BINS) for weights in (None, confidence, right))
    return [
        Bin(index / BINS, (index + 1) / BINS, int(count), float(sums[index] / count), float(hits[index] / count))
        for index, count in enumerate(counts)
        if count
    ]


def calibration_error(bins: list[Bin]) -> float:
    """The expected calibration error, 0 to 1: mean distance between accuracy and confidence, bins weighted by examples.

    Biased: a perfectly calibrated row has an error above 0, the more so the fewer examples a bin has. It serves to
    compare rows on one test set; calibrated_limit shows how large it may be by chance.
    Source: Guo et al. 2017, equation 3; on the bias Kumar et al. 2019, "Verified uncertainty calibration".
    """
    weighted = sum(item.examples * abs(item.accuracy - item.confidence) for item in bins)
    return weighted / sum(item.examples for item in bins)


def calibrated_limit(bins: list[Bin]) -> float:
    """The calibration error, 0 to 1, that a perfectly calibrated row with these probabilities exceeds in 1 - LEVEL.

    Of DRAWS draws (fixed seed), each makes the answers of a bin right with the mean probability of the bin. An error
    above the limit is more than chance; one below it does not show that the row is calibrated.
    Source: the consistency resampling of Broecker and Smith 2007, "Increasing the reliability of reliability diagrams".
    Not covered: examples that are not independent (groups, repeated texts), for which the limit is too low.
    """
    counts = np.array([item.examples for item in bins])
    expected = np.array([min(item.confidence, 1.0) for item in bins])
    hits = np.random.default_rng(0).binomial(counts, expected, size=(DRAWS, len(bins)))
    errors = np.abs(hits - counts * expected).sum(axis=1) / counts.sum()
    return float(np.quantile(errors, LEVEL))
