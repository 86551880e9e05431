"""The claims are calibrated by simulation: figures in docs/results.md, from benchmarks/simulations.py."""

import pytest

from simulated import seed_claims, verdicts, wilson_coverage


@pytest.mark.parametrize("groups", [None, 20])
def test_few_simulated_runs_of_equal_truth_are_called_better(groups):
    rates = verdicts(100, groups=groups, seed=1)
    assert max(rates.better, rates.not_worth_it) <= 0.07
    # The simulation can fail: read the usual way, the same runs are wrong more often than that.
    assert rates.uncorrected > 0.1


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
def test_wilson_covers_as_promised():
    actual = list(wilson_coverage(20_000))
    assert len(actual) == 20
    for examples, accuracy, share in actual:
        if examples >= 2000:
            assert 0.94 <= share <= 0.96, (examples, accuracy)
