import numpy as np
import pytest

from finetooth.evaluation.calibration import reliability
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.intervals import metric_interval, wilson
from finetooth.evaluation.units import Units
from finetooth.report import measured
from finetooth.runs.predictions import Predictions
from finetooth.tasks import DEFAULT


def answers_of(probabilities, labels):
    return plain(np.log(np.array(probabilities, np.float32)), np.array(labels, np.int64))


def plain(logits, labels, decision=None):
    ids = tuple(map(str, range(len(labels))))
    return measured.decided(Predictions(ids, labels, logits), decision or Decision())


WORKED = answers_of([[0.95, 0.05], [0.75, 0.25], [0.25, 0.75], [0.75, 0.25]], [0, 0, 1, 1])


def test_the_interval_of_a_bin_of_confidences_counts_units():
    one = answers_of([[0.95, 0.05]] * 6 + [[0.25, 0.75]] * 6, [0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0])
    bins = reliability(one.confidences, one.scores)
    assert [part.examples for part in bins] == [6, 6]
    apart = measured.bin_intervals(one, bins, np.arange(12))
    assert apart == [wilson(3, 6), wilson(4, 6)]
    pairs = measured.bin_intervals(one, bins, np.arange(12) // 2)
    expected = [
        metric_interval(one.metric, one.scores[at], units=Units.of(np.arange(6) // 2))
        for at in (slice(6, 12), slice(0, 6))
    ]
    assert pairs == expected and pairs[0] != apart[0]


def test_a_confusion_counts_true_classes_in_lines_and_answers_in_columns():
    assert measured.confusion(WORKED).tolist() == [[2, 0], [1, 1]]


def test_the_pairs_mixed_up_most_come_first_and_are_those_of_the_confusion():
    rng = np.random.default_rng(5)
    one = plain(rng.normal(0, 1, (900, 6)).astype("f4"), rng.integers(0, 6, 900))
    counts = measured.confusion(one)
    actual = measured.mixed_up(one, 100)
    assert len(actual) == 30 and [pair.count for pair in actual] == sorted(
        (pair.count for pair in actual), reverse=True
    )
    for pair in actual:
        assert pair.true != pair.answer
        assert (pair.count, pair.total) == (counts[pair.true, pair.answer], counts[pair.true].sum())
    assert measured.mixed_up(one, 3) == actual[:3]


def test_answers_and_confidences_are_those_of_the_decision():
    logits = np.random.default_rng(2).normal(0, 4, (50, 3)).astype("f4")
    decision = Decision(temperature=2.0, thresholds=(0.6, 0.2, 0.2))
    actual, largest = plain(logits, np.zeros(50, np.int64), decision), logits.argmax(1)
    powers = np.exp(logits.astype(np.float64) / 2)
    shares = powers / powers.sum(1, keepdims=True)
    assert (actual.labels == (shares / [0.6, 0.2, 0.2]).argmax(1)).all() and (actual.labels != largest).any()
    assert actual.confidences == pytest.approx(shares[np.arange(50), actual.labels])
    assert measured.confusion(actual)[0].tolist() == np.bincount(actual.labels, minlength=3).tolist()


def test_slices_of_each_kind_hold_every_row_once_and_its_right_answers():
    rng = np.random.default_rng(1)
    count = 300
    labels = rng.integers(0, 3, count)
    two = [plain(rng.normal(0, 1, (count, 3)).astype("f4"), labels) for _ in range(2)]
    texts = ["x" * int(length) for length in rng.integers(0, 40, count)]
    films = [f"film {number % 20}" for number in range(count)]
    actual = dict(
        measured.slices(two, classes=["a", "b", "c"], texts=texts, columns={"film": films}, units=np.arange(count))
    )
    assert list(actual) == ["true class", "length of the text", "film"]
    for parts in actual.values():
        assert sum(part.count for part in parts) == count
        for at, one in enumerate(two):
            assert sum(part.sums[at] for part in parts) == int((one.labels == labels).sum())
    assert [part.name for part in actual["true class"]] == ["a", "b", "c"]
    assert actual["film"][-1].name == "8 other values" and len(actual["film"]) == 13
    for part in actual["length of the text"]:
        low, high = map(int, part.name.split(" to "))
        assert part.count == sum(low <= len(text) <= high for text in texts)


def test_texts_of_one_length_are_one_slice():
    (_, by_class), (_, by_length) = measured.slices(
        [WORKED], classes=["a", "b"], texts=["same"] * 4, columns={}, units=np.arange(4)
    )
    assert [(part.name, part.count, part.sums) for part in by_length] == [("4", 4, (3,))]
    assert [(part.name, part.count, part.sums) for part in by_class] == [("a", 2, (2,)), ("b", 2, (1,))]


def by_column(values):
    count = len(values)
    one = plain(np.tile(np.array([[1, 0]], np.float32), (count, 1)), np.zeros(count, np.int64))
    texts, units = ["t"] * count, np.arange(count)
    return dict(measured.slices([one], classes=["a", "b"], texts=texts, columns={"c": values}, units=units))["c"]


def test_intervals_of_a_slice_are_those_of_its_units():
    labels, right = np.arange(40) % 2, np.arange(40) % 8 < 6
    one = plain(np.eye(2, dtype="f4")[np.where(right, labels, 1 - labels)], labels)
    of = {"classes": ["a", "b"], "texts": ["t"] * 40, "columns": {}}
    alone = dict(measured.slices([one], units=np.arange(40), **of))["true class"][0]
    grouped = dict(measured.slices([one], units=np.arange(40) // 4, **of))["true class"][0]
    scores, units = right[labels == 0].astype(float), Units.of((np.arange(40) // 4)[labels == 0])
    assert grouped.intervals == (metric_interval(DEFAULT.headline, scores, units=units),) != alone.intervals


def test_a_column_of_many_numbers_is_told_by_quarters_and_one_of_few_value_by_value():
    years = by_column([str(1920 + number) for number in range(80)])
    assert [(part.name, part.count) for part in years] == [
        ("1920 to 1939", 20), ("1940 to 1959", 20), ("1960 to 1979", 20), ("1980 to 1999", 20),
    ]  # fmt: skip
    stars = by_column(["5", "1", "5", "", "NA"])
    assert [(part.name, part.count) for part in stars] == [("5", 2), ("(none)", 1), ("1", 1), ("NA", 1)]
    shares = by_column([f"{number / 100}" for number in range(80)])
    assert [part.name for part in shares] == ["0.0 to 0.19", "0.2 to 0.39", "0.4 to 0.59", "0.6 to 0.79"]
    assert len(by_column([*map(str, range(30)), "many"])) == 13
