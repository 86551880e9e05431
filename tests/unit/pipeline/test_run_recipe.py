"""What a run refuses before it writes, and how it reads the recipe it is given."""

from pathlib import Path
from typing import Any

import pytest
from small_runs import make_run

from finetooth import Recipe
from finetooth.errors import ChangedError, RecipeError, RunError, SourceError
from finetooth.models import device
from finetooth.pipeline import run_recipe
from finetooth.recipe import load as load_recipe
from finetooth.runs.layout import RunFolder


def recipe_of(folder: Path) -> dict[str, Any]:
    return {"name": "x", "model": "./m", "data": {"source": str(folder / "gone.csv")}, "candidates": []}


def test_a_folder_with_a_users_own_files_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match=r"holds files that are not of a run \(thesis\.tex\)"):
        run_recipe.run(recipe_of(tmp_path), out=out)
    assert sorted(item.name for item in out.iterdir()) == ["thesis.tex"]


def test_what_a_kill_in_the_first_moment_leaves_is_no_users_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in (".lock", ".lock-worker", ".lock.holder", ".tmp-0123456789abcdef"):
        (out / name).write_text("")
    with pytest.raises(SourceError, match="no such file or folder"):  # it continued
        run_recipe.run(recipe_of(tmp_path), out=out)


def test_without_a_gpu_a_run_on_one_is_refused_before_anything_is_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "gpu_obstacle", lambda: "there is none")
    recipe = recipe_of(tmp_path) | {"training": {"device": "cuda"}}
    with pytest.raises(RecipeError, match=r"^training\.device: cuda, but there is none\. Set training\.device: cpu"):
        run_recipe.run(recipe, out=tmp_path / "out")


def test_a_recipe_object_means_what_its_file_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes: list[Recipe] = []

    def prepare(recipe: Recipe, *others: object, **named: object) -> None:
        recipes.append(recipe)
        raise RunError("far enough")

    monkeypatch.setattr(run_recipe, "_prepare", prepare)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="far enough"):
        run_recipe.run(Recipe.model_validate(recipe_of(tmp_path) | {"data": {"source": "./gone.csv"}}), out="out")
    assert (recipes[0].model, recipes[0].data.source) == (str(tmp_path / "m"), str(tmp_path / "gone.csv"))


def test_exact_of_a_complete_run_that_was_begun_without_it_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    recipe = load_recipe(RunFolder(folder).recipe)
    run_recipe.run(recipe, out=folder)
    with pytest.raises(ChangedError, match="begun without --exact; leave it out"):
        run_recipe.run(recipe, out=folder, exact=True)
