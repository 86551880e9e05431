"""A metric says enough to be compared by: a figure, scores of examples, and which direction is better."""

import numpy as np
import pytest

from finetooth.tasks import DEFAULT, Metric, Outputs

OUTPUTS = Outputs(np.array([[2.0, 0.0], [0.0, 1.0]], np.float32), np.array([0, 1]))


def test_gains_are_higher_where_the_metric_is_better() -> None:
    accuracy, loss = DEFAULT.headline, DEFAULT.metric("loss")
    targets = np.array([0, 0])
    assert accuracy.gains(OUTPUTS, targets).tolist() == accuracy.each(OUTPUTS, targets).tolist() == [1.0, 0.0]
    assert loss.gains(OUTPUTS, targets).tolist() == (-loss.each(OUTPUTS, targets)).tolist()
    assert (accuracy.gain(0.3), loss.gain(0.3)) == (0.3, -0.3)
    assert (accuracy.best, loss.best, accuracy.span) == (1.0, 0.0, 1.0)


def test_a_metric_is_given_by_scores_or_as_a_whole_and_is_tested_by_scores_alone() -> None:
    def make(**parts: object) -> Metric:
        return Metric(key="a", title="a", unit="own", better="higher", bounds=(0.0, 1.0), **parts)  # type: ignore[arg-type]

    with pytest.raises(AssertionError, match="either scores or aggregate"):
        make()
    with pytest.raises(AssertionError, match="needs scores"):
        make(aggregate=lambda outputs, targets: 1.0, paired_test="mcnemar")
    with pytest.raises(AssertionError, match="no mean over examples"):
        make(aggregate=lambda outputs, targets: 1.0).each(OUTPUTS, np.array([0, 0]))


def test_no_examples_have_no_figure() -> None:
    with pytest.raises(AssertionError, match="no examples"):
        DEFAULT.headline.value(Outputs(OUTPUTS.logits[:0], OUTPUTS.answers[:0]), np.array([], np.int64))
