import hashlib
import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from finetooth import baselines
from finetooth.baselines import logistic, text_features, text_regression, tfidf
from finetooth.data import Examples
from finetooth.errors import DataError

WORDS = ("plain", "story", "film", "actor", "music", "scene", "quiet", "long", "short", "camera")
MARKS = ("bad", "good", "odd", "loud", "slow")


def made(count, classes, seed=0, pairs=False):
    """Texts of common words with, three times in four, the word of their class."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    texts = []
    for label in labels:
        words = list(random.choice(WORDS, 6))
        if random.random() < 0.75:
            words.insert(int(random.integers(0, 7)), MARKS[label])
        texts.append(" ".join(words))
    names = tuple(f"train.csv:{number}" for number in range(count))
    return Examples(names, tuple(texts), tuple(texts[::-1]) if pairs else None, labels)


def fitted_on(texts, labels, classes):
    names = tuple(f"train.csv:{number}" for number in range(len(texts)))
    train = Examples(names, tuple(texts), None, np.array(labels, np.int64))
    return baselines.fit("tfidf", train, validation=train, classes=classes)


def fit(train, classes, validation=None):
    """Chosen on other rows of the same kind, if there are none of their own."""
    validation = validation or made(100, 2, seed=7, pairs=bool(train.pairs))
    return baselines.fit("tfidf", train, validation=validation, classes=classes)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_it_learns_and_its_logits_are_log_probabilities(classes):
    train, test = made(400, classes), made(300, classes, seed=1)
    logits = fit(train, classes).logits(test.texts)
    assert logits.shape == (300, classes) and logits.dtype == np.float32
    assert np.exp(logits.astype(np.float64)).sum(axis=1) == pytest.approx(np.ones(300), abs=1e-6)
    assert (logits.argmax(axis=1) == test.labels).mean() > 0.75


@pytest.mark.parametrize("classes", [2, 4])
def test_it_equals_scikit_learns_own_pipeline(classes, monkeypatch):
    train, test = made(300, classes), made(100, classes, seed=1)
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"(?u)\b\w+\b")
    model = LogisticRegression(C=1.0, max_iter=1000, tol=1e-8).fit(vectorizer.fit_transform(train.texts), train.labels)
    expected = model.predict_log_proba(vectorizer.transform(test.texts))
    monkeypatch.setattr(tfidf, "regression", partial(logistic.regression, tol=1e-8))
    monkeypatch.setattr(tfidf, "INVERSE_REGULARISATIONS", (1.0,))
    monkeypatch.setattr(tfidf, "MOST_CHARACTERS", 0)
    assert fit(train, classes).logits(test.texts) == pytest.approx(expected, abs=2e-3)  # solved in float32


def test_its_characters_are_those_of_scikit_learns_char_wb():
    train, test = made(300, 2), made(50, 2, seed=1)
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2)
    expected = vectorizer.fit_transform(train.texts)
    terms, rows = text_features.fit_characters(train.texts, most=None)
    assert terms.names == tuple(vectorizer.get_feature_names_out())
    assert abs(rows - expected).max() < 1e-6
    assert abs(terms.transform(test.texts) - vectorizer.transform(test.texts)).max() < 1e-6


def test_features_and_regularisation_are_chosen_on_the_validation_rows(tmp_path):
    train, part = made(300, 2), made(100, 2, seed=3)
    for labels in (part.labels, 1 - part.labels):
        validation = Examples(part.ids, part.texts, None, labels)
        fitted = fit(train, 2, validation=validation)
        assert [(one.feature, one.inverse_regularisation) for one in fitted.tried] == [
            (feature, strength) for feature in ("words", "words and characters") for strength in (1.0, 3.0, 10.0, 30.0)
        ]
        assert fitted.settings_tried == 8
        best = max(fitted.tried, key=lambda one: (one.accuracy, -one.loss, -one.inverse_regularisation))
        assert fitted.chosen == best
        assert len(fitted.terms) == (2 if best.feature == "words and characters" else 1)
        answers = fitted.logits(validation.texts).argmax(axis=1)
        assert (answers == validation.labels).mean() == best.accuracy
    fitted.save(tmp_path / "baseline")
    assert baselines.load(tmp_path / "baseline").tried == fitted.tried


def test_a_text_of_many_characters_is_read_by_words_alone(monkeypatch):
    monkeypatch.setattr(tfidf, "MOST_CHARACTERS", 100)
    assert {trial.feature for trial in fit(made(300, 2), 2).tried} == {"words"}


@pytest.mark.parametrize("pairs", [False, True])
def test_saved_and_loaded_its_logits_are_bitwise_the_same(tmp_path, pairs):
    train, test = made(300, 3, pairs=pairs), made(50, 3, seed=1, pairs=pairs)
    fitted = fit(train, 3)
    fitted.save(tmp_path / "baseline")
    assert {file.suffix for file in (tmp_path / "baseline").iterdir()} == {".json", ".safetensors"}
    again = baselines.load(tmp_path / "baseline").logits(test.texts, test.pairs)
    assert again.tobytes() == fitted.logits(test.texts, test.pairs).tobytes()


def test_a_text_alone_and_among_others_is_bitwise_the_same(monkeypatch):
    fitted, texts = fit(made(300, 3), 3), made(50, 3, seed=1).texts
    together = fitted.logits(texts)
    assert np.concatenate([fitted.logits([text]) for text in texts]).tobytes() == together.tobytes()
    monkeypatch.setattr(logistic, "ROWS_AT_ONCE", 7)
    assert fitted.logits(texts).tobytes() == together.tobytes()


FITTED = """
import sys
from pathlib import Path
import numpy as np
from finetooth import baselines
from finetooth.data import Examples
random = np.random.default_rng(0)
texts = tuple(" ".join(random.choice(list("abcdefghijklmnop"), 12)) for _ in range(300))
train = Examples(texts, texts, None, random.integers(0, 3, 300))
baselines.fit("tfidf", train, validation=train, classes=3).save(Path(sys.argv[1]))
"""


def test_processes_with_other_hash_seeds_write_the_same_bytes(tmp_path):
    digests = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", FITTED, str(tmp_path / seed)], check=True, env=environment)
        digests.add(hashlib.sha256((tmp_path / seed / "MANIFEST.json").read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("texts", [["", "", ""], ["!!!", "?", "..."], ["each", "word", "once"], ["one two", "", "pqr"]])
def test_without_a_term_that_stands_in_two_texts_it_says_the_shares(tmp_path, texts):
    fitted = fitted_on(texts, [0, 1, 1], 2)
    assert np.exp(fitted.logits(["", "word"])) == pytest.approx(np.array([[2 / 5, 3 / 5]] * 2))
    fitted.save(tmp_path / "baseline")
    assert baselines.load(tmp_path / "baseline").logits(["", "word"]).tobytes() == fitted.logits(["", "word"]).tobytes()


def test_texts_of_one_word_and_of_one_letter():
    fitted = fitted_on(["a", "b", "a", "b", "good", "good"], [0, 1, 0, 1, 1, 1], 2)
    assert fitted.logits(["a", "b", "good", "unknown"]).argmax(axis=1).tolist() == [0, 1, 1, 1]


def test_one_class_only_is_said_of_every_text():
    logits = fitted_on(["good film", "good music"], [1, 1], 2).logits(["good", "bad"])
    assert logits.argmax(axis=1).tolist() == [1, 1] and np.isfinite(logits).all()


def test_a_class_that_train_lacks_keeps_the_probability_of_one_example():
    train = made(100, 2)
    spread = Examples(train.ids, train.texts, None, train.labels * 2)
    logits = fit(spread, 4).logits(["good"])
    shares = np.exp(logits.astype(np.float64))[0]
    assert shares[[1, 3]] == pytest.approx([1 / 104, 1 / 104])
    assert shares.sum() == pytest.approx(1) and shares.argmax() == 2


def test_pairs_of_texts_are_told_from_single_ones():
    fitted = fit(made(100, 2, pairs=True), 2)
    with pytest.raises(DataError) as error:
        fitted.logits(["good"])
    assert str(error.value) == "the tfidf baseline was fitted on pairs of texts and is given single texts."
    with pytest.raises(DataError) as error:
        fit(made(100, 2), 2).logits(["good"], ["bad"])
    assert str(error.value) == "the tfidf baseline was fitted on single texts and is given pairs of texts."


def test_no_pair_of_words_reaches_across_two_texts():
    vocabulary = fit(made(200, 2, pairs=True), 2).terms[0].names
    between = text_features._BETWEEN.strip()
    assert between in vocabulary
    for term in vocabulary:
        assert len(term.split()) == 1 or between in term or set(term.split()) <= {*WORDS, *MARKS}


def test_many_classes_leave_out_the_rarer_terms(monkeypatch):
    monkeypatch.setattr(text_regression, "MOST_WEIGHTS", 60)
    fitted = fit(made(200, 3), 3)
    assert [len(terms.names) for terms in fitted.terms] == [20]
    assert {trial.feature for trial in fitted.tried} == {"words"}  # no room for characters
    monkeypatch.setattr(text_regression, "MOST_WEIGHTS", 1200)
    words = {trial.feature for trial in fit(made(200, 3), 3).tried}
    assert words == {"words", "words and characters"}


def test_a_solver_that_did_not_end_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(logistic, "MAX_ITERATIONS", 1)
    fit(made(200, 3), 3).save(tmp_path / "baseline")
    assert b'"converged": false' in (tmp_path / "baseline" / "baseline.json").read_bytes()
    loaded = baselines.load(tmp_path / "baseline")
    assert loaded.linear.converged is False
    assert loaded.warnings == ["its solver stopped at 1 iterations before its end"]


def test_cross_validated_scores_are_those_of_models_that_never_saw_the_row():
    train, folds = made(300, 3), np.arange(300) % 3
    logits = tfidf.cross_validated(train, folds, classes=3)
    assert np.exp(logits.astype(np.float64)).sum(axis=1) == pytest.approx(np.ones(300), abs=1e-6)
    assert (logits.argmax(axis=1) == train.labels).mean() > 0.7
    turned = train.labels.copy()
    turned[folds == 1] = (turned[folds == 1] + 1) % 3
    other = tfidf.cross_validated(Examples(train.ids, train.texts, None, turned), folds, classes=3)
    assert np.array_equal(other[folds == 1], logits[folds == 1])
    assert not np.array_equal(other[folds == 0], logits[folds == 0])


def test_cross_validation_scores_a_class_that_other_folds_lack_and_texts_without_terms():
    train, folds = made(60, 2), np.arange(60) % 3
    labels = np.where(folds == 0, 2, train.labels)
    logits = tfidf.cross_validated(Examples(train.ids, train.texts, None, labels), folds, classes=3)
    assert logits[folds == 0][:, 2] == pytest.approx(np.full(20, np.log(1 / 43)), abs=1e-6)
    blank = Examples(train.ids, ("",) * 60, None, train.labels)
    assert np.isfinite(tfidf.cross_validated(blank, folds, classes=2)).all()
