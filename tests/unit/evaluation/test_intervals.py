import warnings

import numpy as np
import pytest
from scipy.stats import binomtest, t

from finetooth.evaluation.intervals import clopper_pearson, interval_as_json, metric_interval, wilson
from finetooth.tasks import DEFAULT

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of packages that it imports
    from statsmodels.stats.proportion import proportion_confint


def test_wilson_by_hand():
    # Newcombe 1998, table I, method 3: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0.0000 to 0.1611
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_wilson_equals_scipy():
    random = np.random.default_rng(0)
    for count in (1, 2, 7, 500, 25_000):
        for correct in {0, count, *random.integers(0, count + 1, 5).tolist()}:
            for level in (0.9, 0.95, 0.99):
                theirs = binomtest(correct, count).proportion_ci(level, method="wilson")
                assert wilson(correct, count, level) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_the_interval_holds_the_share_and_stays_between_0_and_1():
    for count in (1, 3, 10_000):
        for correct in (0, 1, count - 1, count):
            low, high = wilson(correct, count)
            assert 0 <= low <= correct / count <= high <= 1


def test_wilson_equals_statsmodels_on_1000_random_cases():
    random = np.random.default_rng(1)
    for _ in range(1000):
        count = int(random.integers(1, 30_000))
        correct = int(random.integers(0, count + 1))
        expected = proportion_confint(correct, count, method="wilson")
        assert wilson(correct, count) == pytest.approx(expected, abs=1e-12)


def test_the_interval_of_a_metric_is_wilsons_for_right_and_wrong_and_that_of_the_logarithm_without_an_upper_bound():
    random = np.random.default_rng(3)
    hits = (random.random(50) < 0.8).astype(np.float64)
    assert metric_interval(DEFAULT.headline, hits, level=0.9) == wilson(int(hits.sum()), 50, 0.9)
    loss, scores = DEFAULT.metric("loss"), random.gamma(2.0, 1.0, 50)
    # By the delta method: the logarithm of the mean has the standard error of the mean over the mean.
    mean, reach = scores.mean(), t.ppf(0.95, 49) * scores.std(ddof=1) / 50**0.5
    expected = (mean * np.exp(-reach / mean), mean * np.exp(reach / mean))
    assert metric_interval(loss, scores, level=0.9) == pytest.approx(expected)
    assert metric_interval(loss, np.array([0.0, 0.0, 3.0]))[0] > 0.0
    assert metric_interval(loss, np.full(9, 0.5)) == loss.bounds  # no interval of width 0
    assert metric_interval(loss, scores[:1]) == loss.bounds
    assert interval_as_json(loss.bounds) is None  # JSON has no infinite numbers
    assert interval_as_json(DEFAULT.headline.bounds) == [0.0, 1.0]


def test_the_exact_interval_equals_scipys():
    for total in (1, 20, 333):
        for successes in {0, 1, total // 2, total}:
            for level in (0.9, 0.95):
                theirs = binomtest(successes, total).proportion_ci(level, method="exact")
                interval = clopper_pearson(successes, total, level=level)
                assert interval == pytest.approx((theirs.low, theirs.high), abs=1e-12)
