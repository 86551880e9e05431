import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t, ttest_1samp, ttest_rel

from finetooth.evaluation.seeds import Pooled, pool, recipe_difference

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of packages that it imports
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm


def rights(random, seeds, count, share=0.8):
    ease = random.random(count)
    return random.random((seeds, count)) < np.clip(share + 0.5 * (ease - 0.5), 0, 1)


def test_pooled_mean_and_deviation_of_a_seed():
    actual = pool([0.8, 0.9, 0.85])
    assert (actual.seeds, actual.mean) == (3, pytest.approx(0.85))
    assert actual.standard_deviation == pytest.approx(0.05)
    assert pool([0.8]) == Pooled(1, 0.8, None)


def test_one_seed_each_is_the_paired_t_test_on_1000_random_cases():
    random = np.random.default_rng(0)
    for _ in range(1000):
        count = int(random.integers(2, 200))
        a, b = rights(random, 1, count), rights(random, 1, count, 0.7)
        gaps = a[0].astype(float) - b[0]
        actual = recipe_difference(a, b)
        assert actual.difference == pytest.approx(gaps.mean())
        if gaps.std() > 0:
            expected = ttest_rel(a[0].astype(float), b[0].astype(float))
            interval = ttest_1samp(gaps, 0).confidence_interval()
            assert actual.p == pytest.approx(expected.pvalue, abs=1e-12)
            assert actual.interval == pytest.approx((max(-1, interval.low), min(1, interval.high)), abs=1e-12)


def hold_to_anova(a, b):
    """Variance (MS_examples + MS_seeds - MS_rest) / (N seeds), its freedom by Satterthwaite; MS by statsmodels."""
    gaps = a.astype(float) - b
    count, size = gaps.shape
    seeds, examples = np.meshgrid(range(count), range(size), indexing="ij")
    table = pd.DataFrame({"gap": gaps.ravel(), "seed": seeds.ravel(), "example": examples.ravel()})
    squares = anova_lm(ols("gap ~ C(seed) + C(example)", table).fit())
    of_seeds, of_examples, of_rest = squares["mean_sq"]
    variance = of_examples + of_seeds - of_rest
    parts = [(of_examples, size - 1), (of_seeds, count - 1), (of_rest, (size - 1) * (count - 1))]
    if variance <= 1e-9 * (of_examples + of_seeds + of_rest):  # the rest outweighs all: that of the examples stands
        variance, parts = of_examples, parts[:1]
    freedom = variance**2 / sum(square**2 / own for square, own in parts)
    spread = (variance / gaps.size) ** 0.5
    actual = recipe_difference(a, b)
    assert actual.p == pytest.approx(2 * t.sf(abs(gaps.mean()) / spread, freedom))
    reach = t.ppf(0.975, freedom) * spread
    assert actual.interval == pytest.approx((max(-1, gaps.mean() - reach), min(1, gaps.mean() + reach)))


def test_the_parts_are_those_of_a_two_way_analysis_of_variance():
    random = np.random.default_rng(1)
    for _ in range(5):
        hold_to_anova(rights(random, 3, 40), rights(random, 1, 40))


@pytest.mark.slow
def test_the_parts_are_those_of_a_two_way_analysis_of_variance_on_1000_random_cases():
    random, cases = np.random.default_rng(7), 0
    while cases < 1000:
        count = int(random.integers(8, 30))
        a, b = rights(random, int(random.integers(2, 6)), count), rights(random, 1, count)
        if (a != b).any():  # else nothing is left to analyse
            hold_to_anova(a, b)
            cases += 1


def test_a_recipe_against_itself_is_zero_and_roles_turned_turn_the_sign():
    random = np.random.default_rng(2)
    a, b = rights(random, 3, 300), rights(random, 4, 300, 0.75)
    same = recipe_difference(a, a)
    assert same.difference == 0 and same.p == 1.0 and same.interval[0] == -same.interval[1]
    one, two = recipe_difference(a, b), recipe_difference(b, a)
    assert one.difference == -two.difference and one.p == pytest.approx(two.p)
    assert one.interval == pytest.approx((-two.interval[1], -two.interval[0]))


def test_seeds_that_lie_apart_widen_the_interval_and_seeds_are_not_examples():
    random = np.random.default_rng(3)
    baseline = rights(random, 1, 1000, 0.7)
    alike = np.repeat(rights(random, 1, 1000), 3, axis=0)
    apart = np.stack([rights(random, 1, 1000, share)[0] for share in (0.7, 0.8, 0.9)])
    one, three, wide = (recipe_difference(a, baseline) for a in (alike[:1], alike, apart))
    # The same seed three times says what it says once.
    assert np.diff(three.interval) == pytest.approx(np.diff(one.interval), rel=0.02)
    assert np.diff(wide.interval) > 3 * np.diff(one.interval)


def test_rows_that_differ_by_the_same_everywhere_do_not_show_how_much_they_vary():
    right = np.ones((1, 5), np.bool_)
    for other in (right, ~right):
        claim = recipe_difference(right, other)
        assert (claim.p, claim.interval) == (1.0, (-np.inf, np.inf))


def test_a_variance_that_is_zero_but_for_rounding_decides_nothing():
    """MS_examples + MS_seeds = MS_rest exactly: what is left is the spread of the examples."""
    a = np.array([[0, 0, 0, 0, 1, 0], [0, 1, 0, 1, 1, 0], [1, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0]], np.bool_)
    b = np.ones((1, 6), np.bool_)
    expected = ttest_1samp((a.astype(float) - b).mean(axis=0), 0.0)
    assert recipe_difference(a, b).p == pytest.approx(expected.pvalue)
