"""The claims are calibrated by simulation: figures in docs/results.md, from benchmarks/simulations.py."""

import pytest

from finetooth.evaluation.terms import ALPHA, Terms
from simulated import interval_coverage, outcomes, seed_claims, verdicts, wilson_coverage


@pytest.mark.parametrize("groups", [None, 20])
def test_few_simulated_runs_of_equal_truth_are_called_better(groups):
    rates = verdicts(100, groups=groups, seed=1)
    assert max(rates.better, rates.not_worth_it) <= 0.07
    # The simulation can fail: read the usual way, the same runs are wrong more often than that.
    assert rates.uncorrected > 0.1


def test_twenty_looks_at_a_constant_level_say_too_often_what_is_not_so(monkeypatch):
    series = verdicts(60, looks=20, seed=2)
    monkeypatch.setattr(Terms, "alpha", property(lambda terms: ALPHA))
    constant = verdicts(60, looks=20, seed=2)
    assert max(series.better, series.not_worth_it) <= 0.05
    assert max(constant.better, constant.not_worth_it) > 0.12 and constant.better > series.better + 0.05


@pytest.mark.parametrize("baselines", [1, 3])
def test_few_true_gains_as_asked_for_are_said_to_be_more_or_less(baselines):
    of = outcomes(400, lead=0.02, gain=0.02, baselines=baselines, seed=3)
    assert of.get("gain", 0.0) <= 0.045  # 2.5 % with three standard errors of so few runs
    assert of.get("small_gain", 0.0) + of.get("no_gain", 0.0) <= 0.05


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("groups", [None, 112])
@pytest.mark.parametrize("baselines", [1, 2, 3, 4, 5])
def test_a_true_gain_as_asked_for_is_said_to_be_more_or_less_at_most_3_times_in_100(baselines, groups):
    of = outcomes(4000, lead=0.02, gain=0.02, baselines=baselines, groups=groups)
    assert of.get("gain", 0.0) <= 0.03
    assert max(of.get("small_gain", 0.0), of.get("no_gain", 0.0)) <= 0.035


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("looks", [1, 5, 20])
@pytest.mark.parametrize("groups", [None, 201, 112, 20])
def test_the_verdict_is_wrong_at_most_5_times_in_100(groups, looks):
    rates = verdicts(2000 if looks == 1 else 500, groups=groups, looks=looks)
    assert max(rates.better, rates.not_worth_it) <= 0.05
    assert rates.uncorrected > 0.1
    if groups == 20:
        assert rates.as_examples > 0.05


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("shift", [0.0, 0.02, 0.05])
def test_the_recipe_claim_is_wrong_5_times_in_100_and_seeds_counted_as_examples_far_more_often(seeds, shift):
    claim = seed_claims(8000, seeds=seeds, shift=shift)
    assert 0.045 <= claim.recipe <= 0.055
    assert claim.pooled > 0.15


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_interval_holds_the_truth_in_93_to_97_of_100_cases():
    actual = list(interval_coverage(2000))
    assert len(actual) == 14
    for figure, where, share in actual:
        assert 0.93 <= share <= 0.97, (figure, where)


def test_few_intervals_miss_the_truth():
    assert all(share >= 0.85 for _, _, share in interval_coverage(60, seed=4))


@pytest.mark.slow
def test_wilson_covers_as_promised():
    actual = list(wilson_coverage(20_000))
    assert len(actual) == 20
    for examples, accuracy, share in actual:
        if examples >= 2000:
            assert 0.94 <= share <= 0.96, (examples, accuracy)
