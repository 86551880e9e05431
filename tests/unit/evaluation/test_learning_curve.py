"""The learning curve: nested parts in proportion to the classes, each measured as the whole is."""

import numpy as np
import pytest

from finetooth.evaluation.learning_curve import LEAST_ROWS, learning_curve, nested_parts
from finetooth.evaluation.training_curve import LearningPoint


def test_the_parts_are_nested_and_hold_every_class_in_proportion():
    strata = np.repeat([0, 1, 2], [300, 99, 1])
    quarter, half = nested_parts(strata, seed=0)
    assert set(quarter) < set(half) < set(range(400))
    assert np.bincount(strata[quarter]).tolist() == [75, 25, 1]
    assert np.bincount(strata[half]).tolist() == [150, 50, 1]
    assert (np.diff(quarter) > 0).all() and (np.diff(half) > 0).all()
    assert not np.array_equal(quarter, nested_parts(strata, seed=1)[0])
    assert np.array_equal(quarter, nested_parts(strata, seed=0)[0])


def test_each_part_is_measured_and_all_rows_are_not_fitted_again():
    strata, parts = np.arange(100) % 2, []

    def accuracy_of(rows):
        parts.append(rows.tolist())
        return len(rows) / 100

    curve = learning_curve(strata, seed=3, accuracy_of=accuracy_of, of_all=0.9)
    assert curve == [LearningPoint(26, 0.26), LearningPoint(50, 0.5), LearningPoint(100, 0.9)]
    assert parts == [part.tolist() for part in nested_parts(strata, seed=3)]


def test_few_rows_have_no_curve():
    strata = np.zeros(LEAST_ROWS - 1, np.int64)
    assert learning_curve(strata, seed=0, accuracy_of=lambda rows: pytest.fail("too few"), of_all=1.0) == []
