"""Logistic regression on the words and word pairs of a text, weighted by TF-IDF: what no fine-tune may lose to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from finetooth import row_kinds
from finetooth.baselines.fitted import SETTINGS, WEIGHTS, shares
from finetooth.baselines.logistic import log_floor, log_probabilities, regression, solve
from finetooth.data import Examples
from finetooth.errors import DataError
from finetooth.files import json_bytes, new_directory, read_json

VOCABULARY = "vocabulary.json"
# Chosen by accuracy on rows held out of train, IMDB (500, 5,000, 20,000 rows) and review snippets; never by a test row.
MIN_DOCUMENTS = 2
INVERSE_REGULARISATION = 10.0
MAX_ITERATIONS = 1000
_WORD = r"(?u)\b\w+\b"  # words of one letter too, so that a text such as "A" or a label-like "5" is not empty
_BETWEEN = " xxpairxx "  # a word of our own: no pair of words reaches from one text into the other
_MOST_WEIGHTS = 2**23  # classes x terms: the solver holds about 20 such float64 arrays, 1.3 GB
_TEXTS_AT_ONCE = 4096


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
        """Fitted on `train`; the same bytes each time on one machine.

        Terms in fewer than MIN_DOCUMENTS texts are left out, and, where classes are many, the rarer terms.
        A train split without any term left gives the shares of its classes; a class absent from train keeps the
        probability of one example, so that its loss is finite.
        """
        texts = _joined(train.texts, train.pairs)
        present = np.unique(train.labels)
        vectorizer = _vectorizer(
            min_df=MIN_DOCUMENTS, max_features=_MOST_WEIGHTS // len(present) if len(present) > 2 else None
        )
        try:
            matrix = vectorizer.fit_transform(texts)
            terms = [str(term) for term in vectorizer.get_feature_names_out()]
            idf = np.asarray(vectorizer.idf_, np.float64)
        except ValueError:  # scikit-learn's way of saying that no term is left
            matrix, terms, idf = None, [], np.empty(0, np.float64)
        weights = np.zeros((classes, len(terms)), np.float32)
        bias = np.log(shares(train.labels, classes=classes)).astype(np.float32)
        converged = True
        if matrix is not None and len(present) > 1:
            weights[present], bias[present], converged = solve(_regression(), matrix, train.labels)
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
        settings = read_json(folder / SETTINGS)
        tensors = load_tensors((folder / WEIGHTS).read_bytes())
        return cls(
            vocabulary=tuple(read_json(folder / VOCABULARY)),
            idf=tensors["idf"],
            weights=tensors["weights"],
            bias=tensors["bias"],
            log_floor=tensors["log_floor"],
            of_pairs=settings["of_pairs"],
            converged=settings["converged"],
        )

    @property
    def warnings(self) -> list[str]:
        """That the solver did not come to its end, if so."""
        return [] if self.converged else [f"its solver stopped at {MAX_ITERATIONS:,} iterations before its end"]

    def save(self, folder: Path) -> None:
        """Make `folder`, whole and with its manifest."""
        settings = {
            "schema": 1,
            "kind": self.KIND,
            "of_pairs": self.of_pairs,
            "converged": self.converged,
            "min_documents": MIN_DOCUMENTS,
            "inverse_regularisation": INVERSE_REGULARISATION,
        }
        tensors = {"idf": self.idf, "weights": self.weights, "bias": self.bias, "log_floor": self.log_floor}
        with new_directory(folder) as inside:
            (inside / SETTINGS).write_bytes(json_bytes(settings))
            (inside / VOCABULARY).write_bytes(json_bytes(list(self.vocabulary)))
            (inside / WEIGHTS).write_bytes(save_tensors(tensors))

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
        logits = np.empty((len(joined), len(self.bias)), np.float32)
        weights = np.ascontiguousarray(self.weights.T, np.float64)
        vectorizer = self._ready_vectorizer()
        for start in range(0, len(joined), _TEXTS_AT_ONCE):
            block = joined[start : start + _TEXTS_AT_ONCE]
            scores = np.tile(self.bias.astype(np.float64), (len(block), 1))
            if vectorizer is not None:
                scores += vectorizer.transform(block) @ weights
            logits[start : start + len(block)] = log_probabilities(scores, self.log_floor)
        return logits

    def _ready_vectorizer(self) -> Any:
        if not self.vocabulary:
            return None
        vectorizer = _vectorizer(vocabulary={term: index for index, term in enumerate(self.vocabulary)})
        vectorizer.idf_ = self.idf
        return vectorizer


def _regression() -> Any:
    return regression(max_iterations=MAX_ITERATIONS, C=INVERSE_REGULARISATION)


def cross_validated(
    train: Examples,
    folds: npt.NDArray[np.int64],
    *,
    classes: int,
    advance: Callable[[int], None] = lambda count: None,
) -> npt.NDArray[np.float32]:
    """Log-probabilities (N, C) float32 of every row by the model of the rows of other folds; folds: (N,) int64.

    Terms and their weights are those of all rows, counted without labels and once for all folds; so the models differ a
    little from TfidfLogistic.fit, and nothing of a row's label reaches its own probabilities. A class that the other
    folds lack has the probability of one example.
    """
    texts = _joined(train.texts, train.pairs)
    most = _MOST_WEIGHTS // len(np.unique(train.labels))
    try:
        matrix = _vectorizer(min_df=MIN_DOCUMENTS, max_features=most, dtype=np.float32).fit_transform(texts)
    except ValueError:  # scikit-learn's way of saying that no term is left
        matrix = None
    out_of_fold = np.empty((len(train), classes), np.float32)
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        labels = train.labels[outside]
        present = np.unique(labels)
        scores = np.tile(np.log(shares(labels, classes=classes)), (len(inside), 1))
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
