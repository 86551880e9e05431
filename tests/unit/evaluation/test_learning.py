"""Has a candidate learned? Told by validation rows and the training curve, on simulated runs of every kind."""

import numpy as np
import pytest

from finetooth.evaluation import learning
from finetooth.evaluation.learning import BestBaseline, collapse
from finetooth.evaluation.sentences import setting
from finetooth.evaluation.training_curve import CurvePoint
from finetooth.recipe import Training, load

LABELS = np.arange(60, dtype=np.int64) % 3
GOOD = np.where(np.arange(60) % 7 == 0, 0, LABELS)
HEAD = {"training.head_learning_rate": 0.005}
CLASSES = ("negative", "neutral", "positive")


def curve(*losses, accuracy=0.8, train_accuracy=0.85):
    return [CurvePoint(number + 1.0, loss + 0.05, loss, accuracy, train_accuracy) for number, loss in enumerate(losses)]


LEARNED = curve(0.7, 0.5, 0.48)


def judge(answers=GOOD, labels=LABELS, points=LEARNED, baseline=None, train_rows=600, **training):
    return learning.assess(
        answers,
        labels,
        classes=CLASSES,
        curve=points,
        baseline=baseline,
        training=Training.model_validate(training),
        train_rows=train_rows,
    )


def signs(**inputs):
    return [sign.sign for sign in judge(**inputs).signs]


def test_a_candidate_that_has_learned_shows_no_sign():
    assert judge() == learning.Learning()
    assert judge(baseline=BestBaseline("tfidf", 0.9)).signs == ()
    assert judge(points=[]).signs == ()


def test_one_class_for_nearly_all_rows():
    answers = np.ones(60, np.int64)
    answers[:1] = 0
    (sign,) = judge(answers).signs
    assert sign.sign == "one_class"
    assert sign.text == "it answers 'neutral' for 98 % of the validation rows (33 % are 'neutral')"
    answers[:4] = 0  # 93 %
    assert judge(answers).signs == ()


def test_a_class_that_is_that_frequent_is_no_sign_unless_the_others_are_missed():
    labels = (np.arange(400) % 20 == 0).astype(np.int64)  # 95 % are class 0
    healthy = labels.copy()
    healthy[:160] = 0  # 8 of 20 rare rows missed: 97 % of the answers are class 0
    assert collapse(healthy, labels) is None
    actual = collapse(np.zeros(400, np.int64), labels)
    assert actual is not None and (actual.label, actual.share, actual.true_share) == (0, 1.0, 0.95)
    few = np.array([0] * 60 + [1] * 4)  # four rows of the other class may be missed by chance
    assert collapse(np.zeros(64, np.int64), few) is None


def test_a_validation_loss_that_falls_steeply_to_the_end():
    (sign,) = judge(points=curve(0.95, 0.71, 0.58)).signs
    assert sign.sign == "still_falling"
    assert sign.text == "its validation loss was still falling: from 0.71 to 0.58 in the last epoch"
    nine = judge(points=curve(1.05, 1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65)).signs[0]
    assert nine.text == "its validation loss was still falling: from 0.80 to 0.65 in the last 3 epochs"
    only = judge(points=[CurvePoint(1.0, 1.02, 0.71, 0.8, 0.85)]).signs[0]
    assert only.text == "its loss was still falling: 1.02 on average in training, 0.71 on the validation rows after it"
    ahead = learning.BestBaseline("tfidf", 0.75)
    assert judge(points=[CurvePoint(1.0, 1.02, 0.71, 0.8, 0.85)], baseline=ahead).signs == ()


@pytest.mark.parametrize(
    "losses",
    [
        (0.95, 0.6, 0.56),  # flattens
        (0.95, 0.5, 0.58),  # rises at the end
        (0.5, 0.2, 0.12),  # falls, but far below the entropy of the labels: it has learned
        (0.6,),  # one evaluation, near the mean training loss
    ],
)
def test_a_loss_that_flattens_rises_or_is_small_is_no_sign(losses):
    assert signs(points=curve(*losses)) == []


def test_training_rows_fitted_clearly_worse_than_a_baseline_answers_validation_rows():
    low = curve(1.0, 0.99, 0.98, accuracy=0.5, train_accuracy=0.61)
    (sign,) = judge(points=low, baseline=BestBaseline("tfidf", 0.85)).signs
    assert sign.sign == "not_fitted"
    assert sign.text == (
        "its training accuracy is 61 % at the end, below what tfidf reaches on the validation rows (85 %)"
    )
    assert signs(points=low, baseline=BestBaseline("tfidf", 0.65)) == []  # within what 60 rows can tell
    assert signs(points=low, baseline=None) == []
    # After one epoch the training accuracy is that of a model at half of its way; validation shows where it ended.
    early = curve(1.0, accuracy=0.84, train_accuracy=0.61)
    assert signs(points=early, baseline=BestBaseline("tfidf", 0.85)) == []


def test_the_baseline_must_be_better_by_more_than_a_little_however_many_rows_show_it():
    labels = np.arange(6000, dtype=np.int64) % 3
    near = curve(0.4, 0.35, 0.34, accuracy=0.9, train_accuracy=0.9)
    assert signs(answers=labels, labels=labels, points=near, baseline=BestBaseline("tfidf", 0.92)) == []


@pytest.mark.parametrize(
    ("points", "training", "rows", "changes"),
    [
        # 38 steps an epoch: an automatic training takes as many as it needs.
        (curve(1.2, 1.1, 0.9), {"epochs": 3}, 600, {"training.epochs": "auto"}),
        (curve(0.9), {"epochs": 1, "batch_size": 32}, 200, {"training.epochs": "auto"}),
        (curve(1.2, 0.9), {"epochs": 2, "head_learning_rate": 1e-3}, 4000, {"training.epochs": "auto", **HEAD}),
        # An automatic one that came to its bound, and as many steps as it would take: three times as many epochs.
        (curve(1.2, 1.1, 0.9), {}, 600, {"training.epochs": 9}),
        (curve(0.9), {"epochs": 30}, 40, {"training.epochs": 90}),
        (curve(1.2, 0.9), {"epochs": 4}, 4000, {"training.epochs": 12}),
        # Many steps and a loss that never fell: the rate broke it, or held it up.
        (
            curve(1.11, 1.10, 1.10),
            {"learning_rate": 1e-3, "epochs": 3},
            4000,
            {"training.learning_rate": 0.0003},
        ),
        (curve(1.11, 1.10, 1.10), {"learning_rate": 1e-3}, 4000, {"training.learning_rate": 0.0003}),
        (
            curve(1.11, 1.10, 1.10),
            {"learning_rate": 2e-5, "head_learning_rate": 2e-5},
            4000,
            {"training.learning_rate": 7e-4, **HEAD},
        ),
    ],
)
def test_what_to_change(points, training, rows, changes):
    judged = judge(np.zeros(60, np.int64), points=points, train_rows=rows, **training)
    assert dict(judged.changes) == changes


def test_rare_classes_are_weighted():
    labels = (np.arange(400) % 10 == 0).astype(np.int64)
    judged = judge(np.zeros(400, np.int64), labels, points=curve(0.3, 0.29, 0.28))
    assert judged.changes["training.class_weights"] == "balanced"
    judged = judge(np.zeros(400, np.int64), labels, points=curve(0.3, 0.29, 0.28), class_weights="balanced")
    assert "training.class_weights" not in judged.changes


def test_the_advice_is_a_sentence_and_its_values_are_taken_by_set():
    judged = judge(points=curve(1.05, 0.95, 0.8), epochs=3, head_learning_rate=1e-5)
    assert judged.advice == (
        "Train again with training.epochs=auto (now 3) and training.head_learning_rate=0.005 (now 0.00001)."
    )
    recipe = {"name": "x", "model": "m/m", "data": {"source": "d"}, "training": {"epochs": 3}}
    overrides = [setting(key, value) for key, value in judged.changes.items()]
    training = load(recipe, overrides=[*overrides, "training.class_weights=balanced"]).training
    assert (training.epochs, training.head_learning_rate, training.class_weights) == ("auto", 0.005, "balanced")


def test_an_automatic_training_that_stopped_improving_is_not_still_falling():
    again = curve(0.95, 0.71, 0.73, 0.58)  # it stopped improving, then fell with the rate
    assert signs(points=again) == []
    assert signs(points=again, epochs=4) == ["still_falling"]
    assert signs(points=curve(0.95, 0.8, 0.71, 0.58)) == ["still_falling"]  # it came to its bound


@pytest.mark.parametrize(("classes", "count"), [(2, 20), (2, 200), (3, 60)])
def test_candidates_as_good_as_three_baselines_seldom_show_a_sign(classes, count):
    """Simulated: training rows are fitted no better than others, which is the hardest case of a healthy run."""
    random, shown = np.random.default_rng(0), 0
    for _ in range(200):
        labels = random.integers(0, classes, count)
        wrong = random.random(count) > 0.8
        answers = np.where(wrong, (labels + random.integers(1, classes, count)) % classes, labels)
        best = max(random.binomial(count, 0.8, 3)) / count
        train = random.binomial(9 * count, 0.8) / (9 * count)
        points = curve(0.6, 0.5, 0.49, accuracy=float((answers == labels).mean()), train_accuracy=train)
        shown += bool(signs(answers=answers, labels=labels, points=points, baseline=BestBaseline("tfidf", best)))
    assert shown <= 20
