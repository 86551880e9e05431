import math
import time
import warnings

import numpy as np
import pytest
from scipy.stats import binom, ttest_rel

from finetooth.evaluation import significance
from finetooth.evaluation.intervals import score_interval
from finetooth.evaluation.significance import holm, paired

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of packages that it imports
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.multitest import multipletests


def rights(only_a, only_b, both=3, neither=2):
    a = np.array([True] * only_a + [False] * only_b + [True] * both + [False] * neither)
    b = np.array([False] * only_a + [True] * only_b + [True] * both + [False] * neither)
    return a, b


def test_mid_p_of_mcnemar_by_hand():
    # 1 of 6 discordant: 2 * 1 / 64 for fewer and 6 / 64 for as many
    assert paired(*rights(5, 1)).p == 8 / 64
    assert paired(*rights(0, 0)).p == 1.0
    assert paired(*rights(4, 4)).p == 1.0
    assert paired(*rights(1, 0)).p == 1 / 2
    assert paired(*rights(10, 0)).p == 1 / 1024


def mid_p(only_a, only_b):
    """By scipy: the exact p less the chance of the observed table; 1 if neither is ahead."""
    if only_a == only_b:
        return 1.0
    fewer, trials = min(only_a, only_b), only_a + only_b
    return 2 * binom.cdf(fewer, trials, 0.5) - binom.pmf(fewer, trials, 0.5)


def test_mcnemar_equals_scipy():
    random = np.random.default_rng(0)
    for most in (3, 30, 300, 3000):
        for only_a, only_b in random.integers(0, most, (10, 2)).tolist():
            assert paired(*rights(only_a, only_b)).p == pytest.approx(mid_p(only_a, only_b), rel=1e-9)


def test_a_row_against_itself_is_zero_and_against_another_turns_its_sign():
    random = np.random.default_rng(1)
    for _ in range(20):
        a, b = random.random(200) < 0.8, random.random(200) < 0.7
        assert (paired(a, a).difference, paired(a, a).p) == (0.0, 1.0)
        assert paired(a, b).difference == -paired(b, a).difference
        assert paired(a, b).difference == pytest.approx(a.mean() - b.mean())
        assert paired(a, b).p == paired(b, a).p


def test_many_discordant_examples_give_the_p_of_whole_numbers_in_another_way(monkeypatch):
    random = np.random.default_rng(5)
    pairs = [(only_a, only_a + apart) for only_a in (40, 900, 8000) for apart in random.integers(0, 300, 6).tolist()]
    expected = [paired(*rights(*pair)).p for pair in pairs]
    assert min(expected) < 1e-9 and max(expected) > 0.1
    monkeypatch.setattr(significance, "_WHOLE", 0)
    assert [paired(*rights(*pair)).p for pair in pairs] == pytest.approx(expected, rel=1e-9)
    assert paired(*rights(0, 0)).p == paired(*rights(900, 900)).p == 1.0


def test_half_a_million_discordant_examples_take_no_time():
    a, b = rights(251_000, 249_000)
    before = time.process_time()
    assert paired(a, b).p == paired(b, a).p == pytest.approx(mid_p(251_000, 249_000), rel=1e-9)
    assert time.process_time() - before < 1  # in whole numbers: 10 s and more


def test_many_discordant_examples_underflow_to_zero_not_to_an_error():
    assert paired(*rights(5000, 0)).p == 0.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.4]) == [0.8, 0.8]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []
    assert holm([0.9, 0.9, 0.9]) == [1.0, 1.0, 1.0]


def test_holm_never_lowers_a_p_and_keeps_the_order():
    values = np.random.default_rng(2).random(50).tolist()
    adjusted = holm(values)
    assert all(after >= before for before, after in zip(values, adjusted, strict=True))
    order = np.argsort(values)
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


def test_1000_random_tables_equal_the_mid_p_of_statsmodels_exact_test():
    random = np.random.default_rng(3)
    for _ in range(1000):
        only_a, only_b, both, neither = random.integers(0, 40, 4).tolist()
        if only_a + only_b:
            exact = mcnemar([[both, only_a], [only_b, neither]], exact=True).pvalue
            observed = binom.pmf(min(only_a, only_b), only_a + only_b, 0.5)
            expected = 1.0 if only_a == only_b else exact - observed
            assert paired(*rights(only_a, only_b, both, neither)).p == pytest.approx(expected, abs=1e-12)


def test_holm_equals_statsmodels_on_1000_random_families(monkeypatch):
    monkeypatch.setattr("gc.collect", lambda: 0)  # statsmodels calls it each time, 0.1 s in a process as large as this
    random = np.random.default_rng(4)
    for _ in range(1000):
        values = random.random(int(random.integers(1, 20))) ** 3
        expected = multipletests(values, method="holm")[1]
        assert holm(values.tolist()) == pytest.approx(expected.tolist(), abs=1e-12)


def test_scores_that_are_no_0_and_1_are_tested_by_students_t_as_scipy_does():
    random = np.random.default_rng(7)
    for count in (2, 3, 20, 500):
        a, b = random.normal(0, 3, count), random.normal(0.2, 3, count)
        actual, expected = paired(a, b, test="paired_t"), ttest_rel(a, b)
        assert actual.difference == pytest.approx(a.mean() - b.mean())
        assert actual.p == pytest.approx(expected.pvalue, rel=1e-9)
        interval = expected.confidence_interval(0.9)
        assert actual.interval(level=0.9) == pytest.approx((interval.low, interval.high), rel=1e-9)
        assert (actual.only_a, actual.only_b) == (int((a > b).sum()), int((a < b).sum()))


def test_students_t_where_all_examples_differ_by_the_same():
    flat = np.full(9, 0.5)
    assert paired(flat, flat, test="paired_t").p == 1.0
    assert paired(flat + 1, flat, test="paired_t").p == 1.0
    # Nothing shows how much the difference varies, so there is no interval.
    assert paired(flat + 1, flat, test="paired_t").interval() == (-math.inf, math.inf)
    one = paired(flat[:1] + 1, flat[:1], test="paired_t")
    assert (one.p, one.interval()) == (1.0, (-math.inf, math.inf))


def test_scores_of_0_and_1_give_the_same_as_right_and_wrong_and_others_are_no_case_for_mcnemar():
    a, b = rights(5, 1)
    assert paired(a.astype(float), b.astype(float)) == paired(a, b)
    assert paired(a, b).interval() == score_interval(5, 1, 11)
    with pytest.raises(AssertionError, match="0 and 1"):
        paired(a * 0.5, b * 1.0)
