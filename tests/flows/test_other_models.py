"""The probe of another model is a row like any other: saved, verified, and what a run with that model would measure."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import finetooth
import tiny
from finetooth.baselines.fitted import SETTINGS
from finetooth.files import read_json
from finetooth.runs.predictions import read as read_predictions
from trials import Finished, Trial, write_recipe

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def two(place: Path) -> Finished:
    """The probe of a DistilBERT beside a candidate on a BERT; texts of more than 24 tokens are cut."""
    tiny.save_model(place / "Other Model", "distilbert", seed=7)
    baselines = ["tfidf", {"probe": "./Other Model"}]
    changes: dict[str, Any] = {"training": {"epochs": 1, "evaluate_every": "epoch"}, "max_tokens": 24}
    trial = Trial(write_recipe(place, name="two", baselines=baselines, **changes), place / "two")
    said = trial.finish()
    assert said.returncode == 0, said.stderr
    return Finished(trial, said)


def test_its_row_has_figures_its_own_model_and_counts_as_a_baseline(two: Finished) -> None:
    found = json.loads(two.said.stdout)
    jsonschema.validate(found, json.loads((ROOT / "docs/contract.schema.json").read_text()))
    rows = {row["name"]: row for row in found["rows"]}
    assert list(rows) == ["tfidf", "probe-other-model", "r4"]
    other = rows["probe-other-model"]
    assert (other["kind"], other["status"], other["seed"]) == ("baseline", "done", None)
    assert other["probe"]["model"] == "Other Model"
    assert (found["data"]["max_tokens"], rows["tfidf"]["test_rows_cut"]) == (24, None)
    compared = read_json(two.trial.folder.comparison)
    assert "probe-other-model" in {row["name"] for row in compared["rows"] if row["kind"] == "baseline"}
    settings = read_json(two.trial.folder.row("probe-other-model", None).baseline / SETTINGS)
    assert settings["identity"]["base"]["id"] == "Other Model"
    planned = read_json(two.trial.folder.plan)["other_bases"]["probe-other-model"]
    assert settings["identity"]["base"]["weights_sha256"] == planned["weights_sha256"]


def test_it_is_bitwise_the_probe_of_a_run_with_that_model(two: Finished, place: Path) -> None:
    recipe = write_recipe(place, name="alone", model="./Other Model", baselines=["probe"], candidates=[], max_tokens=24)
    trial = Trial(recipe, place / "alone")
    assert trial.finish().returncode == 0
    one, other = (
        read_predictions(folder.predictions)
        for folder in (trial.folder.row("probe", None), two.trial.folder.row("probe-other-model", None))
    )
    for split in ("validation", "test"):
        assert one[split].ids == other[split].ids
        assert np.array_equal(one[split].logits, other[split].logits)


def test_table_and_card_say_what_is_read_and_what_is_cut(two: Finished) -> None:
    share = read_json(two.trial.folder.plan)["tokens"]["test"]["rows_cut"]
    assert share > 0.1
    table = " ".join(str(finetooth.open_run(two.trial.out).table).split())
    assert re.search(r"probe-other-model: logistic regression on [\w' -]+ of Other Model, C = \S+, both chosen", table)
    cut = f"{100 * share:.0f} % of test rows are cut at 24 tokens for probe-other-model and r4; tfidf reads them"
    assert f"{cut} whole." in table
    card = " ".join(two.trial.folder.card.read_text(encoding="utf-8").replace("\\", "").split())
    assert f"{cut} whole." in card and "of Other Model, C =" in card
    page = two.trial.folder.report.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert f"{cut} whole." in page


def test_it_is_verified_and_a_changed_bit_of_it_is_found(two: Finished, said: Any) -> None:
    code, out, err = said(two.trial, "verify", str(two.trial.out))
    assert code == 0, out + err
    place = two.trial.folder.row("probe-other-model", None).baseline / SETTINGS
    before = place.read_bytes()
    place.write_bytes(before.replace(b'"Other Model"', b'"other Model"'))
    try:
        code, out, err = said(two.trial, "verify", str(two.trial.out), "--json")
        assert code == 3
        assert "probe-other-model" in {fault["where"] for fault in json.loads(out)["faults"]}
    finally:
        place.write_bytes(before)
