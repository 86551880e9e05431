"""The threshold below which no answer is given: of a wanted coverage, and of a wanted accuracy that is shown."""

import numpy as np
import pytest
from scipy.stats import binomtest

from finetooth.evaluation import deciding
from finetooth.evaluation.decisions import Abstention, Decision, confidence, least_answered
from finetooth.recipe import Abstain
from finetooth.tasks import DEFAULT


def rows(count, classes, *, seed=0):
    """Logits that tell most rows right, and their labels."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    logits = random.normal(0, 1, (count, classes)) + 1.5 * np.eye(classes)[labels]
    return logits.astype(np.float32), labels


def ranked(right):
    """Logits of two classes whose confidence falls from row to row, and labels; right: (N,), whether a row is right."""
    right = np.asarray(right, bool)
    margins = np.linspace(4, 0.01, len(right))
    return np.stack([margins, np.zeros(len(right))], axis=1).astype(np.float32), (~right).astype(np.int64)


def for_accuracy(share, logits, labels):
    return deciding.abstention(Decision(), logits, labels, settings=Abstain(accuracy=share))


@pytest.mark.parametrize("share", [0.07, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("decision", [Decision(), Decision(temperature=1.4, thresholds=(0.5, 0.3, 0.2))])
def test_the_wanted_coverage_is_kept_within_one_row(share, decision):
    logits, labels = rows(700, 3)
    actual = deciding.abstention(decision, logits, labels, settings=Abstain(coverage=share))
    decided = Decision(decision.temperature, decision.thresholds, abstention=actual).apply(logits)
    answered = 700 - int(decided.abstained.sum())
    assert -1e-9 < answered - share * 700 < 1
    assert actual.coverage == answered / 700
    right = (decided.labels == labels)[~decided.abstained]
    assert actual.accuracy_answered == right.mean()
    assert (actual.target, actual.share) == ("coverage", share)


def lower_bound(right, answered):
    """One-sided, 95 %, by scipy."""
    return binomtest(right, answered, alternative="greater").proportion_ci(0.95, method="exact").low


def test_a_wanted_accuracy_has_its_lower_bound_at_every_tenth_up_to_the_chosen_one():
    logits, labels = rows(700, 3)
    actual = for_accuracy(0.85, logits, labels)
    sure = confidence(Decision().probabilities(logits), DEFAULT.answers(logits))
    right = (DEFAULT.answers(logits) == labels)[np.argsort(-sure, kind="stable")]
    bounds = [lower_bound(int(right[:count].sum()), count) for count in range(70, 701, 70)]
    passed = round(actual.coverage * 10)
    assert actual.coverage == passed / 10 and 3 <= passed <= 9
    assert min(bounds[:passed]) >= 0.85 > bounds[passed]
    assert actual.accuracy_answered == right[: 70 * passed].mean() > 0.85
    assert actual.below == np.sort(sure)[::-1][70 * passed - 1]


def test_the_search_stops_at_the_first_threshold_that_does_not_pass():
    right = np.ones(400, bool)
    right[[3, 9, 20, 31]] = False  # four of the 40 surest rows are wrong, and no other
    assert lower_bound(36, 40) < 0.9 < lower_bound(396, 400)
    assert for_accuracy(0.9, *ranked(right)).coverage == 0.0


def test_the_search_begins_where_the_rows_are_enough():
    right = np.ones(130, bool)
    right[3] = False  # 13 rows, the first tenth, cannot show 80 %, so they are not tested
    assert least_answered(0.8) == 14 and lower_bound(12, 13) < 0.8 < lower_bound(25, 26)
    assert for_accuracy(0.8, *ranked(right)).coverage == 1.0


def test_the_fewest_rows_that_show_an_accuracy():
    assert [least_answered(share) for share in (0.9, 0.95, 0.99)] == [29, 59, 299]
    for share in (0.5, 0.9, 0.95, 0.99):
        least = least_answered(share)
        assert lower_bound(least, least) >= share > lower_bound(least - 1, least - 1)
    assert for_accuracy(0.95, *ranked(np.ones(59))).coverage == 1.0
    assert for_accuracy(0.95, *ranked(np.ones(58))).coverage == 0.0


# Accuracy by rank, from the surest text (0) to the least sure (1). The third has no threshold with 90 %; the last has
# exactly 90 % up to the first tenth.
CURVES = {
    "falling": lambda rank: 0.99 - 0.39 * rank,
    "edge": lambda rank: np.where(rank < 0.3, 0.93, 0.6),
    "flat, just below": lambda rank: np.full_like(rank, 0.899),
    "tenth": lambda rank: np.where(rank < 0.1, 0.9, 0.7),
}


def misses(curve, choose, *, draws, count, share=0.9):
    """The share of draws in which the texts above the chosen threshold truly have less than the wanted accuracy."""
    random, missed = np.random.default_rng(4), 0
    for _ in range(draws):
        rank = np.sort(random.random(count))
        logits = np.stack([4 * (1 - rank) + 1e-3, np.zeros(count)], axis=1).astype(np.float32)
        right = random.random(count) < CURVES[curve](rank)
        below = choose(logits, (~right).astype(np.int64), share)
        answered = np.linspace(0, 1, 4001)
        sure = confidence(
            Decision().probabilities(np.stack([4 * (1 - answered) + 1e-3, 0 * answered], axis=1).astype(np.float32)),
            np.zeros(4001, np.int64),
        )
        inside = sure >= below
        missed += bool(inside.any()) and float(CURVES[curve](answered[inside]).mean()) < share - 5e-4
    return missed / draws


def shown(logits, labels, share):
    return for_accuracy(share, logits, labels).below


def measured(logits, labels, share):
    """The usual choice: the lowest threshold at which the accuracy on the rows themselves is the wanted one."""
    points = for_accuracy(share, logits, labels).curve
    return min((point.threshold for point in points if 1 - point.risk >= share), default=2.0)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("count", [100, 600])
def test_the_true_accuracy_is_the_wanted_one_in_95_percent_of_draws(curve, count):
    assert misses(curve, shown, draws=400, count=count) <= 0.05 + 1.64 * (0.05 * 0.95 / 400) ** 0.5


@pytest.mark.parametrize("curve", ["falling", "edge"])
def test_the_lowest_threshold_by_measured_accuracy_misses_it_in_a_third_of_draws(curve):
    assert misses(curve, measured, draws=200, count=600) > 1 / 3


@pytest.mark.slow
@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("count", [60, 300, 1000])
def test_the_true_accuracy_is_the_wanted_one_in_95_percent_of_many_draws(curve, count):
    assert misses(curve, shown, draws=2000, count=count) <= 0.05 + 2 * (0.05 * 0.95 / 2000) ** 0.5


def test_rows_of_equal_probability_are_answered_together():
    logits = np.array([[3.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.5, 0.0]], np.float32)
    actual = deciding.abstention(Decision(), logits, np.array([0, 0, 1, 0, 1]), settings=Abstain(coverage=0.4))
    assert (actual.coverage, actual.accuracy_answered) == (0.8, 0.75)
    assert [(point.coverage, point.risk) for point in actual.curve] == [(0.2, 0.0), (0.8, 0.25), (1.0, 0.4)]
    logits, labels = ranked(np.ones(100))
    logits[35:65] = logits[50]  # the 40 % and 50 % thresholds answer 65 rows
    labels[80:] = 1
    actual = for_accuracy(0.9, logits, labels)
    assert (actual.coverage, actual.accuracy_answered) == (0.8, 1.0)


def test_an_accuracy_that_is_not_shown_answers_nothing_and_warns():
    logits = np.array([[3.0, 0.0], [1.0, 0.0]], np.float32)
    actual = for_accuracy(0.95, logits, np.array([0, 0]))
    decision = Decision(abstention=actual)
    assert (actual.coverage, actual.accuracy_answered, actual.below) == (0.0, None, deciding.NEVER)
    assert decision.apply(np.array([[1e9, 0.0]], np.float32)).abstained.all()
    assert decision.warnings == [
        "the validation rows show an accuracy of 0.95 at no threshold (that takes at least 59 answered rows), so it "
        "answers nothing: lower decision.abstain.accuracy, or use more validation rows"
    ]
    assert Decision().warnings == []


def test_the_figures_of_a_row_that_abstains_have_its_coverage_and_the_accuracy_on_answered_rows():
    logits, labels = ranked([1, 1, 0, 1, 0])
    below = float(Decision().probabilities(logits)[2, 0])
    some = Abstention("coverage", 0.6, below, coverage=0.6, accuracy_answered=1.0, curve=())
    none = Abstention("accuracy", 0.9, deciding.NEVER, coverage=0.0, accuracy_answered=None, curve=())
    plain = Decision().score(logits, labels)
    assert "coverage" not in plain and plain["accuracy"] == 0.6
    assert Decision(abstention=some).score(logits, labels) == plain | {"coverage": 0.6, "accuracy_answered": 2 / 3}
    assert Decision(abstention=none).score(logits, labels) == plain | {"coverage": 0.0, "accuracy_answered": None}


@pytest.mark.parametrize("count", [1, 2, 101, 102, 3000])
def test_the_curve_is_bounded_from_the_surest_row_to_all_of_them(count):
    logits, labels = rows(count, 3)
    curve = deciding.abstention(Decision(), logits, labels, settings=Abstain(coverage=0.5)).curve
    assert len(curve) == min(count, 101)
    coverages, thresholds = [point.coverage for point in curve], [point.threshold for point in curve]
    assert (coverages[0], coverages[-1]) == (1 / count, 1.0)
    assert coverages == sorted(coverages) and thresholds == sorted(thresholds, reverse=True)
    assert curve[-1].risk == pytest.approx((DEFAULT.answers(logits) != labels).mean())
