import math
import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss

from finetooth.errors import DivergedError
from finetooth.tasks import DEFAULT, Outputs


def losses(logits, labels):
    return DEFAULT.metric("loss").each(Outputs(logits, labels), labels)


def test_score_by_hand():
    logits = np.log(np.array([[0.5, 0.5], [0.25, 0.75], [0.8, 0.2], [0.1, 0.9]], np.float32))
    actual = DEFAULT.score(logits, np.array([0, 1, 1, 1]))
    assert actual["examples"] == 4
    assert actual["accuracy"] == 0.75  # the tie goes to class 0, which is right
    assert actual["loss"] == pytest.approx(-(math.log(0.5) + math.log(0.75) + math.log(0.2) + math.log(0.9)) / 4)
    # class 0: one hit, named by 2 guesses and 1 label; class 1: two hits, named by 2 guesses and 3 labels
    assert actual["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert all(type(value) in (int, float) for value in actual.values())


@pytest.mark.parametrize("classes", [1, 2, 5, 77])
def test_score_equals_scikit_learn_on_1000_random_cases(classes):
    random = np.random.default_rng(classes)
    for count in (1, 3, *random.integers(1, 250, 248)):
        logits = random.normal(0, 3, (count, classes)).astype(np.float32)
        labels = random.integers(0, classes, count)
        actual = DEFAULT.score(logits, labels)
        wide = np.exp(logits.astype(np.float64))
        shares = wide / wide.sum(axis=1, keepdims=True)
        assert actual["accuracy"] == accuracy_score(labels, logits.argmax(axis=1))
        assert actual["macro_f1"] == pytest.approx(f1_score(labels, logits.argmax(axis=1), average="macro"), abs=1e-12)
        if classes > 1:
            assert actual["loss"] == pytest.approx(log_loss(labels, shares, labels=range(classes)), abs=1e-9)


def test_classes_in_neither_labels_nor_guesses_have_no_f1():
    answers = np.array([5, 5, 0])
    value = DEFAULT.metric("macro_f1").value(Outputs(answers, answers), np.array([5, 5, 5]))
    assert value == pytest.approx((2 * 2 / 5 + 0) / 2)


def test_a_metric_is_the_sum_over_examples_however_they_are_batched():
    random = np.random.default_rng(4)
    logits, labels = random.normal(size=(101, 3)).astype(np.float32), random.integers(0, 3, 101)
    parts = [slice(0, 64), slice(64, 96), slice(96, 101)]
    figures = DEFAULT.score(logits, labels)
    assert sum(losses(logits[part], labels[part]).sum() for part in parts) / 101 == pytest.approx(figures["loss"])
    hits = sum((DEFAULT.answers(logits[part]) == labels[part]).sum() for part in parts)
    assert hits / 101 == figures["accuracy"]


def test_far_logits_neither_overflow_nor_vanish():
    logits = np.array([[3e38, -3e38], [1000.0, 0.0]], np.float32)
    assert losses(logits, np.array([0, 1])).tolist() == [0.0, 1000.0]


def test_ten_thousand_classes_cost_little_memory():
    logits = np.zeros((2000, 10_000), np.float32)
    logits[np.arange(2000), np.arange(2000)] = 1
    tracemalloc.start()
    actual = DEFAULT.score(logits, np.arange(2000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert actual["accuracy"] == 1.0
    assert peak < logits.nbytes


def test_a_logit_that_is_not_finite_is_refused():
    logits = np.zeros((5, 2), np.float32)
    logits[3, 1] = np.nan
    with pytest.raises(DivergedError) as error:
        DEFAULT.score(logits, np.zeros(5, np.int64))
    assert str(error.value) == "logits of row 3 of 5 (from 0) are not finite."
