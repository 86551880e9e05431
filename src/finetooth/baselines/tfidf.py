"""Logistic regression on the words, word pairs and characters of a text, weighted by TF-IDF."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth import row_kinds
from finetooth.baselines import choosing, fitted
from finetooth.baselines.choosing import Figure, Trial
from finetooth.baselines.logistic import log_floor, log_probabilities, regression, solve, solve_all
from finetooth.baselines.text_features import Terms, fit_characters, fit_words, joined, side_by_side
from finetooth.baselines.text_regression import MOST_WEIGHTS, Linear, TextRegression, most_terms
from finetooth.data import Examples
from finetooth.tasks import DEFAULT, Task

INVERSE_REGULARISATIONS = (1.0, 3.0, 10.0, 30.0)
MOST_CHARACTERS = 2**25  # of the training texts: the n-grams of more would take over 2 GB
_CROSS_VALIDATED = 10.0  # inverse regularisation


def fit(
    train: Examples, *, validation: Examples, classes: int, task: Task = DEFAULT, figure: Figure | None = None
) -> TextRegression:
    """The baseline fitted on `train`, with the settings that are best on `validation`; the same bytes each time.

    Words and word pairs alone, and with character n-grams, are each tried with every inverse regularisation. Terms in
    fewer than MIN_DOCUMENTS texts are left out and, if there are many classes, the rarer terms too. Characters are not
    tried if train has more than MOST_CHARACTERS. If no term is left, every text gets the shares of the classes. A class
    absent from train has the probability of one example, so that its loss is finite.
    figure: as in choosing.trial.
    Source: scikit-learn's TfidfVectorizer; of the n-grams of characters, its analyzer char_wb.
    """
    texts, others = joined(train.texts, train.pairs), joined(validation.texts, validation.pairs)
    tried: list[tuple[Trial, tuple[tuple[Terms, ...], Linear]]] = []
    for name, terms, matrix in _feature_sets(texts, most=most_terms(train.labels)):
        rows = side_by_side([one.transform(others) for one in terms])
        for strength, linear in _by_strength(matrix, train.labels, classes=classes):
            trial = choosing.trial(
                name,
                strength,
                logits=linear.logits(rows),
                truth=validation.labels,
                converged=linear.converged,
                task=task,
                figure=figure,
            )
            tried.append((trial, (terms, linear)))
    chosen, (terms, linear) = choosing.best(tried)
    return TextRegression(
        kind=row_kinds.TFIDF.name,
        terms=terms,
        linear=linear,
        of_pairs=train.pairs is not None,
        chosen=chosen,
        tried=tuple(trial for trial, _ in tried),
    )


def _feature_sets(texts: list[str], *, most: int | None) -> Iterator[tuple[str, tuple[Terms, ...], Any]]:
    """(name, terms, rows (N, V)) of the features to try, the simplest first."""
    words, word_rows = fit_words(texts, most=most)
    yield "words", (words,), word_rows
    left = None if most is None else most - len(words.names)
    if left == 0 or sum(map(len, texts)) > MOST_CHARACTERS:
        return
    characters, character_rows = fit_characters(texts, most=left)
    if characters.names:
        yield "words and characters", (words, characters), side_by_side([word_rows, character_rows])


def _by_strength(matrix: Any, labels: npt.NDArray[np.int64], *, classes: int) -> Iterator[tuple[float, Linear]]:
    """Each inverse regularisation with its classifier; each solver starts where the previous one ended."""
    floor, model = log_floor(labels, classes=classes), regression(warm_start=True)
    for strength in INVERSE_REGULARISATIONS:
        weights, bias, converged = solve_all(model.set_params(C=strength), matrix, labels, classes=classes)
        yield strength, Linear(weights, bias, floor, converged)


def cross_validated(
    train: Examples,
    folds: npt.NDArray[np.int64],
    *,
    classes: int,
    advance: Callable[[int], None] = lambda count: None,
) -> npt.NDArray[np.float32]:
    """Log-probabilities (N, C) float32 of every row by a model of words fitted on the other folds; folds: (N,) int64.

    Terms and their weights are counted once on all rows, without labels. So the models differ a little from those of
    `fit`, and a row's label does not affect its own probabilities. A class that the other folds lack has the
    probability of one example.
    """
    _, matrix = fit_words(joined(train.texts, train.pairs), most=MOST_WEIGHTS // len(np.unique(train.labels)))
    out_of_fold = np.empty((len(train), classes), np.float32)
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        labels = train.labels[outside]
        present = np.unique(labels)
        scores = np.tile(np.log(fitted.shares(labels, classes=classes)), (len(inside), 1))
        if matrix.shape[1] and len(present) > 1:
            weights, bias, _ = solve(regression(C=_CROSS_VALIDATED), matrix[outside], labels)
            scores[:, present] = matrix[inside] @ weights.T + bias
        out_of_fold[inside] = log_probabilities(scores, log_floor(labels, classes=classes))
        advance(1)
    return out_of_fold
