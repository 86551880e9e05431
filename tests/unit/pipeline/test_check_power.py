"""What check says of the power of the verdict: of the recipe's baselines, test rows, units and look."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetooth.data import Dataset, Examples, overlap
from finetooth.pipeline.check_power import baselines_to_beat, verdict_power
from finetooth.pipeline.preparation import Material
from finetooth.recipe import Recipe, load
from finetooth.runs import ledger
from finetooth.runs.layout import RunFolder
from finetooth.runs.ledger import RowKeys
from finetooth.tasks import DEFAULT

TEST_ID = "ab" * 32


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))


def recipe(**changes: Any) -> Recipe:
    values = {"name": "films", "model": "minilm", "data": {"source": "films.csv", "group": "film"}}
    return load(values | {"baselines": ["majority", "tfidf", "nb_words"], "candidates": [{"name": "r8"}]} | changes)


def material(count: int = 1000, *, films: int | None = None, repeats: int = 1) -> Material:
    """Test rows without labels: nothing here may read them. films: how many; repeats: how often each text occurs."""
    texts = tuple(f"text {number // repeats}" for number in range(count))
    groups = () if films is None else tuple(f"film {number // repeats % films}" for number in range(count))
    test = Examples(tuple(f"a.csv:{n}" for n in range(count)), texts, None, np.zeros(0, np.int64), groups=groups)
    dataset = Dataset(test, test, test, ("bad", "good"), TEST_ID, "", {})
    return Material(DEFAULT, None, {}, dataset)


def usual(power: dict[str, Any]) -> float:
    return next(item["gain"] for item in power["gains"] if item["discordance"] == 0.1)


def test_the_baselines_to_beat_are_those_that_learn_and_without_them_all() -> None:
    assert baselines_to_beat(recipe()) == ["tfidf", "nb_words"]
    assert baselines_to_beat(recipe(baselines=["majority", "original"])) == ["majority", "original"]
    assert baselines_to_beat(recipe(baselines=["tfidf", "full"])) == ["tfidf"]  # full is a reference
    assert baselines_to_beat(recipe(baselines=[])) == []


def test_groups_and_repeated_texts_are_units_that_need_a_larger_gain() -> None:
    alone = verdict_power(recipe(data={"source": "films.csv"}), material())
    assert (alone["examples"], alone["units"], alone["group"], alone["looks"]) == (1000, 1000, None, 1)
    in_films = verdict_power(recipe(), material(films=40))
    assert (in_films["examples"], in_films["units"], in_films["group"]) == (1000, 40, "film")
    repeated = verdict_power(recipe(data={"source": "films.csv"}), material(repeats=2))
    assert (repeated["examples"], repeated["units"]) == (1000, 500)
    assert usual(alone) < min(usual(in_films), usual(repeated))


def test_the_look_is_the_next_one_and_is_not_recorded(tmp_path: Path) -> None:
    rows = material()
    first = verdict_power(recipe(), rows)
    assert (first["looks"], first["alpha"]) == (1, pytest.approx(0.0304, abs=1e-4))
    assert verdict_power(recipe(), rows) == first
    assert not (tmp_path / "state").exists()
    keys = overlap.keys(rows.dataset.test.texts, None)
    opened = RowKeys.of(TEST_ID, keys, ledger.row_keys(keys, ["good"] * len(keys)))
    ledger.open_run(opened, RunFolder(tmp_path), run_id="run-a", run_name="films")
    second = verdict_power(recipe(), rows)
    assert (second["looks"], second["alpha"]) == (2, pytest.approx(0.0076, abs=1e-4))
    assert usual(second) > usual(first)


def test_the_chance_to_show_the_gain_asked_for_is_that_at_twice_the_gain() -> None:
    asked = verdict_power(recipe(verdict={"gain": 0.08}), material())["gain_asked"]
    assert (asked["gain"], asked["true_gain"], asked["discordance"]) == (0.08, 0.16, 0.16)
    assert 0.8 < asked["chance"] <= 1.0
    for gain in (0.0, 0.3):  # none asked for; two models cannot differ by so much in this simulation
        assert verdict_power(recipe(verdict={"gain": gain}), material())["gain_asked"] is None


def test_without_a_baseline_and_by_another_metric_nothing_is_estimated() -> None:
    for changes in ({"baselines": []}, {"verdict": {"metric": "macro_f1"}}):
        power = verdict_power(recipe(**changes), material())
        assert (power["gains"], power["gain_asked"]) == ([], None)
