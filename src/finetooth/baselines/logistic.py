"""Logistic regression over all classes of the data, also those that train lacks; its outputs are log-probabilities.

scikit-learn takes over a second and 70 MB to load, so it is loaded to fit a model, not to read a fitted one.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.baselines.fitted import shares

MAX_ITERATIONS = 1000
CONSTANT = 1e-6  # a feature whose spread over mean is below this is constant, except for rounding
ROWS_AT_ONCE = 4096


def standardised(
    rows: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rows (N, H) with mean 0 and spread 1 in each feature, (N, H) float64; their mean and their spread, (H,) each."""
    wide = rows.astype(np.float64)
    mean, scale = wide.mean(axis=0), wide.std(axis=0)
    scale[scale <= CONSTANT * np.abs(mean)] = 1.0
    wide -= mean
    wide /= scale
    return wide, mean, scale


def regression(**settings: Any) -> Any:
    """scikit-learn's LogisticRegression, not yet fitted."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=MAX_ITERATIONS, **settings)


def warnings_of(converged: bool) -> list[str]:
    """A warning if the solver did not converge."""
    return [] if converged else [f"its solver stopped at {MAX_ITERATIONS:,} iterations before its end"]


def import_library() -> None:
    """Import scikit-learn now instead of when the first baseline is fitted."""
    import sklearn.feature_extraction.text
    import sklearn.linear_model  # noqa: F401


def solve(
    model: Any, matrix: Any, labels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], bool]:
    """Fit scikit-learn's LogisticRegression `model` to rows (N, V) and their labels (N,), two classes of them or more.

    Returns weights (P, V) and bias (P,) of the P classes present, and whether the solver converged. They do not depend
    on the number of cores.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    # A second thread of BLAS spins between the solver's small products: sparse rows take four times the processor time
    # (docs/experiments.md), and dense ones 15 times as long while other programs run.
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # baseline.json records it instead
        model.fit(matrix, labels)
    weights, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes: the log-odds of the second
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.array([0.0, bias[0]])
    return weights.astype(np.float64), bias.astype(np.float64), int(model.n_iter_.max()) < model.max_iter


def solve_all(
    model: Any, matrix: Any, labels: npt.NDArray[np.int64], *, classes: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], bool]:
    """Weights (C, V) and bias (C,) of all classes, and whether the solver converged.

    matrix: (N, V); without features, or with one class in `labels`, the bias gives the shares of the classes.
    """
    weights = np.zeros((classes, matrix.shape[1]), np.float32)
    bias, converged = np.log(shares(labels, classes=classes)).astype(np.float32), True
    present = np.unique(labels)
    if matrix.shape[1] and len(present) > 1:
        weights[present], bias[present], converged = solve(model, matrix, labels)
    return weights, bias, converged


def log_floor(labels: npt.NDArray[np.int64], *, classes: int) -> npt.NDArray[np.float32]:
    """(C,) float32: the log-probability of one example for each class that `labels` lacks, 0 for the others."""
    absent = np.bincount(labels, minlength=classes) == 0
    return np.where(absent, np.log(shares(labels, classes=classes)), 0.0).astype(np.float32)


def log_probabilities(scores: npt.NDArray[np.float64], floor: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Log-softmax of scores (N, C), which are overwritten; a class with a floor below 0 has that log-probability."""
    absent = floor < 0
    scores[:, absent] = -np.inf
    scores -= scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    fixed = floor.astype(np.float64)
    scores += np.log1p(-np.exp(fixed[absent]).sum())
    scores[:, absent] = fixed[absent]
    return scores


def logits_in_blocks(
    count: int, scores: Callable[[slice], npt.NDArray[np.float64]], floor: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Log-probabilities (N, C) float32 of `count` examples, computed in blocks. scores: (n, C) of a slice of them."""
    logits = np.empty((count, len(floor)), np.float32)
    for start in range(0, count, ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        logits[block] = log_probabilities(scores(block), floor)
    return logits
