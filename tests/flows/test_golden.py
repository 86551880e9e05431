"""A run of the kinds of rows that the other flows lack: groups, several seeds, full, layers frozen under way."""

import csv
import html
import json
from pathlib import Path
from typing import Any

import pytest

import finetooth
import golden
import tiny
from finetooth.evaluation.intervals import wilson
from finetooth.files import read_json
from finetooth.report.terminal import render
from finetooth.report.view import view_of
from trials import Finished, Trial, write_recipe

WIDE: dict[str, Any] = {
    "name": "wide",
    "baselines": ["majority", "full"],
    "seeds": [3, 4],
    "training": {"base_dropout": 0.0, "evaluate_every": "epoch"},
    "candidates": [{"name": "then", "rank": 4, "then": "last-1"}],
}
AUTOMATIC: dict[str, Any] = {
    "name": "automatic",
    "baselines": [],
    "training": {"epochs": "auto", "base_dropout": 0.0, "evaluate_every": "epoch", "batch_size": 32},
    "candidates": [{"name": "r2", "rank": 2, "targets": "attention"}],
}


@pytest.fixture(scope="module")
def wide(place: Path) -> Finished:
    """A candidate and full, of two seeds, on rows of which three at a time are of one author."""
    with (place / "authors.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "author"])
        writer.writerows([text, label, f"author {number // 3}"] for number, (text, label) in enumerate(tiny.texts(240)))
    data = {"source": str(place / "authors.csv"), "text": "text", "label": "label", "group": "author"}
    trial = Trial(write_recipe(place, data=data | {"validation": 40, "test": 60}, **WIDE), place / "wide")
    finished = trial.finish()
    assert finished.returncode == 0, finished.stderr
    return Finished(trial, finished)


def test_every_row_ended_well(wide: Finished) -> None:
    rows = json.loads(wide.said.stdout)["rows"]
    assert [(row["name"], row["seed"], row["status"]) for row in rows] == [
        ("majority", None, "done"),
        *((name, seed, "done") for name in ("full", "then") for seed in (3, 4)),
    ]
    assert [row["frozen"] is not None for row in rows] == [False] * 3 + [True] * 2


def test_rows_of_one_group_count_once_and_that_is_said_wherever_intervals_are(wide: Finished) -> None:
    folder = wide.trial.folder
    compared = read_json(folder.comparison)
    assert (compared["examples"], compared["group"]) == (60, "author")
    assert compared["units"] < 60
    for row in compared["rows"]:
        low, high = wilson(row["correct"], row["examples"])  # as if the rows were independent
        assert row["interval"][1] - row["interval"][0] > high - low
    where = f"60 test rows in {compared['units']} groups (author)"
    page = html.unescape(folder.report.read_text(encoding="utf-8"))
    for text in (render(view_of(folder.path)), page, folder.card.read_text(encoding="utf-8").replace("\\", "")):
        assert where in " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())
    scored = finetooth.evaluate(folder.path)
    assert (scored["group"], scored["units"]) == ("author", compared["units"])
    assert compared["verdict"]["outcome"] in ("unlearned", "too_few")  # 60 rows, and a few steps


def test_golden_wide(wide: Finished) -> None:
    golden.check("wide", wide.trial)


def test_golden_automatic(place: Path) -> None:
    trial = Trial(write_recipe(place, **AUTOMATIC), place / "automatic")
    finished = trial.finish()
    assert finished.returncode == 0, finished.stderr
    golden.check("automatic", trial)
