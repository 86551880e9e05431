import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from finetooth.controls.logistic import log_floor, log_probabilities, solve

NONE_ABSENT = np.zeros(3, np.float32)


def made(classes):
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, 120)
    return random.normal(0, 1, (120, 4)) + labels[:, None], labels


@pytest.mark.parametrize("classes", [2, 3])
def test_a_row_of_weights_for_each_class_gives_scikit_learns_probabilities(classes):
    rows, labels = made(classes)
    model = LogisticRegression(max_iter=500)
    weights, bias, converged = solve(model, rows, labels)
    assert weights.shape == (classes, 4) and bias.shape == (classes,) and converged
    found = log_probabilities(rows @ weights.T + bias, np.zeros(classes, np.float32))
    assert found == pytest.approx(model.predict_log_proba(rows), abs=1e-9)


def test_a_solver_cut_short_says_so_without_a_warning():
    assert solve(LogisticRegression(max_iter=1), *made(3))[2] is False


def test_log_probabilities_by_hand():
    found = log_probabilities(np.log(np.array([[1.0, 2.0, 5.0]])), NONE_ABSENT)
    assert np.exp(found) == pytest.approx(np.array([[1 / 8, 2 / 8, 5 / 8]]))
    far = log_probabilities(np.array([[2000.0, 0.0, -2000.0]]), NONE_ABSENT)
    assert np.isfinite(far).all() and far[0, 0] == 0


def test_an_absent_class_has_the_probability_of_one_example_and_the_others_share_the_rest():
    floor = log_floor(np.array([0, 0, 2, 2, 2, 2, 2]), classes=3)
    assert floor == pytest.approx([0, np.log(1 / 10), 0])
    found = np.exp(log_probabilities(np.log(np.array([[1.0, 9e9, 3.0]])), floor))
    assert found == pytest.approx(np.array([[0.9 / 4, 0.1, 0.9 * 3 / 4]]), rel=1e-6)
