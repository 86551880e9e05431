import numpy as np
import pytest

from finetooth.evaluation.significance import holm, paired, standings


def rights(share, seed, count=400):
    return np.random.default_rng(seed).random(count) < share


WEAK, STRONG = rights(0.5, 0), rights(0.75, 1)


def test_the_claim_rests_on_the_hardest_baseline_and_is_corrected_over_all_candidates():
    good, fair = rights(0.9, 2), rights(0.8, 3)
    actual = standings([good, fair], [WEAK, STRONG])
    hardest = [max(paired(right, baseline).p for baseline in (WEAK, STRONG)) for right in (good, fair)]
    assert [item.p_holm for item in actual] == holm(hardest)
    assert [item.best for item in actual] == [1, 1]
    assert actual[0].to_best == paired(good, STRONG)
    assert [item.p_best_holm for item in actual] == [1.0, 1.0]  # both are ahead of the best baseline


def test_who_is_behind_any_baseline_is_not_better_than_every_one_however_small_its_p():
    bad = rights(0.3, 4)
    (actual,) = standings([bad], [WEAK, STRONG])
    assert actual.to_hardest.p < 0.001
    assert actual.p_holm == 1.0
    assert actual.p_best_holm == pytest.approx(2 * paired(bad, STRONG).p)
    # Nor does its small p make it easier for another candidate.
    fair = rights(0.8, 3)
    alone, together = standings([fair], [STRONG])[0], standings([fair, bad], [STRONG])[0]
    assert together.p_holm == min(1.0, 2 * alone.p_holm)


def test_a_baseline_that_is_hard_to_tell_apart_counts_although_another_is_better():
    # Ahead of both: the stronger differs on few examples, all one way; the weaker on many, nearly evenly.
    candidate = np.arange(200) < 150
    strong = candidate & (np.arange(200) >= 9)
    weak = (np.arange(200) < 100) | (np.arange(200) >= 165)
    (actual,) = standings([candidate], [strong, weak])
    assert actual.best == 0
    assert (actual.hardest, actual.to_hardest.p) == (1, paired(candidate, weak).p)
    assert actual.p_holm == paired(candidate, weak).p > 0.05 > actual.to_best.p


def test_that_a_baseline_is_better_is_corrected_for_choosing_the_best_of_the_baselines_and_over_the_candidates():
    strong = np.arange(400) < 300
    slightly = (np.arange(400) < 285) | (np.arange(400) >= 398)  # 15 against 2
    p = paired(slightly, strong).p
    weak = [np.arange(400) < count for count in (100, 150, 200)]
    assert p < 0.05 < 40 * p
    (alone,), (chosen,) = standings([slightly], [strong]), standings([slightly], [strong, *weak])
    assert (alone.p_best_holm, chosen.p_best_holm) == (p, pytest.approx(4 * p))
    ahead = np.ones(400, np.bool_)
    family = standings([ahead, slightly], [strong, *weak])
    # Who is ahead counts with 1, however small its p, and makes it no easier for the others.
    assert [item.p_best_holm for item in family] == [1.0, pytest.approx(8 * p)]


def test_the_first_of_equal_baselines_is_the_best():
    assert standings([WEAK], [STRONG, STRONG])[0].best == 0
