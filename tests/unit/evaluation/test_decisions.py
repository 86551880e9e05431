import numpy as np
import pytest

from finetooth.errors import DivergedError
from finetooth.evaluation.decisions import Abstention, Decision
from finetooth.tasks import DEFAULT


def drawn(count, classes, seed=0):
    return np.random.default_rng(seed).normal(0, 3, (count, classes)).astype(np.float32)


def abstaining(below):
    return Abstention("coverage", 0.9, below, coverage=0.9, accuracy_answered=1.0, curve=())


def test_the_default_changes_nothing():
    logits = drawn(500, 5)
    wide = logits.astype(np.float64)
    weights = np.exp(wide - wide.max(axis=1, keepdims=True))
    decided = Decision().apply(logits)
    np.testing.assert_array_equal(decided.labels, DEFAULT.answers(logits))
    np.testing.assert_array_equal(decided.probabilities, weights / weights.sum(axis=1, keepdims=True))
    assert not decided.abstained.any()


@pytest.mark.parametrize("temperature", [0.05, 0.3, 1.0, 2.7, 20.0])
def test_no_temperature_changes_the_label(temperature):
    # Logits one step apart, whose probabilities are equal once rounded, and logits that are equal.
    close = np.array([[0.0, 1e-30], [1.0, np.nextafter(np.float32(1), np.float32(2))], [2.0, 2.0]], np.float32)
    for logits in (drawn(2000, 4), close):
        decided = Decision(temperature=temperature).apply(logits)
        np.testing.assert_array_equal(decided.labels, DEFAULT.answers(logits))
        np.testing.assert_allclose(decided.probabilities.sum(axis=1), 1.0, rtol=1e-12)


def test_a_temperature_above_one_makes_less_sure_and_one_below_it_surer():
    logits = drawn(300, 3)
    flat, plain, sharp = (Decision(temperature=value).probabilities(logits).max(axis=1) for value in (2.0, 1.0, 0.5))
    assert (flat < plain).all() and (plain < sharp).all()
    assert Decision(temperature=2.0).probabilities(np.log(np.array([[4.0, 1.0]], np.float32)))[0] == pytest.approx(
        [2 / 3, 1 / 3]
    )


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_equal_thresholds_are_the_largest_logit(classes):
    logits = drawn(1000, classes)
    equal = Decision(temperature=1.7, thresholds=(1 / classes,) * classes)
    np.testing.assert_array_equal(equal.labels(logits), DEFAULT.answers(logits))


def test_of_two_classes_one_is_said_from_its_threshold_on():
    shares = np.array([[0.69, 0.31], [0.71, 0.29], [0.5, 0.5], [0.1, 0.9]])
    decision = Decision(thresholds=(0.7, 0.3))
    assert decision.labels(np.log(shares).astype(np.float32)).tolist() == [1, 0, 1, 1]


def costs_of(matrix):
    return tuple(
        (true, answer, float(cost))
        for true, row in enumerate(matrix)
        for answer, cost in enumerate(row)
        if true != answer and cost != 1
    )


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_the_label_is_that_of_the_least_expected_cost(classes):
    random = np.random.default_rng(classes)
    logits = drawn(1000, classes)
    mistakes = 1 - np.eye(classes)
    matrix = np.round(random.uniform(0, 5, (classes, classes)), 1) * mistakes
    actual = Decision(temperature=1.3).probabilities(logits)
    by_hand = Decision(temperature=1.3, costs=costs_of(matrix)).labels(logits)
    np.testing.assert_array_equal(by_hand, (actual @ matrix).argmin(axis=1))
    assert not np.array_equal(by_hand, DEFAULT.answers(logits))
    assert costs_of(mistakes) == ()  # all mistakes cost 1: the largest logit
    np.testing.assert_array_equal((actual @ mistakes).argmin(axis=1), DEFAULT.answers(logits))


def test_a_mistake_that_costs_nine_is_avoided_from_one_in_ten_on():
    shares = np.array([[0.92, 0.08], [0.88, 0.12]])
    assert Decision(costs=((1, 0, 9.0),)).labels(np.log(shares).astype(np.float32)).tolist() == [0, 1]


def test_it_abstains_below_and_not_at_the_threshold_by_the_probability_of_the_label():
    logits = drawn(400, 3)
    sure = Decision(temperature=1.5).probabilities(logits).max(axis=1)
    at = float(np.sort(sure)[100])
    decided = Decision(temperature=1.5, abstention=abstaining(at)).apply(logits)
    np.testing.assert_array_equal(decided.abstained, sure < at)
    assert decided.abstained.sum() == 100
    rare = Decision(thresholds=(0.9, 0.1), abstention=abstaining(0.5)).apply(np.log(np.array([[0.8, 0.2]], np.float32)))
    assert (rare.labels.tolist(), rare.abstained.tolist()) == ([1], [True])  # 0.2 is what its label has


@pytest.mark.parametrize(
    "decision", [Decision(), Decision(thresholds=(0.4, 0.6)), Decision(costs=((0, 1, 2.0),))], ids=lambda item: ""
)
def test_a_logit_that_is_not_finite_is_refused(decision):
    with pytest.raises(DivergedError) as error:
        decision.apply(np.array([[0.0, 1.0], [np.inf, 0.0]], np.float32))
    assert str(error.value) == "logits of row 1 of 2 (from 0) are not finite."


def test_one_text_is_decided_as_among_many():
    logits = drawn(200, 4)
    decision = Decision(temperature=0.8, thresholds=(0.1, 0.2, 0.3, 0.4), abstention=abstaining(0.6))
    together = decision.apply(logits)
    for row in range(0, 200, 7):
        alone = decision.apply(logits[row : row + 1])
        assert alone.labels[0] == together.labels[row] and alone.abstained[0] == together.abstained[row]
        np.testing.assert_array_equal(alone.probabilities[0], together.probabilities[row])


def test_no_texts_have_no_answers():
    decided = Decision(temperature=2.0, abstention=abstaining(0.6)).apply(np.empty((0, 3), np.float32))
    assert (decided.labels.shape, decided.probabilities.shape, decided.abstained.shape) == ((0,), (0, 3), (0,))
