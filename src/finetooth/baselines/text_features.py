"""Features of texts: words and word pairs, and character n-grams of words, weighted by TF-IDF."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MIN_DOCUMENTS = 2
CHARACTERS = (2, 5)  # characters of an n-gram; the space before and after a word counts as one
_WORD = r"(?u)\b\w+\b"  # also words of one letter, so that a text such as "A" or "5" is not empty
_BETWEEN = " xxpairxx "  # a word between two texts, so that no word pair spans both


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of one sort, characters or words, with their weights.

    names: V terms, sorted. idf: (V,) float64; None: a term is counted as present or not.
    """

    names: tuple[str, ...]
    idf: npt.NDArray[np.float64] | None
    are_characters: bool = False

    @property
    def sort(self) -> str:
        """The name of the sort."""
        return "characters" if self.are_characters else "words"

    def transform(self, texts: Sequence[str]) -> Any:
        """Sparse rows (N, V) float32, of length 1: (1 + log count) idf of each term; without idf, 1 for each term.

        Source: scikit-learn's TfidfVectorizer with sublinear_tf.
        """
        if not self.names:
            return _empty(len(texts))
        numbers = {term: index for index, term in enumerate(self.names)}
        if self.idf is None:
            return word_counter(vocabulary=numbers, binary=True).transform(texts)
        counts = _character_counts(texts, vocabulary=numbers)[1] if self.are_characters else _words(numbers, texts)
        return _transformer(self.idf).transform(counts)


def fit_words(texts: Sequence[str], *, most: int | None) -> tuple[Terms, Any]:
    """The words and word pairs of at least MIN_DOCUMENTS texts, and the rows (N, V) of the texts.

    most: keep only the most frequent of them; None: keep all.
    """
    vectorizer = word_counter(min_df=MIN_DOCUMENTS, max_features=most)
    try:
        counts = vectorizer.fit_transform(texts)
    except ValueError:  # scikit-learn's error if no term is left
        return Terms((), np.empty(0)), _empty(len(texts))
    return _weighted([str(term) for term in vectorizer.get_feature_names_out()], counts, are_characters=False)


def count_words(texts: Sequence[str], *, most: int | None) -> tuple[Terms, Any]:
    """The terms of fit_words without idf, and rows (N, V) with 1 for each term of a text."""
    vectorizer = word_counter(min_df=MIN_DOCUMENTS, max_features=most, binary=True)
    try:
        rows = vectorizer.fit_transform(texts)
    except ValueError:  # scikit-learn's error if no term is left
        return Terms((), None), _empty(len(texts))
    return Terms(tuple(str(term) for term in vectorizer.get_feature_names_out()), None), rows


def side_by_side(rows: Sequence[Any]) -> Any:
    """Sparse rows (N, V1 + V2 + ...) of rows of several sorts of terms."""
    from scipy.sparse import hstack

    return rows[0] if len(rows) == 1 else hstack(rows).tocsr()


def fit_characters(texts: Sequence[str], *, most: int | None) -> tuple[Terms, Any]:
    """The character n-grams of at least MIN_DOCUMENTS texts, as fit_words."""
    names, counts = _character_counts(texts, vocabulary=None)
    documents = np.bincount(counts.indices, minlength=counts.shape[1])
    columns = np.flatnonzero(documents >= MIN_DOCUMENTS)
    if most is not None and len(columns) > most:
        totals = np.asarray(counts.sum(axis=0)).ravel()[columns]
        columns = np.sort(columns[np.argsort(-totals, kind="stable")[:most]])
    if not len(columns):
        return Terms((), np.empty(0), are_characters=True), _empty(len(texts))
    return _weighted([names[index] for index in columns.tolist()], counts[:, columns], are_characters=True)


def joined(texts: Sequence[str], pairs: Sequence[str] | None) -> list[str]:
    """One text for each example: a pair is joined by a word that no text holds."""
    if pairs is None:
        return list(texts)
    return [f"{text}{_BETWEEN}{pair}" for text, pair in zip(texts, pairs, strict=True)]


def word_counter(**settings: Any) -> Any:
    """scikit-learn's CountVectorizer of words and word pairs."""
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(ngram_range=(1, 2), token_pattern=_WORD, dtype=np.float32, **settings)


def _weighted(names: Sequence[str], counts: Any, *, are_characters: bool) -> tuple[Terms, Any]:
    from sklearn.feature_extraction.text import TfidfTransformer

    transformer = TfidfTransformer(sublinear_tf=True).fit(counts)
    idf = np.asarray(transformer.idf_, np.float64)
    return Terms(tuple(names), idf, are_characters), _transformer(idf).transform(counts, copy=False)


def _transformer(idf: npt.NDArray[np.float64]) -> Any:
    """The weighting by given weights: the same code for training rows and for others."""
    from sklearn.feature_extraction.text import TfidfTransformer

    transformer = TfidfTransformer(sublinear_tf=True)
    transformer.idf_ = idf.astype(np.float32)
    return transformer


def _words(vocabulary: dict[str, int], texts: Sequence[str]) -> Any:
    return word_counter(vocabulary=vocabulary).transform(texts)


def _character_counts(texts: Sequence[str], *, vocabulary: dict[str, int] | None) -> tuple[list[str], Any]:
    """The n-grams by number and their counts, sparse (N, V) float32. vocabulary: its n-grams only; None: all of them.

    The n-grams of each distinct word are counted once: (texts x words) (words x n-grams). That takes a third of the
    time of counting them in every text.
    """
    words = _counter(_split)
    try:
        texts_by_words = words.fit_transform(texts)
    except ValueError:  # scikit-learn's error if there is no word
        return [], _empty(len(texts), width=len(vocabulary or ()))
    grams = _counter(_grams, vocabulary=vocabulary)
    words_by_grams = grams.fit_transform(words.get_feature_names_out())
    names = [] if vocabulary is not None else [str(name) for name in grams.get_feature_names_out()]
    counts = (texts_by_words @ words_by_grams).tocsr()
    counts.sort_indices()
    return names, counts


def _counter(analyzer: Callable[[str], Any], *, vocabulary: dict[str, int] | None = None) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(analyzer=analyzer, vocabulary=vocabulary, dtype=np.float32)


def _split(text: str) -> list[str]:
    return text.lower().split()


def _grams(word: str) -> Iterator[str]:
    padded, (shortest, longest) = f" {word} ", CHARACTERS
    for size in range(shortest, longest + 1):
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]


def _empty(count: int, *, width: int = 0) -> Any:
    from scipy.sparse import csr_matrix

    return csr_matrix((count, width), dtype=np.float32)
