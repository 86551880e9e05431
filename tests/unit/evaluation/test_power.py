import math

import numpy as np
import pytest
from scipy.stats import binom, t

from finetooth.evaluation import power
from finetooth.evaluation.intervals import score_interval
from finetooth.evaluation.significance import paired


def rejects(only_a, only_b, alpha):
    return (
        only_a > only_b and paired(np.arange(only_a + only_b) < only_a, np.arange(only_a + only_b) >= only_a).p <= alpha
    )


def test_power_by_counting_every_outcome():
    for n, discordance, difference, alpha in ((12, 0.5, 0.3, 0.05), (18, 0.3, 0.3, 0.05), (20, 0.4, 0.1, 0.2)):
        a, b = (discordance + difference) / 2, (discordance - difference) / 2
        expected = 0.0
        for differing in range(n + 1):
            for only_a in range(differing + 1):
                if rejects(only_a, differing - only_a, alpha):
                    expected += binom.pmf(differing, n, discordance) * binom.pmf(only_a, differing, a / (a + b))
        actual = power.mcnemar_power(n, discordance=discordance, difference=difference, alpha=alpha)
        assert actual == pytest.approx(expected, abs=1e-8)


def test_the_rejection_limit_is_that_of_the_test_itself():
    for alpha in (0.05, 0.05 / 40, 0.3, 0.9):
        differing = np.arange(0, 700)
        actual = power._most_against(differing, alpha)

        def mid_p(count, of=differing):
            p = binom.cdf(count, of, 0.5) + binom.cdf(count - 1, of, 0.5)
            return np.where(2 * count < of, p, 1.0)

        assert (np.where(actual >= 0, mid_p(actual), 0.0) <= alpha * (1 + 1e-12)).all()
        assert (mid_p(actual + 1) > alpha * (1 - 1e-12)).all()


def test_the_rejection_limit_of_many_differing_examples_is_that_of_sums_of_whole_numbers():
    for differing in (10**5, 10**6, 10**7):
        for alpha in (0.05, 0.05 / 40):
            limit = int(power._most_against(np.array([differing]), alpha)[0])
            # P(X <= limit) = P(X = limit) (1 + r1 + r1 r2 + ...) with the exact ratios of neighbouring terms.
            below = np.arange(limit, max(0, limit - 20 * math.isqrt(differing)), -1, dtype=np.float64)
            terms = np.concatenate([[1.0], np.cumprod(below / (differing - below + 1))])
            last = math.lgamma(differing + 1) - math.lgamma(limit + 1) - math.lgamma(differing - limit + 1)
            first = math.exp(last - differing * math.log(2))
            more = (differing - limit) / (limit + 1)  # P(X = limit + 1) in units of P(X = limit)
            p, next_p = (first * total for total in (2 * terms.sum() - 1, 2 * terms.sum() + more))
            assert p <= alpha * (1 + 1e-6) and next_p > alpha * (1 - 1e-6)
            assert next_p - p > 1e-5 * alpha  # so the comparison distinguishes neighbouring limits


def test_power_of_non_inferiority_by_counting_every_outcome():
    for n, discordance, margin in ((25, 0.3, 0.2), (30, 0.1, 0.1), (40, 0.0, 0.1), (30, 0.02, 0.05)):
        expected = sum(
            binom.pmf(differing, n, discordance) * binom.pmf(only_a, differing, 0.5)
            for differing in range(n + 1)
            for only_a in range(differing + 1)
            if score_interval(only_a, differing - only_a, n)[0] > -margin
        )
        actual = power.non_inferiority_power(n, discordance=discordance, margin=margin)
        assert actual == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("discordance", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("n", [300, 500, 2620, 25_000])
def test_the_printed_smallest_difference_has_the_promised_power_within_3_points(n, discordance):
    actual = power.smallest_difference(n, discordance=discordance)
    printed = float(f"{100 * actual:.2f}") / 100
    for difference in (actual, printed):
        assert abs(power.mcnemar_power(n, discordance=discordance, difference=difference) - 0.8) < 0.03
    assert power.mcnemar_power(n, discordance=discordance, difference=actual) == pytest.approx(0.8, abs=1e-4)


def test_more_rows_show_smaller_differences_and_too_few_show_none():
    actual = [power.smallest_difference(n, discordance=0.1) for n in (200, 1000, 5000, 50_000)]
    assert actual == sorted(actual, reverse=True) and actual[-1] < 0.005
    assert power.smallest_difference(30, discordance=0.1) is None
    assert power.mcnemar_power(4, discordance=1.0, difference=1.0) == 0.0  # 1 / 16 is above 0.05
    assert power.mcnemar_power(5, discordance=1.0, difference=1.0) == 1.0
    assert power.mcnemar_power(100, discordance=0.0, difference=0.0) == 0.0


@pytest.mark.parametrize(("difference", "discordance"), [(0.1, 0.2), (0.01, 0.05), (0.004, 0.08), (0.3, 0.3)])
def test_the_rows_for_a_difference_have_the_power_and_one_fewer_has_not(difference, discordance):
    n = power.rows_for_difference(difference, discordance=discordance)
    here, before = (
        power.mcnemar_power(m, discordance=discordance, difference=difference) for m in (n, n - max(1, n // 1000))
    )
    assert before < 0.8 <= here < 0.83
    assert power.smallest_difference(n, discordance=discordance) == pytest.approx(difference, rel=0.02)


@pytest.mark.parametrize(("margin", "discordance"), [(0.005, 0.08), (0.02, 0.1), (0.005, 0.0), (0.05, 0.3)])
def test_the_rows_for_non_inferiority_have_the_power_and_one_fewer_has_not(margin, discordance):
    n = power.rows_for_non_inferiority(margin, discordance=discordance)
    here, before = (
        power.non_inferiority_power(m, discordance=discordance, margin=margin) for m in (n, n - max(1, n // 1000))
    )
    assert before < 0.8 <= here
    if discordance == 0:
        assert score_interval(0, 0, n)[0] > -margin >= score_interval(0, 0, n - 1)[0]


def test_a_number_of_rows_that_nobody_has_is_none():
    assert power.rows_for_difference(1e-5, discordance=0.5) is None
    assert power.rows_for_non_inferiority(1e-5, discordance=0.5) is None


@pytest.mark.slow
@pytest.mark.parametrize("discordance", [0.05, 0.1, 0.2])
def test_the_power_of_the_smallest_difference_in_simulation(discordance):
    random = np.random.default_rng(0)
    for n in (500, 2620):
        difference = power.smallest_difference(n, discordance=discordance)
        a, b = (discordance + difference) / 2, (discordance - difference) / 2
        drawn = random.multinomial(n, [a, b, 1 - discordance], size=20_000)
        fewer, differing = np.minimum(drawn[:, 0], drawn[:, 1]), drawn[:, 0] + drawn[:, 1]
        p = binom.cdf(fewer, differing, 0.5) + binom.cdf(fewer - 1, differing, 0.5)
        assert abs((p <= 0.05).mean() - 0.8) < 0.03


def test_rows_that_show_a_difference_of_right_and_wrong_are_those_of_mcnemars_test():
    a, b = np.arange(100) < 80, (np.arange(100) < 70) | (np.arange(100) >= 98)
    pair = paired(a, b)
    discordance = (10 + 2 + 1) / 102  # of the 12 that differ, drawn towards the middle
    expected = power.rows_for_difference(0.05, discordance=discordance, alpha=0.01)
    assert power.rows_to_show(pair, difference=0.05, alpha=0.01) == expected
    assert power.rows_to_show(pair, difference=0.3) == power.rows_for_difference(0.3, discordance=0.3)
    assert power.smallest_shown(pair) == power.smallest_difference(100, discordance=discordance)
    assert power.rows_to_show_non_inferiority(pair, margin=0.02) == power.rows_for_non_inferiority(
        0.02, discordance=discordance
    )


def test_rows_that_show_a_difference_of_other_scores_show_it_in_four_of_five_cases():
    random = np.random.default_rng(0)
    pair = paired(random.normal(0.2, 1, 400), random.normal(0, 1, 400), test="paired_t")
    rows = power.rows_to_show(pair, difference=pair.difference)
    gaps = random.normal(pair.difference, pair.deviation, (20_000, rows))
    statistic = gaps.mean(axis=1) * np.sqrt(rows) / gaps.std(axis=1, ddof=1)
    assert abs((2 * t.sf(np.abs(statistic), rows - 1) < 0.05).mean() - 0.8) < 0.02
    shown = power.smallest_shown(paired(np.resize(pair.deviation * np.array([1.0, -1.0]), rows), np.zeros(rows),
        test="paired_t"))  # fmt: skip
    assert shown == pytest.approx(pair.difference, rel=0.01)
    assert power.rows_to_show_non_inferiority(pair, margin=pair.difference) == rows
    assert power.rows_to_show_non_inferiority(pair, margin=1e-7) is None
