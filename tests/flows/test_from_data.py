"""From a file of labelled texts, and nothing else, to a table; the same command, and the recipe of init, go on."""

from pathlib import Path
from typing import Any

import pandas
import pytest
import yaml

import finetooth
import tiny
from trials import Trial

CHANGES = ("--set", "candidates=[]", "--set", "baselines=[majority]")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the tiny reviews."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("FINETOOTH_CACHE", str(tmp_path / "cache"))
    return tiny.save_reviews(tmp_path / "reviews.csv").parent


def test_a_file_is_run_and_goes_on_by_the_same_command_and_by_its_recipe(folder: Path, said: Any) -> None:
    trial = Trial(folder / "reviews.csv", folder / "runs" / "reviews")
    code, out, err = said(trial, "run", "reviews.csv", *CHANGES)
    assert code == 0, err
    assert out.startswith("reviews: ")
    assert "  label: label                    # by its name\n" in err
    assert "To save and edit it: finetooth init reviews.csv\n" in err
    recorded = yaml.safe_load((folder / "runs" / "reviews" / "recipe.yaml").read_text(encoding="utf-8"))
    assert (recorded["data"]["source"], recorded["data"]["text"]) == (str(folder / "reviews.csv"), "text")

    code, again, err = said(trial, "run", "reviews.csv", *CHANGES)
    assert (code, again) == (0, out)
    assert "nothing was computed" in " ".join(err.split())

    assert said(trial, "init", "reviews.csv", *CHANGES)[0] == 0
    code, written, err = said(trial, "run", "reviews.yaml")
    assert (code, written) == (0, out), err
    assert "nothing was computed" in " ".join(err.split())


def test_a_frame_is_run_and_goes_on(folder: Path) -> None:
    frame = pandas.read_csv("reviews.csv")
    recipe = finetooth.load_recipe(frame, overrides=["candidates=[]", "baselines=[majority]"])
    first = finetooth.run(recipe)
    assert first.folder.name.startswith("frame-")
    marks = (first.folder / "results.json").stat().st_mtime_ns
    again = finetooth.run(finetooth.load_recipe(frame, overrides=["candidates=[]", "baselines=[majority]"]))
    assert (again.folder, (again.folder / "results.json").stat().st_mtime_ns) == (first.folder, marks)


def test_a_file_is_checked(folder: Path, said: Any) -> None:
    trial = Trial(folder / "reviews.csv", folder / "runs" / "reviews")
    code, out, err = said(trial, "check", "reviews.csv", *CHANGES)
    assert code == 0, err
    assert out.startswith("reviews: no model")
    assert err.splitlines()[-1] == (
        "Next    finetooth run reviews.csv --set 'candidates=[]' --set 'baselines=[majority]'"
    )
    assert finetooth.check(frame_of(folder))["data"]["classes"] == finetooth.check("reviews.yaml")["data"]["classes"]


def frame_of(folder: Path) -> Any:
    """The reviews as (text, label) pairs, and a recipe beside them that needs no model."""
    text = "name: mine\nmodel: minilm\ndata: {source: reviews.csv}\nbaselines: [majority]\n"
    (folder / "reviews.yaml").write_text(text, encoding="utf-8")
    pairs = list(pandas.read_csv("reviews.csv").itertuples(index=False, name=None))
    return finetooth.load_recipe(pairs, overrides=["candidates=[]", "baselines=[majority]"])
