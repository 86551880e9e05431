"""From a file of labelled texts, and nothing else, to a table; the same command, and the recipe of init, go on."""

from pathlib import Path
from typing import Any

import pandas
import pytest
import yaml

import finetooth
import tiny
from finetooth.evaluation.intervals import wilson
from finetooth.files import read_json
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


def test_rows_with_one_text_count_once(folder: Path, said: Any) -> None:
    frame = pandas.read_csv("reviews.csv").drop_duplicates("text")
    pandas.concat([frame, frame, frame]).to_csv("repeated.csv", index=False)
    trial = Trial(folder / "repeated.csv", folder / "runs" / "repeated")
    code, out, err = said(trial, "run", "repeated.csv", *CHANGES)
    assert code == 0, err
    compared = read_json(trial.folder.comparison)
    assert compared["units"] * 3 == compared["examples"]
    assert f"{compared['examples']} test rows with {compared['units']} different texts" in " ".join(out.split())
    (row,) = compared["rows"]
    low, high = wilson(row["correct"] // 3, compared["units"])  # each text once
    assert row["interval"][0] <= low and high <= row["interval"][1]


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


def polars_frame(frame: pandas.DataFrame) -> Any:
    return pytest.importorskip("polars").DataFrame(frame.to_dict("list"))


SHAPES: dict[str, Any] = {
    "pandas": lambda frame: frame,
    "polars": polars_frame,
    "pairs": lambda frame: list(frame.itertuples(index=False, name=None)),
    "lists": lambda frame: frame.to_numpy().tolist(),
    "mappings": lambda frame: frame.to_dict("records"),
    "numpy": lambda frame: frame.to_numpy(),
    "numpy of strings": lambda frame: frame.to_numpy().astype(str),
}


@pytest.fixture(scope="module")
def of_file(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the quick check says of the file of the reviews."""
    place = tmp_path_factory.mktemp("of-file")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FINETOOTH_CACHE", str(place / "cache"))
        environment.setenv("FINETOOTH_STATE", str(place / "state"))
        return finetooth.check(tiny.save_reviews(place / "reviews.csv"), quick=True)


@pytest.mark.parametrize("shape", SHAPES)
def test_python_objects_are_checked_as_their_file_is(folder: Path, of_file: Any, shape: str) -> None:
    checked = finetooth.check(SHAPES[shape](pandas.read_csv("reviews.csv")), quick=True)
    assert of_file["data"]["counts"]["train"] == {"bad": 86, "good": 87}
    for key in ("classes", "counts", "test_classes", "rows", "malformed", "leaks", "test_id"):
        assert checked["data"][key] == of_file["data"][key], key
    assert checked["verdict_power"] == of_file["verdict_power"]
    assert facts(checked["findings"]) == facts(of_file["findings"])


def facts(findings: Any) -> list[tuple[str, str]]:
    """What findings say; the rows that they show have the names of their file."""
    return [(finding["code"], finding["says"]) for finding in findings]
