import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from finetooth.evaluation import deciding
from finetooth.evaluation.decisions import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE, Decision
from finetooth.recipe import Abstain, Deciding
from finetooth.tasks import DEFAULT, Outputs


def rows(count, classes, *, scale=1.0, rare=0.0, seed=0):
    """Logits that tell most rows right, `scale` times as sure as they should be, and their labels."""
    random = np.random.default_rng(seed)
    shares = np.ones(classes) - rare * np.arange(classes) / classes
    labels = random.choice(classes, count, p=shares / shares.sum())
    logits = random.normal(0, 1, (count, classes)) + 1.5 * np.eye(classes)[labels]
    return (scale * logits).astype(np.float32), labels


def loss_at(logits, labels, temperature):
    return DEFAULT.metric("loss").value(Outputs(logits, labels, temperature), labels)


def macro_f1(answers, labels):
    return DEFAULT.metric("macro_f1").value(Outputs(answers, answers), labels)


def hold_to_scipy(logits, labels):
    actual = deciding.temperature(logits, labels)
    best = minimize_scalar(
        lambda value: loss_at(logits, labels, math.exp(value)),
        bounds=(math.log(LOWEST_TEMPERATURE), math.log(HIGHEST_TEMPERATURE)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert actual == pytest.approx(math.exp(best.x), rel=1e-4)
    assert loss_at(logits, labels, actual) <= best.fun + 1e-10
    assert actual == float(f"{actual:.6g}")


@pytest.mark.parametrize("classes", [2, 3, 20])
@pytest.mark.parametrize("scale", [0.2, 1.0, 4.0])
def test_the_temperature_is_the_one_that_scipy_finds(classes, scale):
    hold_to_scipy(*rows(700, classes, scale=scale, seed=classes))


@pytest.mark.slow
def test_the_temperature_is_the_one_that_scipy_finds_on_1000_random_cases():
    random = np.random.default_rng(9)
    for seed in range(1000):
        count, classes, scale = random.integers(40, 400), random.integers(2, 30), math.exp(random.uniform(-2, 2))
        logits, labels = rows(int(count), int(classes), scale=scale, seed=seed)
        if (DEFAULT.answers(logits) != labels).any():  # else no temperature is the best
            hold_to_scipy(logits, labels)


def test_scaled_logits_have_the_scaled_temperature_and_the_same_loss():
    logits, labels = rows(900, 4)
    one, four = deciding.temperature(logits, labels), deciding.temperature(4 * logits, labels)
    assert four == pytest.approx(4 * one, rel=1e-5)
    assert loss_at(4 * logits, labels, four) == pytest.approx(loss_at(logits, labels, one), abs=1e-9)


def test_where_every_row_is_right_no_temperature_is_the_best_and_none_is_taken():
    logits = np.array([[2.0, 0.0], [0.5, 1.0]], np.float32)
    assert deciding.temperature(logits, np.array([0, 1])) == 1.0
    assert loss_at(logits, np.array([0, 1]), 0.05) < loss_at(logits, np.array([0, 1]), 1.0)  # as it would go on


def test_logits_that_say_nothing_true_are_flattened_and_no_further_than_the_bound():
    logits, labels = rows(300, 2)
    assert deciding.temperature(-logits, labels) == HIGHEST_TEMPERATURE
    assert deciding.temperature(logits / 100, labels) == LOWEST_TEMPERATURE


@pytest.mark.parametrize("classes", [2, 3, 8])
def test_macro_f1_is_right_for_every_number_of_rows_said(classes):
    random = np.random.default_rng(classes)
    for _ in range(30):
        count = int(random.integers(1, 40))
        labels = random.integers(0, classes, count)
        label = int(random.integers(0, classes))
        others = random.choice([number for number in range(classes) if number != label], count)
        actual = deciding._macro_f1_by_count(labels, others, label)
        by_hand = [
            macro_f1(np.where(np.arange(count) < count_answered, label, others), labels)
            for count_answered in range(count + 1)
        ]
        np.testing.assert_allclose(actual, by_hand, rtol=0, atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 12])
@pytest.mark.parametrize("count", [5, 60, 800])
def test_thresholds_are_never_worse_than_the_largest_logit_where_they_are_chosen(classes, count):
    gained, random = 0, np.random.default_rng(0)
    for seed in range(4):
        logits, labels = rows(count, classes, rare=0.95, seed=seed)
        actual, before = deciding.thresholds(logits, labels), macro_f1(DEFAULT.answers(logits), labels)
        if actual is None:
            others = (Decision(thresholds=tuple(shares)) for shares in random.dirichlet(np.ones(classes), 100))
            assert max(macro_f1(other.labels(logits), labels) for other in others) <= before
            continue
        assert len(actual) == classes and min(actual) > 0 and math.fsum(actual) == pytest.approx(1, abs=1e-12)
        assert macro_f1(Decision(thresholds=actual).labels(logits), labels) > before
        gained += 1
    assert gained == 4 or count == 5  # of five rows, the largest logit has all or nearly all right


def test_of_two_classes_the_thresholds_are_the_best_there_are():
    logits, labels = rows(300, 2, rare=1.5, seed=3)
    actual = deciding.thresholds(logits, labels)
    margins = np.sort(logits[:, 0].astype(float) - logits[:, 1])
    cuts = [margins[0] - 1, *((margins[1:] + margins[:-1]) / 2), margins[-1] + 1]
    best = max(macro_f1((logits[:, 0].astype(float) - logits[:, 1] < cut).astype(int), labels) for cut in cuts)
    assert macro_f1(Decision(thresholds=actual).labels(logits), labels) == pytest.approx(best, abs=1e-12)


def test_thresholds_stand_for_probabilities_at_the_temperature():
    logits, labels = rows(500, 2, rare=1.5, seed=5)
    one, two = (deciding.thresholds(logits, labels, temperature=value) for value in (1.0, 2.0))
    np.testing.assert_array_equal(
        Decision(thresholds=one).labels(logits), Decision(temperature=2.0, thresholds=two).labels(logits)
    )


def test_where_nothing_beats_the_largest_logit_there_are_no_thresholds():
    logits = np.array([[2.0, 0.0], [0.5, 1.0]], np.float32)
    assert deciding.thresholds(logits, np.array([0, 1])) is None


def test_calibration_error_by_hand():
    sure = np.array([0.7, 0.72, 0.95, 0.95])  # bins 11 and 15 of 15
    logits = np.log(np.stack([sure, 1 - sure], axis=1)).astype(np.float32)
    actual = deciding._calibration_error(logits, np.array([0, 1, 0, 0]), Decision())
    assert actual == pytest.approx((abs(1 - 1.42) + abs(2 - 1.9)) / 4, abs=1e-6)


def test_what_is_fitted_is_what_is_asked_for_and_told():
    logits, labels = rows(800, 2, scale=4.0, rare=1.5)
    classes = ("bad", "good")
    plain = deciding.fit(logits, labels, classes=classes, settings=Deciding.model_validate({"temperature": False}))
    assert (plain.temperature, plain.thresholds, plain.costs, plain.abstention) == (1.0, None, (), None)
    assert plain.validation.loss_before == plain.validation.loss_after == loss_at(logits, labels, 1.0)
    usual = deciding.fit(logits, labels, classes=classes, settings=Deciding.model_validate({}))
    assert usual.temperature == deciding.temperature(logits, labels) > 2
    calibration = usual.validation
    assert calibration.loss_after == loss_at(logits, labels, usual.temperature) < calibration.loss_before
    assert calibration.calibration_error_after < calibration.calibration_error_before
    settings = {"thresholds": "macro_f1", "abstain": {"coverage": 0.8}}
    complete = deciding.fit(logits, labels, classes=classes, settings=Deciding.model_validate(settings))
    assert complete.thresholds == deciding.thresholds(logits, labels, temperature=usual.temperature)
    assert complete.abstention == deciding.abstention(complete, logits, labels, settings=Abstain(coverage=0.8))
    assert complete == deciding.fit(logits, labels, classes=classes, settings=Deciding.model_validate(settings))
    costly = {"costs": {"good": {"bad": 5}, "bad": {"good": 1}}}
    assert deciding.fit(logits, labels, classes=classes, settings=Deciding.model_validate(costly)).costs == (
        (1, 0, 5.0),
    )
