import numpy as np
import pytest

from finetooth.errors import RunError
from finetooth.files import read_json
from finetooth.measure.intervals import wilson
from finetooth.measure.significance import paired
from finetooth.runs.comparison import Outcome, compare, write_comparison
from finetooth.runs.layout import RunFolder
from finetooth.runs.predictions import Predictions

COUNT = 400


def rights(share, seed):
    return np.random.default_rng(seed).random(COUNT) < share


def outcome(name, kind, seed, right, ids="test.csv"):
    """A row that has the examples of `right` right: class 0 is the true one, class 1 the other."""
    logits = np.stack([right, ~right], axis=1).astype(np.float32)
    return Outcome(
        name, kind, seed, Predictions(tuple(f"{ids}:{n}" for n in range(COUNT)), np.zeros(COUNT, np.int64), logits)
    )


MAJORITY, TFIDF = rights(0.5, 0), rights(0.75, 1)
CONTROLS = [outcome("majority", "baseline", None, MAJORITY), outcome("tfidf", "baseline", None, TFIDF)]


def by_name(found):
    return {(row["name"], row["seed"]): row for row in found["rows"]}


def test_every_row_has_its_interval_and_every_candidate_its_gain(tmp_path):
    good, fair = rights(0.9, 2), rights(0.78, 3)
    found = compare([*CONTROLS, outcome("good", "candidate", 1, good), outcome("fair", "candidate", 1, fair)])
    assert found["best_control"] == {"name": "tfidf", "seed": None}
    rows = by_name(found)
    assert rows["majority", None]["interval"] == list(wilson(int(MAJORITY.sum()), COUNT))
    assert rows["majority", None]["difference"] is None
    row = rows["good", 1]
    assert row["accuracy"] == good.mean()
    assert row["difference"] == pytest.approx(good.mean() - TFIDF.mean())
    assert (row["only_row"] - row["only_control"]) / COUNT == row["difference"]
    assert row["p"] == paired(good, TFIDF).p and row["p_against"] == {"name": "tfidf", "seed": None}
    assert row["p_holm"] == min(1, 2 * row["p"])
    assert rows["fair", 1]["p_holm"] == rows["fair", 1]["p"]
    write_comparison(RunFolder(tmp_path), found)
    assert read_json(tmp_path / "comparison.json") == found


def test_p_is_the_largest_against_any_control():
    weak = MAJORITY.copy()
    weak[:3] = ~weak[:3]
    row = compare([*CONTROLS, outcome("weak", "candidate", 1, weak)])["rows"][2]
    assert row["difference"] < -0.1
    assert row["p"] == paired(weak, MAJORITY).p > 0.2
    assert row["p_against"]["name"] == "majority"
    assert row["p_best_control"] == paired(weak, TFIDF).p < 0.001


def test_seeds_are_rows_of_one_family_and_never_pooled():
    candidates = [outcome("lora", "candidate", seed, rights(0.8, 10 + seed)) for seed in (1, 2, 3)]
    rows = compare([*CONTROLS, *candidates])["rows"][2:]
    assert {row["examples"] for row in rows} == {COUNT}
    lowest = min(rows, key=lambda row: row["p"])
    assert lowest["p_holm"] == pytest.approx(min(1, 3 * lowest["p"]))


def test_a_candidate_like_the_best_control_gains_nothing_and_roles_turned_turn_the_sign():
    other = rights(0.8, 4)
    assert compare([CONTROLS[1], outcome("same", "candidate", 1, TFIDF)])["rows"][1]["difference"] == 0
    assert compare([CONTROLS[1], outcome("same", "candidate", 1, TFIDF)])["rows"][1]["p"] == 1
    one = compare([CONTROLS[1], outcome("a", "candidate", 1, other)])["rows"][1]
    two = compare([outcome("a", "baseline", 1, other), outcome("tfidf", "candidate", None, TFIDF)])["rows"][1]
    assert one["difference"] == -two["difference"] and one["p"] == two["p"]


def test_the_first_of_equal_controls_is_the_best():
    again = outcome("original", "baseline", 1, TFIDF)
    assert compare([*CONTROLS, again])["best_control"]["name"] == "tfidf"


def test_without_controls_nothing_is_compared():
    found = compare([outcome("lora", "candidate", 1, TFIDF)])
    assert found["best_control"] is None and found["rows"][0]["p"] is None
    assert compare([])["rows"] == []


def test_rows_of_other_examples_are_refused():
    with pytest.raises(RunError) as error:
        compare([*CONTROLS, outcome("lora", "candidate", 3, TFIDF, ids="other.csv")])
    assert str(error.value) == (
        "rows majority and lora (seed 3) were not measured on the same test examples: "
        "delete the row folder that is not of this run and give the same command again."
    )
