"""Loading what was trained: which base is brought for it."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml
from small_runs import make_run

import tiny
from finetooth.errors import SourceError
from finetooth.files import write_json
from finetooth.models import artifact, inference, precision
from finetooth.models.agreement import Agreement, Measured
from finetooth.models.batching import Input
from finetooth.models.text_model import TextModel
from finetooth.pipeline import trained_model
from finetooth.runs import plan_file
from finetooth.runs.layout import RunFolder


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The bases asked for; nothing is loaded."""
    sources: list[str] = []

    def fetch_model(text: str, *, progress: Any, offline: bool) -> Any:
        sources.append(text)
        if text == "gone/away":
            raise SourceError("gone/away: cannot be reached.")
        return SimpleNamespace(path=Path("base"))

    monkeypatch.setattr(trained_model, "fetch_model", fetch_model)
    monkeypatch.setattr(trained_model, "fetch_adapter", lambda text, *, progress: SimpleNamespace(path=Path(text)))
    monkeypatch.setattr(artifact, "load", lambda folder, *, base_folder, name: name)
    monkeypatch.setattr(inference, "ready", lambda trained, preferred: trained)
    monkeypatch.setattr(trained_model, "identity_of", lambda folder: {"base": {"id": "gone/away"}})
    return sources


def test_a_base_named_as_typed_is_the_folder_of_that_name(
    brought: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    trained_model.load(tmp_path / "adapter", base="model", exact=True)
    trained_model.load(tmp_path / "adapter", base="owner/name", exact=True)
    assert brought == ["./model", "owner/name"]


def test_a_base_that_cannot_be_brought_names_the_way_out(brought: list[str], tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        trained_model.load(tmp_path / "adapter")
    assert str(caught.value) == (
        f"gone/away: cannot be reached. It is the base of {tmp_path / 'adapter'}; name another copy of it with --base."
    )


@pytest.mark.parametrize(
    ("form", "data", "expected"),
    [
        ("csv", {}, {"text": "headline", "label": "kind"}),
        ("csv", {"text": "headline"}, {"label": "kind"}),
        ("folder", {}, {}),
    ],
)
def test_columns_that_a_run_found_are_those_its_recipe_does_not_name(
    tmp_path: Path, form: str, data: dict[str, str], expected: dict[str, str]
) -> None:
    folder = RunFolder(tmp_path)
    recipe = {"name": "t", "model": "owner/name", "data": {"source": "owner/reviews", **data}}
    folder.recipe.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert trained_model.data_of(folder)[1] == {}  # a run of before the data was read
    columns = {"text": {"name": "headline", "how": "x"}, "label": {"name": "kind", "how": "x"}}
    write_json(folder.data, {"files": [{"file": "a", "format": form}], "columns": columns})
    spec, columns_found = trained_model.data_of(folder)
    assert (spec.text, columns_found) == (data.get("text"), expected)
    assert trained_model._text_columns(folder) == {"text": "text" if form == "folder" else "headline"}


def test_a_predictor_of_a_run_knows_the_column_of_its_texts(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    texts = [text for text, _ in tiny.texts(3)]
    answers = trained_model.load(folder).predict(pd.DataFrame({"label": ["x"] * 3, "text": texts}))
    assert answers == trained_model.load(folder).predict(texts)
    moved = shutil.copytree(RunFolder(folder).row("r4", 3).adapter, tmp_path / "moved")
    assert trained_model.load(moved, base=str(tmp_path / "m")).columns == {}


def test_a_run_is_answered_as_it_computed_its_test_rows_and_a_moved_adapter_as_is_fast_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, choices = make_run(tmp_path), list[str]()
    monkeypatch.setattr(precision, "choose", lambda preferred: choices.append(preferred) or "bfloat16")
    passed = Measured(None, Agreement(1000, 0, 0.8, 0.8, 0.1))
    trained = TextModel(None, None, (), Input(48, "head", pairs=False), "x", measured=passed)
    assert trained_model.load(folder).precision == "float32"
    assert trained_model._precision(trained, RunFolder(folder)) == "float32"  # as its plan says, whatever is fast here
    assert not choices
    assert trained_model._precision(replace(trained, moved=True), RunFolder(folder)) == "bfloat16"
    assert trained_model._precision(trained, None) == "bfloat16"
    run = RunFolder(folder)
    plan_file.write(run, replace(plan_file.read(run), inference="plain"))  # --exact
    assert trained_model._precision(replace(trained, moved=True), RunFolder(folder)) == "plain"
