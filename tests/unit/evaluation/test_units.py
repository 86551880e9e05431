"""Examples that share a group or a text count as one draw."""

import itertools
import warnings

import numpy as np
import pytest
from scipy.stats import t

from finetooth.evaluation.intervals import metric_interval, score_interval, wilson
from finetooth.evaluation.seeds import recipe_difference
from finetooth.evaluation.significance import paired, sign_flip_p
from finetooth.evaluation.units import Units
from finetooth.tasks import DEFAULT

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of packages that it imports
    from statsmodels.regression.linear_model import OLS

ACCURACY, LOSS = DEFAULT.metric("accuracy"), DEFAULT.metric("loss")


def grouped(random, examples, groups):
    """Units of random sizes."""
    return Units.of(random.integers(0, groups, examples))


def test_the_cluster_robust_error_equals_statsmodels_on_1000_random_cases():
    random = np.random.default_rng(0)
    for _ in range(1000):
        examples = int(random.integers(4, 80))
        units = grouped(random, examples, int(random.integers(2, examples)))
        if units.count < 2:
            continue
        scores = random.normal(size=examples) + random.normal(size=units.count)[units.of_example]
        fitted = OLS(scores, np.ones(examples)).fit(cov_type="cluster", cov_kwds={"groups": units.of_example})
        values = units.values(scores)
        assert values.mean() == pytest.approx(scores.mean(), abs=1e-12)
        assert values.std(ddof=1) / units.count**0.5 == pytest.approx(float(fitted.bse[0]), rel=1e-9)
        pair = paired(scores, np.zeros(examples), test="paired_t", units=units)
        assert pair.p == pytest.approx(2 * t.sf(abs(fitted.params[0] / fitted.bse[0]), units.count - 1), rel=1e-9)
        reach = t.ppf(0.975, units.count - 1) * fitted.bse[0]
        assert pair.interval() == pytest.approx((scores.mean() - reach, scores.mean() + reach), rel=1e-9)


def test_units_of_one_example_each_change_nothing():
    random = np.random.default_rng(1)
    a, b = random.random(60) < 0.8, random.random(60) < 0.7
    units = Units.of(random.permutation(60))
    assert units.are_examples
    assert paired(a, b, units=units) == paired(a, b)
    assert paired(a, b).interval() == score_interval(int((a & ~b).sum()), int((b & ~a).sum()), 60)
    assert metric_interval(ACCURACY, a.astype(float), units=units) == wilson(int(a.sum()), 60)
    losses = random.gamma(2, size=60)
    assert metric_interval(LOSS, losses, units=units) == metric_interval(LOSS, losses)


def test_the_p_of_sign_flips_equals_that_of_all_2_to_the_g_sign_flips():
    random = np.random.default_rng(2)
    for _ in range(1000):
        sums = random.integers(-4, 5, int(random.integers(1, 9)))
        observed = abs(sums.sum())
        totals = np.abs([np.dot(signs, sums) for signs in itertools.product((-1, 1), repeat=len(sums))])
        expected = (totals > observed).mean() + (totals == observed).mean() / 2 if observed else 1.0
        assert sign_flip_p(sums) == pytest.approx(expected, abs=1e-12)


def test_the_p_of_many_units_is_close_to_that_of_many_random_sign_flips():
    random = np.random.default_rng(3)
    sums = np.rint(random.normal(0.2, 3, 400)).astype(np.int64)
    drawn = np.abs((random.choice([-1, 1], size=(40_000, 400)) * sums).sum(axis=1))
    expected = (drawn > abs(sums.sum())).mean() + (drawn == abs(sums.sum())).mean() / 2
    assert 0.01 < expected < 0.9
    assert sign_flip_p(sums) == pytest.approx(expected, abs=0.012)


def test_copies_of_examples_show_no_more_than_the_examples():
    random = np.random.default_rng(4)
    a, b = random.random(80) < 0.85, random.random(80) < 0.75
    copied, units = np.tile(a, 5), Units.of(np.tile(np.arange(80), 5))
    alone, pair = paired(a, b), paired(copied, np.tile(b, 5), units=units)
    assert pair.effective == pytest.approx(80, rel=0.02)
    assert pair.p == pytest.approx(alone.p, rel=1e-9)
    assert pair.interval() == pytest.approx(alone.interval(), abs=0.004)  # by Student's t, so a little wider
    low, high = pair.interval()
    assert low < alone.interval()[0] and high > alone.interval()[1]
    wide, narrow = metric_interval(ACCURACY, copied.astype(float), units=units), wilson(5 * int(a.sum()), 400)
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def test_units_that_never_differ_count_once_each():
    units = Units.of(np.repeat(np.arange(30), 10))
    right = np.ones(300)
    low, high = metric_interval(ACCURACY, right, units=units)
    assert high == 1.0 and low == pytest.approx(wilson(30, 30, freedom=29)[0])
    low, high = paired(right, right, units=units).interval()
    assert (low, high) == pytest.approx(score_interval(0, 0, 30, freedom=29)) and -low == high > 0.1


def test_a_single_unit_shows_nothing():
    units = Units.of(np.zeros(40, np.int64))
    a, b = np.arange(40) < 35, np.arange(40) < 20
    pair = paired(a, b, units=units)
    assert pair.p == 0.5 and pair.interval() == (-1.0, 1.0)
    assert metric_interval(ACCURACY, a.astype(float), units=units) == (0.0, 1.0)
    assert paired(a * 0.5, b * 1.0, test="paired_t", units=units).interval() == (-np.inf, np.inf)


def test_recipes_are_compared_over_units():
    random = np.random.default_rng(5)
    scores = random.random((3, 50)) < 0.8
    baseline = random.random((1, 50)) < 0.7
    units = Units.of(np.tile(np.arange(50), 4))
    alone = recipe_difference(scores, baseline)
    copied = recipe_difference(np.tile(scores, 4), np.tile(baseline, 4), units=units)
    assert copied.difference == pytest.approx(alone.difference)
    assert copied.interval == pytest.approx(alone.interval) and copied.p == pytest.approx(alone.p)
    assert recipe_difference(np.tile(scores, 4), np.tile(baseline, 4)).p < alone.p
