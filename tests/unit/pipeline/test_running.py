"""What a run refuses before it writes, and how it reads the recipe it is given."""

from pathlib import Path
from typing import Any

import pytest

from finetooth import Recipe
from finetooth.errors import RecipeError, RunError, SourceError
from finetooth.pipeline import running


def recipe_of(place: Path) -> dict[str, Any]:
    return {"name": "x", "model": "./m", "data": {"source": str(place / "gone.csv")}, "candidates": []}


def test_a_folder_with_a_users_own_files_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match=r"holds files that are not of a run \(thesis\.tex\)"):
        running.run(recipe_of(tmp_path), out=out)
    assert sorted(item.name for item in out.iterdir()) == ["thesis.tex"]


def test_what_a_kill_in_the_first_moment_leaves_is_no_users_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in (".lock", ".lock-worker", ".lock.holder", ".tmp-0123456789abcdef"):
        (out / name).write_text("")
    with pytest.raises(SourceError, match="no such file or folder"):  # it went on
        running.run(recipe_of(tmp_path), out=out)


def test_a_profile_of_the_cpu_is_not_asked_of_a_gpu(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"^--profile measures products of the CPU; leave it out, or set training\."):
        running.run(recipe_of(tmp_path) | {"training": {"device": "cuda"}}, out=tmp_path / "out", profile=True)


def test_without_a_gpu_a_run_on_one_is_refused_before_anything_is_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running.prepare.device, "gpu_obstacle", lambda: "there is none")
    asked = recipe_of(tmp_path) | {"training": {"device": "cuda"}}
    with pytest.raises(RecipeError, match=r"^training\.device: cuda, but there is none\. Set training\.device: cpu"):
        running.run(asked, out=tmp_path / "out")


def test_a_recipe_object_means_what_its_file_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Recipe] = []

    def work(recipe: Recipe, *others: object, **named: object) -> None:
        given.append(recipe)
        raise RunError("far enough")

    monkeypatch.setattr(running, "_Work", work)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="far enough"):
        running.run(Recipe.model_validate(recipe_of(tmp_path) | {"data": {"source": "./gone.csv"}}), out="out")
    assert (given[0].model, given[0].data.source) == (str(tmp_path / "m"), str(tmp_path / "gone.csv"))
