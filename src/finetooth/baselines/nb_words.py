"""Logistic regression on words that are weighted by their naive Bayes log-count ratios."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth import row_kinds
from finetooth.baselines import choosing
from finetooth.baselines.choosing import Figure, Trial
from finetooth.baselines.fitted import shares
from finetooth.baselines.logistic import log_floor, regression, solve
from finetooth.baselines.text_features import count_words, joined
from finetooth.baselines.text_regression import Linear, TextRegression, most_terms
from finetooth.data import Examples
from finetooth.tasks import DEFAULT, Task

INVERSE_REGULARISATIONS = (0.1, 1.0, 10.0)
_SMOOTHING = 1.0  # added to the number of texts with a term


def fit(
    train: Examples, *, validation: Examples, classes: int, task: Task = DEFAULT, figure: Figure | None = None
) -> TextRegression:
    """The baseline fitted on `train`, with the inverse regularisation that is best on `validation`.

    A feature is 1 if the text has the word or word pair, times the term's log-count ratio r; more than two classes are
    each told from the rest. The weights that are saved contain r. Terms and classes that train lacks are as in
    `tfidf.fit`. The interpolation of the paper's section 2.3 is left out: with logistic regression it lowered the
    accuracy on validation rows (docs/experiments.md). figure: as in choosing.trial.
    Source: Wang and Manning 2012, "Baselines and Bigrams", equations 1 to 3.
    """
    terms, matrix = count_words(joined(train.texts, train.pairs), most=most_terms(train.labels))
    rows = terms.transform(joined(validation.texts, validation.pairs))
    tried: list[tuple[Trial, Linear]] = []
    for strength, linear in _by_strength(matrix, train.labels, classes=classes):
        trial = choosing.trial(
            "words",
            strength,
            logits=linear.logits(rows),
            truth=validation.labels,
            converged=linear.converged,
            task=task,
            figure=figure,
        )
        tried.append((trial, linear))
    chosen, linear = choosing.best(tried)
    return TextRegression(
        kind=row_kinds.NB_WORDS.name,
        terms=(terms,),
        linear=linear,
        of_pairs=train.pairs is not None,
        chosen=chosen,
        tried=tuple(trial for trial, _ in tried),
    )


def _by_strength(matrix: Any, labels: npt.NDArray[np.int64], *, classes: int) -> Iterator[tuple[float, Linear]]:
    """Each inverse regularisation with its classifier. matrix: (N, V), 1 where a text has a term."""
    floor, present = log_floor(labels, classes=classes), np.unique(labels)
    shape = (len(INVERSE_REGULARISATIONS), classes)
    weights, bias = np.zeros((*shape, matrix.shape[1]), np.float32), np.zeros(shape, np.float32)
    converged = np.ones(len(INVERSE_REGULARISATIONS), bool)
    one_vs_rest = len(present) > 2 and matrix.shape[1] > 0
    if not matrix.shape[1] or len(present) < 2:
        bias[:] = np.log(shares(labels, classes=classes))
    else:
        # Of two classes, the second is separated from the first; with more, each from the rest.
        for number in present[1:] if len(present) == 2 else present:
            is_class = labels == number
            ratio = log_count_ratio(matrix, is_class)
            weighted, model = matrix.multiply(ratio).tocsr(), regression(warm_start=True)
            for at, strength in enumerate(INVERSE_REGULARISATIONS):
                both, offset, ended = solve(model.set_params(C=strength), weighted, is_class.astype(np.int64))
                weights[at, number], bias[at, number] = both[1] * ratio, offset[1]
                converged[at] &= ended
    for at, strength in enumerate(INVERSE_REGULARISATIONS):
        yield strength, Linear(weights[at], bias[at], floor, bool(converged[at]), one_vs_rest=one_vs_rest)


def log_count_ratio(matrix: Any, is_class: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """r (V,) of equation 1: log of the term's share among the texts of the class over its share among the others.

    matrix: (N, V), 1 where a text has a term. is_class: (N,).
    """
    inside, outside = (
        _SMOOTHING + np.asarray(matrix[rows].sum(axis=0), np.float64).ravel() for rows in (is_class, ~is_class)
    )
    return np.asarray(np.log((inside / inside.sum()) / (outside / outside.sum())), np.float32)
