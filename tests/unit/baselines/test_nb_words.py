"""nb_words against hand-worked ratios and its own formula."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from test_tfidf import made

from finetooth import baselines
from finetooth.baselines import nb_words, tfidf
from finetooth.data import Examples
from finetooth.errors import DataError


def fit(train, classes):
    validation = made(100, 2, seed=7, pairs=bool(train.pairs))
    return baselines.fit("nb_words", train, validation=validation, classes=classes)


def test_the_ratio_is_that_of_the_smoothed_shares():
    matrix = csr_matrix(np.array([[1, 1], [1, 0], [0, 1], [0, 1]], np.float32))
    ratio = nb_words.log_count_ratio(matrix, np.array([True, True, False, False]))
    # Of the class: (1 + 2, 1 + 1) / 5; of the others: (1 + 0, 1 + 2) / 4.
    assert ratio == pytest.approx(np.log([(3 / 5) / (1 / 4), (2 / 5) / (3 / 4)]), rel=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_it_learns_and_its_logits_are_log_probabilities(classes):
    train, test = made(400, classes), made(300, classes, seed=1)
    fitted = fit(train, classes)
    logits = fitted.logits(test.texts)
    assert np.exp(logits.astype(np.float64)).sum(axis=1) == pytest.approx(np.ones(300), abs=1e-6)
    assert (logits.argmax(axis=1) == test.labels).mean() > 0.75
    assert fitted.settings_tried == len(nb_words.INVERSE_REGULARISATIONS) == 3
    assert fitted.linear.one_vs_rest is (classes > 2)


def test_a_word_counts_once_however_often_it_stands_in_a_text():
    fitted = fit(made(300, 2), 2)
    assert "good good" not in fitted.terms[0].names
    assert fitted.logits(["good"]).tobytes() == fitted.logits(["good, good"]).tobytes()


@pytest.mark.parametrize("pairs", [False, True])
def test_saved_and_loaded_its_logits_are_bitwise_the_same(tmp_path, pairs):
    train, test = made(300, 3, pairs=pairs), made(50, 3, seed=1, pairs=pairs)
    fitted = fit(train, 3)
    fitted.save(tmp_path / "baseline")
    loaded = baselines.load(tmp_path / "baseline")
    assert loaded.kind == "nb_words" and loaded.tried == fitted.tried
    assert loaded.logits(test.texts, test.pairs).tobytes() == fitted.logits(test.texts, test.pairs).tobytes()
    with pytest.raises(DataError, match="the nb_words baseline was fitted on"):
        fitted.logits(test.texts, None if pairs else test.texts)


def test_absent_classes_and_texts_without_terms_have_the_shares():
    train = made(100, 3)
    spread = Examples(train.ids, train.texts, None, train.labels * 2)
    shares = np.exp(fit(spread, 6).logits(["good"]).astype(np.float64))[0]
    assert shares[[1, 3, 5]] == pytest.approx([1 / 106] * 3) and shares.sum() == pytest.approx(1)
    blank = Examples(train.ids, ("",) * 100, None, train.labels)
    counts = np.bincount(train.labels) + 1
    assert np.exp(fit(blank, 3).logits(["good"]))[0] == pytest.approx(counts / counts.sum(), rel=1e-5)
    one = Examples(train.ids, train.texts, None, np.ones(100, np.int64))
    assert fit(one, 2).logits(["good", "bad"]).argmax(axis=1).tolist() == [1, 1]


def test_both_baselines_of_words_read_the_same_terms():
    train = made(300, 2)
    words = tfidf.fit(train, validation=made(100, 2, seed=7), classes=2).terms[0].names
    assert fit(train, 2).terms[0].names == words
