"""Training without padding, on hidden states of the layers below kept on disk, from a recipe to its answers."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import f1_score

import finetooth
import golden
from finetooth.evaluation.decision_file import DECISION
from finetooth.files import read_json, sha256_file
from finetooth.runs.predictions import read as read_predictions
from trials import Finished, Trial, killed, told, write_recipe

ROOT = Path(__file__).resolve().parents[2]
CACHED: dict[str, Any] = {
    "name": "prefixed",  # it is in results.json, whose hash is in golden.json
    "baselines": [],
    "training": {"epochs": 8, "base_dropout": 0.0, "precision": "bfloat16"},  # "auto" is decided by a clock
    "candidates": [{"name": "r4", "rank": 4, "bias": "lora_only", "layers": "last-1"}],
    "decision": {"thresholds": "macro_f1", "abstain": {"coverage": 0.8}},
}


@pytest.fixture(scope="module")
def cached(place: Path) -> Finished:
    """One candidate trained without padding, on hidden states kept on disk, that decides by thresholds and abstains."""
    trial = Trial(write_recipe(place, **CACHED), place / "cached")
    said = trial.finish("--profile")
    assert said.returncode == 0, said.stderr
    return Finished(trial, said)


def test_golden_cached(cached: Finished) -> None:
    golden.check("prefixed", cached.trial)


def test_the_seconds_of_each_part_are_in_the_costs(cached: Finished) -> None:
    (row,) = json.loads(cached.said.stdout)["rows"]
    assert row["part_seconds"].keys() == {"frozen_layers", "forward", "backward", "optimizer", "evaluate", "save"}
    steps = sum(row["part_seconds"][part] for part in ("frozen_layers", "forward", "backward", "optimizer"))
    assert 0 < steps <= row["train_seconds"]
    assert not cached.trial.folder.work.exists()  # with the hidden states, of no use once the run is complete


def test_results_evaluate_and_predict_decide_alike(cached: Finished, said: Any) -> None:
    trial = cached.trial
    jsonschema.validate(json.loads(cached.said.stdout), json.loads((ROOT / "docs/contract.schema.json").read_text()))
    (row,) = json.loads(cached.said.stdout)["rows"]
    assert read_json(trial.row.adapter / DECISION) == {"schema": 1, **row["decision"]}
    assert read_json(trial.row.verify)["decision_sha256"] == sha256_file(trial.row.adapter / DECISION)
    wanted = row["decision"]["abstain"]
    assert 0.8 <= wanted["coverage"] < 0.8 + 1 / 40
    predictor = finetooth.load(trial.out)
    test = read_predictions(trial.row.predictions)["test"]
    decided = predictor.decision.apply(test.logits)
    right, answered = decided.labels == test.labels, ~decided.abstained
    assert row["test"]["accuracy"] == right.mean()
    assert row["test"]["macro_f1"] == pytest.approx(f1_score(test.labels, decided.labels, average="macro"), abs=1e-12)
    (compared,) = read_json(trial.folder.comparison)["rows"]
    assert compared["correct"] == right.sum()
    code, out, err = said(trial, "evaluate", str(trial.out), "--json")
    assert code == 0, err
    found = json.loads(out)
    # This process has not the MKL_CBWR of a run's: the last bits of float32, which 40 validation rows mean, may differ.
    assert found["loss"] == pytest.approx(row["test"]["loss"], abs=1e-6)
    assert {key: found[key] for key in row["test"]} == row["test"] | {"loss": found["loss"]}
    assert (found["coverage"], found["accuracy_answered"]) == (answered.mean(), right[answered].mean())
    with (trial.recipe.parent / "reviews.csv").open(newline="") as file:
        texts = [line["text"] for line in csv.DictReader(file)]
    places = [int(item.rpartition(":")[2]) for item in test.ids]
    first = min(int(line.rpartition(":")[2]) for line in pq.read_table(trial.folder.splits)["id"].to_pylist())
    answers = predictor.predict([texts[place - first] for place in places])
    classes = np.array(predictor.classes)
    expected = [None if gone else name for name, gone in zip(classes[decided.labels], decided.abstained, strict=True)]
    assert [answer["label"] for answer in answers] == expected


@pytest.mark.slow  # a quicker and closer test: tests/unit/models/test_frozen_layer_cache.py
def test_without_the_cache_the_figures_are_those_with_it_but_for_rounding(
    place: Path, tmp_path: Path, cached: Finished
) -> None:
    trial = Trial(cached.trial.recipe, tmp_path / "uncached")
    said = trial.finish("--set", "training.cache_bytes=0")
    assert said.returncode == 0, said.stderr
    with_cache, without = (json.loads(item.stdout)["rows"][0] for item in (cached.said, said))
    for one, two in zip(with_cache["curve"], without["curve"], strict=True):
        # Products may be bfloat16's, which round what comes from the disk otherwise.
        assert one["epoch"] == two["epoch"]
        assert [one[key] for key in ("train_loss", "validation_loss")] == pytest.approx(
            [two[key] for key in ("train_loss", "validation_loss")], rel=0.05
        )


def test_check_says_what_is_kept(cached: Finished, said: Any) -> None:
    _, kept, _ = said(cached.trial, "check", str(cached.trial.recipe))
    assert re.search(r"hidden states below layer 2 are kept on disk: [0-9.]+ [kM]B", kept)


@pytest.mark.timeout(600)
def test_four_kills_without_padding_and_with_the_layers_below_kept_on_disk(cached: Finished, tmp_path: Path) -> None:
    assert told(killed(cached, tmp_path, kills=4, seed=3)) == 4
