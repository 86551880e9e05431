"""The power that `check` prints is that of the verdict: claim() itself on rows that are simulated one by one."""

import math

import numpy as np
import pytest

from finetooth.evaluation.claim import claim, standing
from finetooth.evaluation.power import smallest_difference
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.units import Units
from finetooth.evaluation.verdict_power import (
    ALIKE,
    FEW_UNITS,
    MOST_UNITS,
    Design,
    _Outcomes,
    chance_to_show,
    smallest_gain,
)


def units_of(examples, groups=None):
    """Each row alone, or in one of so many groups that differ in size."""
    if groups is None:
        return Units.single(examples)
    shares = np.random.default_rng(3).gamma(2.0, size=groups)
    return Units.of(np.random.default_rng(4).choice(groups, examples, p=shares / shares.sum()))


def design_of(units, *, baselines, looks=1, texts=None):
    alpha = Terms(units=units, looks=looks).alpha
    return Design.of(units, np.arange(len(units)) if texts is None else texts, baselines=baselines, alpha=alpha)


def answers(random, units, *, baselines, discordance, gain, texts=None):
    """(1 + baselines, N) bool: whether the winner, and each baseline, has a row right, by the module's model."""
    examples = len(units)
    texts = np.arange(examples) if texts is None else texts
    chances = np.array([0.5 + gain / (2 * discordance), *[0.5] * baselines])[:, None]

    def drawn(count):
        return (random.random((1, count)) >= 2 * discordance) | (random.random((1 + baselines, count)) < chances)

    own, of_unit = drawn(int(texts.max()) + 1), drawn(units.count)
    is_alike = random.random(int(texts.max()) + 1) < math.sqrt(ALIKE)
    several = np.bincount(units.of_example[np.unique(texts, return_index=True)[1]], minlength=units.count) > 1
    shared = is_alike[texts] & several[units.of_example]
    return np.where(shared, of_unit[:, units.of_example], own[:, texts])


def outcomes(runs, units, *, baselines, discordance, gain, texts=None, looks=1, asked=0.0):
    """The outcomes of claim() in so many fresh runs."""
    terms, random = Terms(units=units, looks=looks, gain=asked), np.random.default_rng(9)
    said = []
    for _ in range(runs):
        winner, *others = answers(random, units, baselines=baselines, discordance=discordance, gain=gain, texts=texts)
        said.append(claim(standing(winner, others, terms=terms), terms).outcome)
    return said


SETTINGS = [(2620, None, 1), (2000, 112, 1), (500, None, 3)]


@pytest.mark.parametrize(("examples", "groups", "baselines"), SETTINGS)
def test_the_verdict_shows_the_smallest_gain_in_about_four_of_five_runs(examples, groups, baselines):
    units = units_of(examples, groups)
    gain = smallest_gain(design_of(units, baselines=baselines), discordance=0.1)
    said = outcomes(150, units, baselines=baselines, discordance=0.1, gain=gain)
    assert 0.7 < said.count("gain") / 150 < 0.9
    assert outcomes(50, units, baselines=baselines, discordance=0.1, gain=gain / 2).count("gain") < 25


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("discordance", [0.1, 0.2])
@pytest.mark.parametrize(("examples", "groups", "baselines"), [*SETTINGS, (2620, 112, 3), (2000, 20, 2)])
def test_the_printed_gain_is_shown_in_80_of_100_runs_within_3(examples, groups, baselines, discordance):
    units = units_of(examples, groups)
    gain = smallest_gain(design_of(units, baselines=baselines), discordance=discordance)
    printed = float(f"{gain:.2g}")
    for value in (gain, printed):
        said = outcomes(2000, units, baselines=baselines, discordance=discordance, gain=value)
        assert abs(said.count("gain") / 2000 - 0.8) < 0.03, value


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("examples", "groups"), [(2620, None), (2000, 112)])
def test_the_chance_to_show_the_gain_asked_for_is_that_of_the_claim(examples, groups):
    units = units_of(examples, groups)
    chance = chance_to_show(design_of(units, baselines=2, looks=2), discordance=0.1, true_gain=0.04, gain=0.01)
    said = outcomes(2000, units, baselines=2, discordance=0.1, gain=0.04, looks=2, asked=0.01)
    assert 0.1 < chance < 0.99
    assert abs(said.count("gain") / 2000 - chance) < 0.03


def test_rows_with_one_text_count_once():
    texts = np.repeat(np.arange(300), 3)
    units, once = Units.of(texts), Units.single(300)
    repeated = smallest_gain(design_of(units, baselines=1, texts=texts), discordance=0.2)
    alone = smallest_gain(design_of(once, baselines=1), discordance=0.2)
    assert repeated == pytest.approx(alone, rel=0.05)
    said = outcomes(150, units, baselines=1, discordance=0.2, gain=repeated, texts=texts)
    assert 0.7 < said.count("gain") / 150 < 0.9


def test_with_one_baseline_and_rows_alone_it_is_the_smallest_difference_of_mcnemars_test():
    design = design_of(Units.single(2620), baselines=1)
    expected = smallest_difference(2620, discordance=0.1, alpha=design.alpha)
    assert smallest_gain(design, discordance=0.1) == pytest.approx(expected, rel=0.03)


def test_baselines_groups_and_looks_cost_power():
    single = smallest_gain(design_of(units_of(2000), baselines=1), discordance=0.1)
    of_three = smallest_gain(design_of(units_of(2000), baselines=3), discordance=0.1)
    in_groups = smallest_gain(design_of(units_of(2000, 50), baselines=1), discordance=0.1)
    fifth_look = smallest_gain(design_of(units_of(2000), baselines=1, looks=5), discordance=0.1)
    assert min(of_three, in_groups, fifth_look) > 1.1 * single


def test_a_gain_that_no_verdict_shows_is_none():
    assert smallest_gain(design_of(units_of(99), baselines=1), discordance=0.2) is None
    assert smallest_gain(design_of(units_of(200), baselines=1), discordance=0.05) is None  # about 10 rows differ
    assert (
        smallest_gain(design_of(units_of(2000, 9), baselines=1), discordance=0.2) is None
    )  # a verdict needs 10 groups
    assert smallest_gain(design_of(units_of(2000, 11), baselines=1, looks=12), discordance=0.2) is None  # p >= 2^-11
    assert smallest_gain(design_of(Units.of(np.zeros(500, np.int64)), baselines=1), discordance=0.2) is None


def test_many_groups_are_counted_by_their_effective_number_of_examples():
    gains = [
        smallest_gain(design_of(Units.of(np.arange(6 * groups) // 6), baselines=1), discordance=0.1)
        for groups in (MOST_UNITS, MOST_UNITS + 1)
    ]
    assert gains[0] == pytest.approx(gains[1], rel=0.06)


def test_the_chance_to_show_a_gain_is_none_at_the_gain_and_rises_with_it():
    design = design_of(units_of(2000, 112), baselines=2)
    chances = [chance_to_show(design, discordance=0.2, true_gain=gain, gain=0.03) for gain in (0.03, 0.06, 0.12)]
    assert chances[0] < 0.03 < chances[1] < chances[2]
    assert chances[2] > 0.95


def fast_outcomes(design, units, winner, others):
    """The module's sums of one run, from the answers to its rows."""
    of_units = np.array([units.sums(winner.astype(float) - other) for other in others])
    differing = np.array([[(winner != other).sum() for other in others]], float)
    by_size = (of_units * np.bincount(units.of_example)).sum(axis=1)
    sums = (of_units.sum(axis=1), (of_units**2).sum(axis=1), (of_units**4).sum(axis=1), by_size)
    few = of_units[None] if units.count <= FEW_UNITS else None
    return _Outcomes(design, *(one[None, :] for one in sums), differing, few)


@pytest.mark.parametrize("looks", [1, 5])
@pytest.mark.parametrize(("examples", "groups"), [(600, None), (1000, 112), (1000, 55), (1000, 20), (1000, 12)])
def test_the_fast_rule_decides_as_the_claim_does(examples, groups, looks):
    units, random, agree, said = units_of(examples, groups), np.random.default_rng(1), [], []
    for gain in np.repeat([0.03, 0.05, 0.08, 0.1], 40):
        winner, *others = answers(random, units, baselines=2, discordance=0.1, gain=gain)
        fast = fast_outcomes(design_of(units, baselines=2, looks=looks), units, winner, others)
        for asked in (0.0, 0.02):
            terms = Terms(units=units, looks=looks, gain=asked)
            said.append(claim(standing(winner, others, terms=terms), terms).outcome == "gain")
            agree.append(
                said[-1] == bool((fast.is_better() & fast.exceeds(asked)).all() if asked else fast.is_better().all())
            )
    assert 20 < sum(said) < len(said) - 20
    assert sum(agree) >= 0.985 * len(agree)
