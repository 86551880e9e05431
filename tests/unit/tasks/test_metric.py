"""A metric says enough to be compared by: a figure, scores of examples, and which direction is better."""

import numpy as np
import pytest

from finetooth.tasks import DEFAULT, Outputs

OUTPUTS = Outputs(np.array([[2.0, 0.0], [0.0, 1.0]], np.float32), np.array([0, 1]))


def test_gains_are_higher_where_the_metric_is_better() -> None:
    accuracy, loss = DEFAULT.headline, DEFAULT.metric("loss")
    targets = np.array([0, 0])
    assert accuracy.gains(OUTPUTS, targets).tolist() == accuracy.each(OUTPUTS, targets).tolist() == [1.0, 0.0]
    assert loss.gains(OUTPUTS, targets).tolist() == (-loss.each(OUTPUTS, targets)).tolist()
    assert (accuracy.gain(0.3), loss.gain(0.3)) == (0.3, -0.3)
    assert (accuracy.best, loss.best, accuracy.span) == (1.0, 0.0, 1.0)


def test_a_metric_that_is_no_mean_is_computed_as_a_whole_and_its_scores_have_it_as_their_mean() -> None:
    random = np.random.default_rng(0)
    macro_f1 = DEFAULT.metric("macro_f1")
    for _ in range(1000):
        count, classes = int(random.integers(2, 40)), int(random.integers(2, 6))
        outputs = Outputs(np.zeros((count, classes), np.float32), random.integers(0, classes, count))
        targets = random.integers(0, classes, count)
        scores = macro_f1.each(outputs, targets)
        assert scores.mean() == pytest.approx(macro_f1.value(outputs, targets), abs=1e-12)


def test_the_scores_of_macro_f1_are_the_values_of_its_jackknife_by_leaving_out_each_example() -> None:
    random = np.random.default_rng(1)
    macro_f1 = DEFAULT.metric("macro_f1")
    answers, targets = random.integers(0, 3, 30), random.integers(0, 3, 30)
    logits = np.zeros((30, 3), np.float32)
    whole = macro_f1.value(Outputs(logits, answers), targets)
    without = np.array(
        [
            macro_f1.value(Outputs(logits[1:], np.delete(answers, left_out)), np.delete(targets, left_out))
            for left_out in range(30)
        ]
    )
    expected = whole + 29 * (without.mean() - without)
    assert macro_f1.each(Outputs(logits, answers), targets) == pytest.approx(expected, abs=1e-12)


def test_no_examples_have_no_figure() -> None:
    with pytest.raises(AssertionError, match="no examples"):
        DEFAULT.headline.value(Outputs(OUTPUTS.logits[:0], OUTPUTS.answers[:0]), np.array([], np.int64))
