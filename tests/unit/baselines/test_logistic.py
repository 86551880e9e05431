import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info

from finetooth.baselines.logistic import log_floor, log_probabilities, solve

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
    actual = log_probabilities(rows @ weights.T + bias, np.zeros(classes, np.float32))
    assert actual == pytest.approx(model.predict_log_proba(rows), abs=1e-9)


def test_a_solver_cut_short_says_so_without_a_warning():
    assert solve(LogisticRegression(max_iter=1), *made(3))[2] is False


class Recording(LogisticRegression):
    """The regression, which remembers how many threads BLAS had while it was fitted."""

    def fit(self, matrix, labels):
        self.threads = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
        return super().fit(matrix, labels)


def test_sparse_rows_are_solved_on_one_thread_of_blas_which_else_spins():
    rows, labels = made(3)
    before, model = threadpool_info(), Recording(max_iter=500)
    sparse, _, _ = solve(model, csr_matrix(rows), labels)
    assert model.threads == {1} and threadpool_info() == before
    assert sparse == pytest.approx(solve(LogisticRegression(max_iter=500), rows, labels)[0], abs=1e-4)


def test_log_probabilities_by_hand():
    actual = log_probabilities(np.log(np.array([[1.0, 2.0, 5.0]])), NONE_ABSENT)
    assert np.exp(actual) == pytest.approx(np.array([[1 / 8, 2 / 8, 5 / 8]]))
    far = log_probabilities(np.array([[2000.0, 0.0, -2000.0]]), NONE_ABSENT)
    assert np.isfinite(far).all() and far[0, 0] == 0


def test_an_absent_class_has_the_probability_of_one_example_and_the_others_share_the_rest():
    floor = log_floor(np.array([0, 0, 2, 2, 2, 2, 2]), classes=3)
    assert floor == pytest.approx([0, np.log(1 / 10), 0])
    actual = np.exp(log_probabilities(np.log(np.array([[1.0, 9e9, 3.0]])), floor))
    assert actual == pytest.approx(np.array([[0.9 / 4, 0.1, 0.9 * 3 / 4]]), rel=1e-6)
