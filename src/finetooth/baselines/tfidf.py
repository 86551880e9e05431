"""Logistic regression on the words and word pairs of a text, weighted by TF-IDF."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as load_tensors

from finetooth import row_kinds
from finetooth.baselines import fitted
from finetooth.baselines.logistic import (
    log_floor,
    log_probabilities,
    logits_in_blocks,
    regression,
    solve,
    solve_all,
    warnings_of,
)
from finetooth.data import Examples
from finetooth.errors import DataError
from finetooth.files import read_json

# Chosen by accuracy on rows held out of train, IMDB (500, 5,000, 20,000 rows) and review snippets; never by a test row.
MIN_DOCUMENTS = 2
INVERSE_REGULARISATION = 10.0
_WORD = r"(?u)\b\w+\b"  # also words of one letter, so that a text such as "A" or "5" is not empty
_BETWEEN = " xxpairxx "  # a word between two texts, so that no word pair spans both
_MOST_WEIGHTS = 2**23  # classes x terms: the solver holds about 20 such float64 arrays, 1.3 GB


@dataclass(frozen=True, slots=True)
class TfidfLogistic:
    """vocabulary: V terms; idf: (V,) float64; weights: (C, V) float32; bias: (C,) float32; log_floor: (C,) float32.

    log_floor: log-probability of the classes that train does not hold, 0 elsewhere. of_pairs: fitted on pairs of texts.
    """

    KIND: ClassVar[str] = row_kinds.TFIDF.name

    vocabulary: tuple[str, ...]
    idf: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    log_floor: npt.NDArray[np.float32]
    of_pairs: bool
    converged: bool

    @classmethod
    def fit(cls, train: Examples, *, classes: int) -> "TfidfLogistic":
        """The baseline fitted on `train`; the same bytes each time on one machine.

        Terms in fewer than MIN_DOCUMENTS texts are left out and, if there are many classes, the rarer terms too.
        If no term is left, every text gets the shares of the classes. A class absent from train has the probability of
        one example, so that its loss is finite.
        """
        texts = _joined(train.texts, train.pairs)
        present = np.unique(train.labels)
        vectorizer = _vectorizer(
            min_df=MIN_DOCUMENTS, max_features=_MOST_WEIGHTS // len(present) if len(present) > 2 else None
        )
        try:
            matrix: Any = vectorizer.fit_transform(texts)
            terms = [str(term) for term in vectorizer.get_feature_names_out()]
            idf = np.asarray(vectorizer.idf_, np.float64)
        except ValueError:  # scikit-learn's error if no term is left
            matrix, terms, idf = np.empty((len(texts), 0)), [], np.empty(0, np.float64)
        weights, bias, converged = solve_all(_regression(), matrix, train.labels, classes=classes)
        return cls(
            vocabulary=tuple(terms),
            idf=idf,
            weights=weights,
            bias=bias,
            log_floor=log_floor(train.labels, classes=classes),
            of_pairs=train.pairs is not None,
            converged=converged,
        )

    @classmethod
    def load(cls, folder: Path) -> "TfidfLogistic":
        """The baseline saved at `folder`, which was checked before."""
        settings = read_json(folder / fitted.SETTINGS)
        return cls(
            vocabulary=tuple(read_json(folder / "vocabulary.json")),
            **load_tensors((folder / fitted.WEIGHTS).read_bytes()),
            of_pairs=settings["of_pairs"],
            converged=settings["converged"],
        )

    @property
    def warnings(self) -> list[str]:
        """A warning if the solver did not converge."""
        return warnings_of(self.converged)

    def save(self, folder: Path) -> None:
        """Make `folder`. Raises: RunError if it exists."""
        settings = {
            "kind": self.KIND,
            "of_pairs": self.of_pairs,
            "converged": self.converged,
            "min_documents": MIN_DOCUMENTS,
            "inverse_regularisation": INVERSE_REGULARISATION,
        }
        tensors = {"idf": self.idf, "weights": self.weights, "bias": self.bias, "log_floor": self.log_floor}
        fitted.save(folder, settings, tensors=tensors, files={"vocabulary.json": list(self.vocabulary)})

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> npt.NDArray[np.float32]:
        """Log-probabilities (N, C) float32 of each text.

        Raises: DataError if it was fitted on pairs of texts and given single ones, or the reverse.
        """
        if self.of_pairs != (pairs is not None):
            fitted, received = (
                ("pairs of texts", "single texts") if self.of_pairs else ("single texts", "pairs of texts")
            )
            raise DataError(f"the tfidf baseline was fitted on {fitted} and is given {received}.")
        joined = _joined(texts, pairs)
        weights = np.ascontiguousarray(self.weights.T, np.float64)
        vectorizer = None
        if self.vocabulary:
            vectorizer = _vectorizer(vocabulary={term: index for index, term in enumerate(self.vocabulary)})
            vectorizer.idf_ = self.idf

        def scores(block: slice) -> npt.NDArray[np.float64]:
            values = np.tile(self.bias.astype(np.float64), (len(joined[block]), 1))
            return values if vectorizer is None else np.asarray(values + vectorizer.transform(joined[block]) @ weights)

        return logits_in_blocks(len(joined), scores, self.log_floor)


def _regression() -> Any:
    return regression(C=INVERSE_REGULARISATION)


def cross_validated(
    train: Examples,
    folds: npt.NDArray[np.int64],
    *,
    classes: int,
    advance: Callable[[int], None] = lambda count: None,
) -> npt.NDArray[np.float32]:
    """Log-probabilities (N, C) float32 of every row by a model fitted on the other folds; folds: (N,) int64.

    Terms and their weights are counted once on all rows, without labels. So the models differ a little from those of
    TfidfLogistic.fit, and a row's label does not affect its own probabilities. A class that the other folds lack has
    the probability of one example.
    """
    texts = _joined(train.texts, train.pairs)
    most = _MOST_WEIGHTS // len(np.unique(train.labels))
    try:
        matrix = _vectorizer(min_df=MIN_DOCUMENTS, max_features=most, dtype=np.float32).fit_transform(texts)
    except ValueError:  # scikit-learn's error if no term is left
        matrix = None
    out_of_fold = np.empty((len(train), classes), np.float32)
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        labels = train.labels[outside]
        present = np.unique(labels)
        scores = np.tile(np.log(fitted.shares(labels, classes=classes)), (len(inside), 1))
        if matrix is not None and len(present) > 1:
            weights, bias, _ = solve(_regression(), matrix[outside], labels)
            scores[:, present] = matrix[inside] @ weights.T + bias
        out_of_fold[inside] = log_probabilities(scores, log_floor(labels, classes=classes))
        advance(1)
    return out_of_fold


def _joined(texts: Sequence[str], pairs: Sequence[str] | None) -> list[str]:
    if pairs is None:
        return list(texts)
    return [f"{text}{_BETWEEN}{pair}" for text, pair in zip(texts, pairs, strict=True)]


def _vectorizer(**settings: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_WORD, **settings)
