import numpy as np
import pytest
from scipy.stats import binom
from sklearn.calibration import calibration_curve

from finetooth.evaluation.calibration import calibrated_limit, calibration_error, reliability


def answered(logits, labels):
    """The probability of the label of the largest logit, and whether it is right."""
    wide = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return (wide / wide.sum(axis=1, keepdims=True)).max(axis=1), logits.argmax(axis=1) == labels


def test_by_hand():
    # top probabilities 0.85, 0.85, 0.55, 0.5; right, wrong, right, right (of equal logits the lowest class)
    logits = np.log(np.array([[0.85, 0.15], [0.85, 0.15], [0.45, 0.55], [0.5, 0.5]], np.float32))
    bins = reliability(*answered(logits, np.array([0, 1, 1, 0])))
    assert [(item.low, item.high, item.examples, item.accuracy) for item in bins] == [
        (7 / 15, 8 / 15, 1, 1.0),
        (8 / 15, 9 / 15, 1, 1.0),
        (12 / 15, 13 / 15, 2, 0.5),
    ]
    assert [item.confidence for item in bins] == pytest.approx([0.5, 0.55, 0.85], abs=1e-7)
    assert calibration_error(bins) == pytest.approx((0.5 + 0.45 + 2 * 0.35) / 4, abs=1e-7)


def test_1000_random_cases_equal_the_sum_over_bins_of_scikit_learn():
    random = np.random.default_rng(0)
    for _ in range(1000):
        count, classes = int(random.integers(1, 300)), int(random.integers(2, 6))
        logits = random.normal(0, 2, (count, classes)).astype(np.float32)
        labels = random.integers(0, classes, count)
        top, right = answered(logits, labels)
        bins = reliability(top, right)
        assert sum(item.examples for item in bins) == count
        accuracy, confidence = calibration_curve(right, top, n_bins=15)
        assert [item.accuracy for item in bins] == pytest.approx(accuracy.tolist())
        assert [item.confidence for item in bins] == pytest.approx(confidence.tolist())


def test_a_sure_row_that_is_right_has_no_error_and_one_that_is_wrong_has_all():
    logits = np.array([[1000.0, 0.0], [0.0, 1000.0]], np.float32)
    assert calibration_error(reliability(*answered(logits, np.array([0, 1])))) == 0.0
    assert calibration_error(reliability(*answered(logits, np.array([1, 0])))) == 1.0


def test_it_is_biased_as_its_docstring_says():
    """A row that is calibrated perfectly gets more than 0, the more so the fewer examples there are."""
    random = np.random.default_rng(1)

    def mean_error(count):
        actual = []
        for _ in range(50):
            top = random.uniform(0.5, 1, count)
            actual.append(calibration_error(reliability(top, random.random(count) <= top)))
        return np.mean(actual)

    assert mean_error(100) > 2 * mean_error(1000) > 0.01


def test_the_limit_of_one_bin_is_that_of_the_binomial():
    top = np.full(200, 0.9)
    actual = calibrated_limit(reliability(top, top < 1))
    hits = np.arange(201)
    shares = binom.pmf(hits, 200, 0.9)
    errors = np.abs(hits / 200 - 0.9)
    order = np.argsort(errors, kind="stable")
    exact = errors[order][np.searchsorted(np.cumsum(shares[order]), 0.95)]
    assert actual == pytest.approx(exact, abs=1 / 200 + 1e-9)
    assert actual == calibrated_limit(reliability(top, top < 0))  # whether the answers are right does not matter


@pytest.mark.parametrize("count", [60, 300, 2000])
def test_a_calibrated_row_is_above_the_limit_in_5_percent_of_cases_and_a_sure_one_in_nearly_all(count):
    random, trials = np.random.default_rng(5), 400
    above = sure = 0
    for _ in range(trials):
        top = 1 / (1 + np.exp(-np.abs(random.normal(0, 2, count))))
        right = random.random(count) <= top
        bins = reliability(top, right)
        above += calibration_error(bins) > calibrated_limit(bins)
        overconfident = reliability(1 - (1 - top) / 6, right)
        sure += calibration_error(overconfident) > calibrated_limit(overconfident)
    assert 0.01 <= above / trials <= 0.05 + 2 * (0.05 * 0.95 / trials) ** 0.5
    assert sure / trials > 0.9


def test_the_limit_falls_with_the_number_of_examples():
    top = np.linspace(0.5, 1, 100)
    few, many = (calibrated_limit(reliability(np.tile(top, times), np.tile(top, times) > 0)) for times in (1, 25))
    assert few > 4 * many > 0
