"""Logistic regression over all classes of the data, also those that train lacks; its outputs are log-probabilities.

scikit-learn takes over a second and 70 MB to load, so it is loaded where something is fitted, not where it is read.
"""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.baselines.fitted import shares

CONSTANT = 1e-6  # spread over mean below which a feature says nothing but its own rounding


def standardised(
    rows: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rows (N, H) with mean 0 and spread 1 in each feature, (N, H) float64, and the mean and the spread, (H,) each."""
    wide = rows.astype(np.float64)
    mean, scale = wide.mean(axis=0), wide.std(axis=0)
    scale[scale <= CONSTANT * np.abs(mean)] = 1.0
    wide -= mean
    wide /= scale
    return wide, mean, scale


def regression(*, max_iterations: int, **settings: Any) -> Any:
    """scikit-learn's LogisticRegression, not yet fitted."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=max_iterations, **settings)


def import_library() -> None:
    """Import now what is otherwise imported when the first baseline is fitted."""
    import sklearn.feature_extraction.text
    import sklearn.linear_model  # noqa: F401


def solve(
    model: Any, matrix: Any, labels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], bool]:
    """Fit scikit-learn's LogisticRegression `model` to rows (N, V) and their labels (N,), two classes of them or more.

    Gives weights (P, V) and bias (P,) of the P classes present, and whether the solver came to its end. They do not
    depend on the number of cores.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    # A second thread of BLAS spins between the solver's small products and takes four times the processor's time of
    # sparse rows (docs/experiments.md), and of dense ones 15 times as long beside other programs.
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said in baseline.json instead
        model.fit(matrix, labels)
    weights, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes: the log-odds of the second
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.array([0.0, bias[0]])
    return weights.astype(np.float64), bias.astype(np.float64), int(model.n_iter_.max()) < model.max_iter


def log_floor(labels: npt.NDArray[np.int64], *, classes: int) -> npt.NDArray[np.float32]:
    """(C,) float32: the log-probability of one example for each class that `labels` lacks, 0 for the others."""
    absent = np.bincount(labels, minlength=classes) == 0
    return np.where(absent, np.log(shares(labels, classes=classes)), 0.0).astype(np.float32)


def log_probabilities(scores: npt.NDArray[np.float64], floor: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Log-softmax of scores (N, C), which are changed; classes with a floor below 0 have that log-probability."""
    absent = floor < 0
    scores[:, absent] = -np.inf
    scores -= scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    fixed = floor.astype(np.float64)
    scores += np.log1p(-np.exp(fixed[absent]).sum())
    scores[:, absent] = fixed[absent]
    return scores
