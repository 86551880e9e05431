import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from finetooth import baselines
from finetooth.baselines import Probe, logistic, probe
from finetooth.errors import VerificationError
from finetooth.files import read_json
from finetooth.tasks import DEFAULT


def made(count, classes, seed=0, spread=1.0):
    """Labels, a feature that tells them apart and one of noise; both on scales far from 1."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    centres = np.random.default_rng(99).normal(0, 1.5, (classes, 12))
    good = centres[labels] + random.normal(0, spread, (count, 12))
    noise = random.normal(0, 1, (count, 12))
    scales = np.logspace(-3, 3, 12)
    return labels, {"noise": (noise + 7).astype(np.float32), "good": (good * scales).astype(np.float32)}


def fitted(classes=3, **changes):
    labels, train = made(300, classes, **changes)
    truth, validation = made(200, classes, seed=1, **changes)
    return Probe.fit(train, labels, validation=validation, truth=truth, classes=classes)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_it_reads_the_better_feature_and_its_logits_are_log_probabilities(classes):
    actual, (labels, rows) = fitted(classes), made(250, classes, seed=2)
    logits = actual.logits(rows)
    assert actual.chosen.feature == "good"
    assert logits.shape == (250, classes) and logits.dtype == np.float32
    assert np.exp(logits.astype(np.float64)).sum(axis=1) == pytest.approx(np.ones(250), abs=1e-6)
    assert DEFAULT.score(logits, labels)["accuracy"] > 0.85
    assert actual.parameters == classes * 12 + classes


@pytest.mark.parametrize("classes", [2, 4])
def test_it_equals_scikit_learns_own_pipeline(classes):
    (labels, train), (truth, rows) = made(300, classes, spread=3.0), made(100, classes, seed=1, spread=3.0)
    actual = Probe.fit({"good": train["good"]}, labels, validation=rows, truth=truth, classes=classes)
    scaler = StandardScaler().fit(train["good"].astype(np.float64))
    model = LogisticRegression(C=actual.chosen.inverse_regularisation, max_iter=10_000, tol=1e-8)
    model.fit(scaler.transform(train["good"].astype(np.float64)), labels)
    expected = model.predict_proba(scaler.transform(rows["good"].astype(np.float64)))
    assert np.exp(actual.logits(rows)) == pytest.approx(expected, abs=2e-3)


def test_every_feature_and_strength_is_tried_and_the_best_on_validation_is_chosen():
    actual = fitted(spread=3.0)
    assert [(trial.feature, trial.inverse_regularisation) for trial in actual.tried] == [
        (feature, strength)
        for feature in ("noise", "good")
        for strength in (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)
    ]
    best = max(trial.accuracy for trial in actual.tried)
    among = [trial for trial in actual.tried if trial.accuracy == best]
    assert actual.chosen == min(among, key=lambda trial: trial.loss)
    truth, validation = made(200, 3, seed=1, spread=3.0)
    figures = DEFAULT.score(actual.logits(validation), truth)
    assert (actual.chosen.accuracy, actual.chosen.loss) == (figures["accuracy"], figures["loss"])


def test_of_equal_figures_the_smaller_c_and_then_the_feature_named_first_is_chosen():
    labels, rows = np.array([0, 1] * 20), {"a": np.zeros((40, 3), np.float32), "b": np.zeros((40, 3), np.float32)}
    actual = Probe.fit(rows, labels, validation=rows, truth=labels, classes=2)
    assert len({(trial.accuracy, trial.loss) for trial in actual.tried}) == 1
    assert (actual.chosen.feature, actual.chosen.inverse_regularisation) == ("a", 1e-5)


def test_a_feature_that_is_constant_in_train_is_unset_elsewhere():
    labels, train = made(200, 2)
    truth, validation = made(100, 2, seed=1)
    flat = {name: np.hstack([rows, np.full((len(rows), 1), 0.1, np.float32)]) for name, rows in train.items()}
    strange = {
        name: np.hstack([rows, np.full((len(rows), 1), 0.1001, np.float32)]) for name, rows in validation.items()
    }
    without = Probe.fit(train, labels, validation=validation, truth=truth, classes=2)
    actual = Probe.fit(flat, labels, validation=strange, truth=truth, classes=2)
    assert actual.logits(strange) == pytest.approx(without.logits(validation), abs=5e-3)


def test_saved_and_loaded_its_logits_are_bitwise_the_same(tmp_path):
    actual, (_, rows) = fitted(), made(5000, 3, seed=3)
    actual.save(tmp_path / "baseline", facts={"identity": {"base": "owner/name"}})
    again = Probe.load(tmp_path / "baseline")
    assert again.logits(rows).tobytes() == actual.logits(rows).tobytes()
    assert (again.chosen, again.tried, again.parameters) == (actual.chosen, actual.tried, actual.parameters)
    content = read_json(tmp_path / "baseline" / "baseline.json")
    assert (content["kind"], content["identity"]) == ("probe", {"base": "owner/name"})
    assert {file.name for file in (tmp_path / "baseline").iterdir()} == {
        "MANIFEST.json", "baseline.json", "baseline.safetensors"
    }  # fmt: skip


def test_fitted_twice_it_is_the_same_bytes(tmp_path):
    for name in "ab":
        fitted().save(tmp_path / name, facts={})
    assert (tmp_path / "a" / "MANIFEST.json").read_bytes() == (tmp_path / "b" / "MANIFEST.json").read_bytes()


def test_a_class_that_train_lacks_keeps_the_probability_of_one_example():
    labels, train = made(100, 2)
    actual = Probe.fit(train, labels * 2, validation=train, truth=labels * 2, classes=4)
    shares = np.exp(actual.logits(train).astype(np.float64))
    assert shares[:, [1, 3]] == pytest.approx(np.full((100, 2), 1 / 104))
    assert shares.sum(axis=1) == pytest.approx(np.ones(100))


def test_one_class_only_is_said_of_every_text():
    _, rows = made(20, 2)
    ones = np.ones(20, np.int64)
    logits = Probe.fit(rows, ones, validation=rows, truth=ones, classes=2).logits(rows)
    assert logits.argmax(axis=1).tolist() == [1] * 20 and np.isfinite(logits).all()


def test_a_solver_that_did_not_end_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(logistic, "MAX_ITERATIONS", 1)
    fitted().save(tmp_path / "baseline", facts={})
    assert Probe.load(tmp_path / "baseline").warnings == ["its solver stopped at 1 iterations before its end"]


def test_baselines_of_texts_and_of_states_are_not_taken_for_each_other(tmp_path):
    fitted().save(tmp_path / "probe", facts={})
    with pytest.raises(VerificationError) as error:
        baselines.load(tmp_path / "probe")
    assert str(error.value) == (
        f"{tmp_path / 'probe'}: is not a saved baseline of the kind majority or tfidf or nb_words. If it belongs to a "
        "run, delete it and run the same command again."
    )
    (tmp_path / "probe" / "baseline.json").write_text(json.dumps({"kind": "probe"}))
    with pytest.raises(VerificationError) as error:
        Probe.load(tmp_path / "probe")
    assert str(error.value) == (
        f"{tmp_path / 'probe'}: baseline.json differs from its manifest. Delete the folder and run the same command "
        "again."
    )


def test_cross_validated_answers_come_from_probes_that_have_not_seen_the_example():
    labels, rows = made(200, 3, spread=2.0)
    folds = np.arange(200) % 4
    answers = probe.cross_validated(rows, labels, folds, classes=3)
    assert DEFAULT.score(answers, labels)["accuracy"] > 0.6
    for fold in range(4):  # other labels and features in a fold change nothing of its own answers
        inside = folds == fold
        turned = np.where(inside, (labels + 1) % 3, labels)
        assert np.array_equal(probe.cross_validated(rows, turned, folds, classes=3)[inside], answers[inside])


def test_cross_validated_answers_are_those_of_a_probe_fitted_on_the_other_folds():
    labels, rows = made(120, 2)
    folds, calls = np.arange(120) % 3, []
    answers = probe.cross_validated(rows, labels, folds, classes=2, advance=calls.append)
    fits, chooses, inside = folds == 2, folds == 1, folds == 0

    def part(where):
        return {name: values[where] for name, values in rows.items()}

    actual = Probe.fit(part(fits), labels[fits], validation=part(chooses), truth=labels[chooses], classes=2)
    assert np.array_equal(actual.logits(part(inside)), answers[inside])
    assert calls == [1, 1, 1]
