import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from finetooth.evaluation.intervals import score_interval, score_statistic

Z = 1.959963984540054


def cases(count=1000, most=400):
    random = np.random.default_rng(0)
    for _ in range(count):
        n = int(random.integers(1, most))
        only_a = int(random.integers(0, n + 1))
        yield only_a, int(random.integers(0, n - only_a + 1)), n


def test_published_intervals():
    # Tango 1998, table of the cross-over trial on lens disinfection: 43 pairs alike, 1 against: -0.118 to 0.059
    assert score_interval(0, 1, 44) == pytest.approx((-0.118, 0.059), abs=5e-4)
    # Fagerland, Lydersen and Laake 2014, tables 2 and 3 with Tango's interval:
    # airway hyper-responsiveness (1, 1, 7, 12), complete response (59, 6, 16, 80)
    assert score_interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)
    assert score_interval(6, 16, 161) == pytest.approx((-0.124, -0.0054), abs=5e-4)


def likeliest_statistic(only_a, only_b, n, difference):
    """The score statistic from the multinomial likelihood itself, maximised numerically: no formula of ours."""
    same = n - only_a - only_b
    lowest, highest = max(0.0, -difference), (1 - difference) / 2

    def minus_log(share_b):
        shares = ((only_a, share_b + difference), (only_b, share_b), (same, 1 - 2 * share_b - difference))
        return -sum(count * math.log(max(share, 1e-300)) for count, share in shares if count)

    share_b = minimize_scalar(minus_log, bounds=(lowest, highest), method="bounded", options={"xatol": 1e-12}).x
    spread = 2 * share_b + difference * (1 - difference)
    return (only_a - only_b - n * difference) / math.sqrt(n * spread)


def test_at_its_limits_the_statistic_of_the_likelihood_is_the_normal_quantile_on_1000_random_cases():
    checked = 0
    for only_a, only_b, n in cases():
        low, high = score_interval(only_a, only_b, n)
        for limit, expected in ((low, Z), (high, -Z)):
            if -1 < limit < 1:
                assert score_statistic(only_a, only_b, n, difference=limit) == pytest.approx(expected, abs=1e-6)
                assert likeliest_statistic(only_a, only_b, n, limit) == pytest.approx(expected, abs=2e-3)
                checked += 1
    assert checked > 1900


def test_it_holds_the_difference_stays_within_bounds_and_turns_with_its_sign():
    for only_a, only_b, n in cases(300):
        low, high = score_interval(only_a, only_b, n)
        assert -1 <= low <= (only_a - only_b) / n <= high <= 1
        assert score_interval(only_b, only_a, n) == (-high, -low)
        wide = score_interval(only_a, only_b, n, level=0.99)
        assert wide[0] <= low and high <= wide[1]


def test_outside_it_the_statistic_is_beyond_the_quantile_and_inside_it_is_not():
    for only_a, only_b, n in cases(60, most=60):
        low, high = score_interval(only_a, only_b, n)
        for difference in np.linspace(-0.999, 0.999, 101).tolist():
            beyond = abs(score_statistic(only_a, only_b, n, difference=difference)) > Z
            assert beyond == (difference < low - 1e-9 or difference > high + 1e-9)


def test_the_ends():
    square = Z * Z
    assert score_interval(0, 0, 100) == pytest.approx((-square / (100 + square), square / (100 + square)))
    assert score_interval(50, 0, 50) == pytest.approx(((50 - square) / (50 + square), 1.0))
    assert score_interval(0, 50, 50) == pytest.approx((-1.0, -(50 - square) / (50 + square)))
    assert score_interval(0, 0, 1)[1] == pytest.approx(square / (1 + square))
    assert score_statistic(0, 0, 10, difference=0.0) == 0.0
    assert score_statistic(10, 0, 10, difference=1.0) == 0.0
