from dataclasses import replace

import numpy as np
import pytest

from finetooth.errors import RunError
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.intervals import metric_interval, score_interval, wilson
from finetooth.evaluation.seeds import recipe_difference
from finetooth.evaluation.significance import holm, paired
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.units import Units
from finetooth.files import read_json
from finetooth.runs import comparison
from finetooth.runs.comparison import Outcome, write_comparison
from finetooth.runs.layout import RunFolder
from finetooth.runs.predictions import Predictions
from finetooth.tasks import DEFAULT, Outputs

COUNT = 400


def rights(share, seed):
    return np.random.default_rng(seed).random(COUNT) < share


def outcome(name, kind, seed, right, ids="test.csv", trained=0):
    """A row that has the examples of `right` right: class 0 is the true one, class 1 the other."""
    logits = np.stack([right, ~right], axis=1).astype(np.float32)
    names = tuple(f"{ids}:{n}" for n in range(COUNT))
    return Outcome(name, kind, seed, Predictions(names, np.zeros(COUNT, np.int64), logits), trained)


def compare(rows, winner=None, failed=(), task=DEFAULT, units=None, **terms):
    count = len(rows[0].test.labels) if rows else 0
    asked = Terms(units=Units.single(count) if units is None else units, **terms)
    return comparison.compare(rows, winner=winner, terms=asked, failed=failed, task=task)


MAJORITY, TFIDF = rights(0.5, 0), rights(0.75, 1)
BASELINES = [outcome("majority", "baseline", None, MAJORITY), outcome("tfidf", "baseline", None, TFIDF)]


def by_name(compared):
    return {(row["name"], row["seed"]): row for row in compared["rows"]}


def test_every_row_has_its_interval_and_every_candidate_its_gain(tmp_path):
    good, fair = rights(0.9, 2), rights(0.78, 3)
    actual = compare([*BASELINES, outcome("good", "candidate", 1, good), outcome("fair", "candidate", 1, fair)])
    assert actual["best_baseline"] == {"name": "tfidf", "seed": None}
    rows = by_name(actual)
    assert rows["majority", None]["interval"] == list(wilson(int(MAJORITY.sum()), COUNT))
    assert rows["majority", None]["difference"] is None
    row = rows["good", 1]
    assert row["accuracy"] == good.mean()
    assert row["difference"] == pytest.approx(good.mean() - TFIDF.mean())
    assert (row["only_row"] - row["only_baseline"]) / COUNT == row["difference"]
    assert row["p"] == paired(good, TFIDF).p and row["p_against"] == {"name": "tfidf", "seed": None}
    assert row["p_better"] == min(1, 2 * row["p"])  # without a winner, both are candidates that were not chosen
    assert rows["fair", 1]["p_better"] == rows["fair", 1]["p"]
    write_comparison(RunFolder(tmp_path), actual)
    assert read_json(tmp_path / "comparison.json") == actual


def test_p_is_the_largest_against_any_baseline():
    weak = MAJORITY.copy()
    weak[:3] = ~weak[:3]
    row = compare([*BASELINES, outcome("weak", "candidate", 1, weak)])["rows"][2]
    assert row["difference"] < -0.1
    assert row["p"] == paired(weak, MAJORITY).p > 0.2
    assert row["p_against"]["name"] == "majority"
    assert row["p_best_baseline"] == paired(weak, TFIDF).p < 0.001


def test_the_winner_is_not_corrected_and_the_others_are_one_family_with_their_seeds():
    candidates = [outcome("lora", "candidate", seed, rights(0.8, 10 + seed)) for seed in (1, 2, 3, 4)]
    rows = compare([*BASELINES, *candidates], winner=("lora", 2))["rows"][2:]
    assert {row["examples"] for row in rows} == {COUNT}
    assert rows[1]["p_better"] == rows[1]["p"]
    others = [row for row in rows if row["seed"] != 2]
    claims = [row["p"] if row["difference"] > 0 else 1.0 for row in others]
    assert [row["p_better"] for row in others] == holm(claims) != claims


def test_a_loss_to_the_best_baseline_is_corrected_for_the_number_of_baselines():
    bad = rights(0.6, 5)
    rows = compare([*BASELINES, outcome("bad", "candidate", 1, bad)], winner=("bad", 1))["rows"]
    assert rows[2]["p_behind"] == 2 * rows[2]["p_best_baseline"] < 0.01 and rows[2]["p_better"] == 1.0


def test_a_candidate_like_the_best_baseline_gains_nothing_and_roles_turned_turn_the_sign():
    other = rights(0.8, 4)
    assert compare([BASELINES[1], outcome("same", "candidate", 1, TFIDF)])["rows"][1]["difference"] == 0
    assert compare([BASELINES[1], outcome("same", "candidate", 1, TFIDF)])["rows"][1]["p"] == 1
    one = compare([BASELINES[1], outcome("a", "candidate", 1, other)])["rows"][1]
    two = compare([outcome("a", "baseline", 1, other), outcome("tfidf", "candidate", None, TFIDF)])["rows"][1]
    assert one["difference"] == -two["difference"] and one["p"] == two["p"]


def test_a_row_is_compared_by_the_labels_that_it_decides():
    turned = outcome("turned", "candidate", 1, TFIDF)
    test = Predictions(turned.test.ids, turned.test.labels, np.tile(np.float32([0.0, 1.0]), (COUNT, 1)))
    actual = [
        compare([BASELINES[1], Outcome("turned", "candidate", 1, test, decision=decision)])["rows"][1]["accuracy"]
        for decision in (Decision(), Decision(thresholds=(0.1, 0.9)), Decision(costs=((0, 1, 9.0),)))
    ]
    assert actual == [0.0, 1.0, 1.0]


def test_the_first_of_equal_baselines_is_the_best():
    again = outcome("original", "baseline", 1, TFIDF)
    assert compare([*BASELINES, again])["best_baseline"]["name"] == "tfidf"


def test_without_baselines_nothing_is_compared():
    actual = compare([outcome("lora", "candidate", 1, TFIDF)])
    assert actual["best_baseline"] is None and actual["rows"][0]["p"] is None
    assert compare([])["rows"] == []


def test_rows_of_other_examples_are_refused():
    with pytest.raises(RunError) as error:
        compare([*BASELINES, outcome("lora", "candidate", 3, TFIDF, ids="other.csv")])
    assert str(error.value) == (
        "rows majority and lora (seed 3) were not measured on the same test examples: "
        "delete the row folder that is not of this run and run the same command again."
    )


def test_who_is_not_ahead_of_every_baseline_counts_with_1_in_the_family():
    weak = MAJORITY.copy()
    weak[:3] = ~weak[:3]
    fair = rights(0.8, 4)
    alone = compare([*BASELINES, outcome("fair", "candidate", 1, fair)])["rows"][2]
    rows = compare([*BASELINES, outcome("fair", "candidate", 1, fair), outcome("weak", "candidate", 1, weak)])["rows"]
    assert rows[2]["p_better"] == min(1, 2 * alone["p"]) and rows[3]["p_better"] == 1.0


def in_two_classes(name, kind, seed, right, labels):
    answers = np.where(right, labels, 1 - labels)
    logits = np.eye(2, dtype=np.float32)[answers]
    return Outcome(name, kind, seed, Predictions(tuple(f"t:{n}" for n in range(COUNT)), labels, logits))


def test_every_metric_has_intervals_of_the_figure_and_of_the_difference():
    labels = (np.arange(COUNT) % 5 == 0).astype(np.int64)
    rows = [
        in_two_classes("tfidf", "baseline", None, TFIDF, labels),
        in_two_classes("good", "candidate", 1, rights(0.9, 2), labels),
    ]
    base, good = compare(rows)["rows"]
    for key in ("loss", "macro_f1"):
        metric = DEFAULT.metric(key)
        ours, theirs = (
            metric.each(Outputs(row.test.logits, DEFAULT.answers(row.test.logits)), labels) for row in rows[::-1]
        )
        assert good[f"{key}_interval"] == list(metric_interval(metric, ours))
        pair = paired(ours, theirs, test="paired_t")
        assert good[f"{key}_difference"] == pytest.approx(good[key] - base[key])
        assert good[f"{key}_difference_interval"] == list(pair.interval())
    assert good["difference_interval"] == list(score_interval(good["only_row"], good["only_baseline"], COUNT))
    assert base["loss_difference"] is None and base["difference_interval"] is None


def test_macro_f1_has_no_interval_with_fewer_than_10_rows_of_a_class():
    for rare, has_one in ((9, False), (10, True)):
        labels = (np.arange(COUNT) < rare).astype(np.int64)
        rows = [
            in_two_classes("tfidf", "baseline", None, TFIDF, labels),
            in_two_classes("good", "candidate", 1, rights(0.9, 2), labels),
        ]
        for row in compare(rows, fewest=rare)["rows"]:
            assert (row["macro_f1_interval"] is not None) == has_one
            assert row["macro_f1"] > 0 and row["loss_interval"] is not None
        assert (row["macro_f1_difference_interval"] is not None) == has_one


def test_the_metric_of_the_terms_decides_the_best_baseline_and_the_differences():
    labels = (np.arange(COUNT) < 40).astype(np.int64)
    never = labels == 0  # right on the frequent class, never on the rare one
    often = rights(0.8, 6)
    rows = [
        in_two_classes("majority", "baseline", None, never, labels),
        in_two_classes("tfidf", "baseline", None, often, labels),
        in_two_classes("good", "candidate", 1, rights(0.95, 2), labels),
    ]
    assert compare(rows, winner=("good", 1))["best_baseline"]["name"] == "majority"
    actual = compare(rows, winner=("good", 1), metric=DEFAULT.metric("macro_f1"), gain=0.01)
    assert actual["best_baseline"]["name"] == "tfidf"
    assert (actual["metric"], actual["gain"], actual["looks"]) == ("macro_f1", 0.01, 1)
    good, tfidf = actual["rows"][2], actual["rows"][1]
    assert good["difference"] == pytest.approx(good["macro_f1"] - tfidf["macro_f1"])
    assert good["accuracy_difference"] == pytest.approx(good["accuracy"] - tfidf["accuracy"])
    assert actual["verdict"]["text"].startswith("Worth it: good beats the best baseline (tfidf) by ")
    assert " in macro-F1, at least the 1 point asked for." in actual["verdict"]["headline"]


def test_rows_of_a_group_count_once():
    units, good = Units.of(np.arange(COUNT) // 20), outcome("good", "candidate", 1, rights(0.9, 2))
    alone, grouped = compare([*BASELINES, good]), compare([*BASELINES, good], units=units, group="film")
    assert (alone["examples"], alone["units"], alone["group"]) == (COUNT, COUNT, None)
    assert (grouped["examples"], grouped["units"], grouped["group"]) == (COUNT, 20, "film")
    pair = paired(good.test.labels == DEFAULT.answers(good.test.logits), TFIDF, units=units)
    row = grouped["rows"][2]
    assert row["p"] == pair.p and row["difference_interval"] == list(pair.interval())
    assert row["interval"] != alone["rows"][2]["interval"]


def test_calibration_of_every_row():
    row = compare(BASELINES)["rows"][0]
    sure = 1 / (1 + np.exp(-1))  # of two logits 1 apart
    assert row["calibration_error"] == pytest.approx(abs(row["accuracy"] - sure))
    assert 0 < row["calibration_error_limit"] < row["calibration_error"]
    (only,) = row["reliability"]
    assert (only["examples"], only["accuracy"]) == (COUNT, row["accuracy"])
    assert only["confidence"] == pytest.approx(sure) and only["low"] < sure <= only["high"]


def test_candidates_are_held_against_the_winner():
    good, fair = rights(0.9, 2), rights(0.88, 3)
    rows = [*BASELINES, outcome("good", "candidate", 1, good), outcome("fair", "candidate", 1, fair)]
    actual = by_name(compare(rows, winner=("good", 1)))
    pair = paired(fair, good)
    assert actual["fair", 1]["against_winner"] == {
        "difference": pair.difference,
        "interval": list(score_interval(pair.only_a, pair.only_b, COUNT)),
        "p": pair.p,
    }
    assert actual["good", 1]["against_winner"] is None and actual["tfidf", None]["against_winner"] is None
    assert by_name(compare(rows))["fair", 1]["against_winner"] is None


def test_full_is_no_baseline_and_is_held_against_the_winner():
    good, better = rights(0.9, 2), rights(0.95, 3)
    rows = [*BASELINES, outcome("good", "candidate", 1, good)]
    plain = by_name(compare(rows, winner=("good", 1)))
    reference = replace(outcome("full", "reference", 1, better), trained=9_000)
    made = compare([*rows, reference], winner=("good", 1))
    actual = by_name(made)
    assert made["best_baseline"]["name"] != "full" and actual["good", 1] == plain["good", 1]
    pair = paired(better, good)
    assert actual["full", 1]["against_winner"]["difference"] == pair.difference
    assert actual["full", 1]["difference"] is None
    assert "full (9,000 trained parameters) is ahead of good by" in made["verdict"]["text"]


def test_the_verdict_is_in_it_and_knows_trained_parameters_and_failures():
    good = rights(0.9, 2)
    small = good.copy()
    small[:1] = ~small[:1]
    rows = [
        *BASELINES,
        outcome("good", "candidate", 1, good, trained=1000),
        outcome("small", "candidate", 1, small, trained=10),
    ]
    actual = compare(rows, winner=("good", 1), margin=0.05, failed=["wild"])
    assert actual["margin"] == 0.05
    assert actual["verdict"]["worth_it"] is True
    assert actual["verdict"]["smallest_sufficient"] == {"name": "small", "seed": 1}
    text = "small, with 10 instead of 1,000 trained parameters, is at most 5 points worse than good (95 % interval)."
    assert text in actual["verdict"]["text"]
    assert "wild failed and is not judged." in actual["verdict"]["text"]


def test_a_single_test_row_with_a_score_without_bounds_has_no_interval(tmp_path):
    by_loss = replace(DEFAULT, metrics=(DEFAULT.metric("loss"), DEFAULT.metric("accuracy"), DEFAULT.metric("macro_f1")))
    rows = [
        replace(row, test=Predictions(row.test.ids[:1], row.test.labels[:1], row.test.logits[:1]))
        for row in (*BASELINES, outcome("good", "candidate", 1, rights(0.9, 2)))
    ]
    actual = compare(rows, winner=("good", 1), task=by_loss, metric=DEFAULT.metric("loss"))
    assert [row["interval"] for row in actual["rows"]] == [None, None, None]
    assert actual["rows"][2]["difference_interval"] is None
    assert "inf" not in actual["verdict"]["text"]
    assert actual["verdict"]["text"].startswith("No verdict from 1 test row (a verdict needs 100): good differs from ")
    write_comparison(RunFolder(tmp_path), actual)  # JSON has no infinite numbers


def test_seeds_are_pooled_by_name_with_the_recipes_claim_from_three_on():
    three = [outcome("lora", "candidate", seed, rights(0.8, 10 + seed)) for seed in (1, 2, 3)]
    originals = [outcome("original", "baseline", seed, rights(0.5, 20 + seed)) for seed in (1, 2)]
    actual = compare([*BASELINES, *originals, *three], winner=("lora", 1))["pooled"]
    assert [item["name"] for item in actual] == ["original", "lora"]
    right = np.stack([rights(0.8, 10 + seed) for seed in (1, 2, 3)])
    assert actual[1]["seeds"] == 3
    assert actual[1]["mean"] == pytest.approx(right.mean())
    assert actual[1]["standard_deviation"] == pytest.approx(right.mean(axis=1).std(ddof=1))
    claim = recipe_difference(right, TFIDF[None, :])
    assert (actual[1]["difference"], actual[1]["p"]) == (claim.difference, claim.p)
    assert actual[1]["interval"] == list(claim.interval)
    assert actual[0]["difference"] is None
    assert compare([*BASELINES, *three[:2]])["pooled"][0]["p"] is None
    assert compare([*BASELINES, three[0]])["pooled"] == []


def test_equal_inputs_give_equal_bytes(tmp_path):
    rows = [*BASELINES, *(outcome("lora", "candidate", seed, rights(0.8, seed)) for seed in (1, 2, 3))]
    texts = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_comparison(RunFolder(tmp_path / name), compare(rows, winner=("lora", 1)))
        texts.append((tmp_path / name / "comparison.json").read_bytes())
    assert texts[0] == texts[1]
    read_json(tmp_path / "a" / "comparison.json")


def test_one_test_row_is_compared_too():
    def single(name, kind, right, seed=None):
        logits = np.array([[right, not right]], np.float32)
        return Outcome(name, kind, seed, Predictions(("a:1",), np.zeros(1, np.int64), logits), 5)

    rows = [single("tfidf", "baseline", False), *(single("lora", "candidate", True, seed) for seed in range(5))]
    actual = compare(rows, winner=("lora", 2))
    assert actual["verdict"]["outcome"] == "too_few" and actual["verdict"]["worth_it"] is None
    assert actual["pooled"][0]["p"] is None
