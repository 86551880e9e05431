import numpy as np
import pytest

from finetooth.evaluation.claim import claim, standing
from finetooth.evaluation.significance import paired
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.units import Units


def rights(share, seed, count=400):
    return np.random.default_rng(seed).random(count) < share


def stand(candidate, baselines, **terms):
    return standing(candidate, baselines, terms=Terms(units=Units.single(len(candidate)), **terms))


WEAK, STRONG = rights(0.5, 0), rights(0.75, 1)


def test_the_claim_rests_on_the_hardest_baseline():
    good = rights(0.9, 2)
    actual = stand(good, [WEAK, STRONG])
    assert actual.p == max(paired(good, baseline).p for baseline in (WEAK, STRONG))
    assert actual.best == 1 and actual.to_best == paired(good, STRONG)
    assert actual.p_behind == 1.0  # it is ahead of the best baseline


def test_who_is_behind_any_baseline_is_not_better_than_every_one_however_small_its_p():
    bad = rights(0.3, 4)
    actual = stand(bad, [WEAK, STRONG])
    assert actual.to_hardest.p < 0.001
    assert actual.p == 1.0
    assert actual.p_behind == pytest.approx(2 * paired(bad, STRONG).p)


def test_a_baseline_that_is_hard_to_distinguish_counts_although_another_is_better():
    # Ahead of both: the stronger differs on few examples, all one way; the weaker on many, nearly evenly.
    candidate = np.arange(200) < 150
    strong = candidate & (np.arange(200) >= 9)
    weak = (np.arange(200) < 100) | (np.arange(200) >= 165)
    actual = stand(candidate, [strong, weak])
    assert actual.best == 0
    assert (actual.hardest, actual.to_hardest.p) == (1, paired(candidate, weak).p)
    assert actual.p == paired(candidate, weak).p > 0.05 > actual.to_best.p


def test_that_a_baseline_is_better_is_corrected_for_choosing_the_best_of_the_baselines():
    strong = np.arange(400) < 300
    slightly = (np.arange(400) < 285) | (np.arange(400) >= 398)  # 15 against 2
    p = paired(slightly, strong).p
    weak = [np.arange(400) < count for count in (100, 150, 200)]
    assert (stand(slightly, [strong]).p_behind, stand(slightly, [strong, *weak]).p_behind) == (p, pytest.approx(4 * p))


def test_the_first_of_equal_baselines_is_the_best():
    assert stand(WEAK, [STRONG, STRONG]).best == 0


def test_a_true_difference_of_the_gain_is_called_a_gain_at_most_at_the_level():
    random = np.random.default_rng(6)
    terms = Terms(units=Units.single(1500), gain=0.02)
    outcomes = []
    for _ in range(400):
        drawn = random.random(1500)
        ours, theirs = drawn >= 0.04, (drawn < 0.04) | (drawn >= 0.10)  # 6 % for it, 4 % against: the gain, exactly
        outcomes.append(claim(standing(ours, [theirs], terms=terms), terms).outcome)
    assert 0 < outcomes.count("gain") / 400 < 0.03  # 1.5 % is the one-sided level
    assert outcomes.count("better") > 40
