"""A run begun in this process: sources, splits, tokens and plan are there, no row is fitted."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import tiny
from finetooth.files import write_json
from finetooth.model import device
from finetooth.plan import prepare
from finetooth.progress import Silent
from finetooth.proof.task import Task
from finetooth.recipe import load
from finetooth.runs.layout import RunFolder
from finetooth.runs.work import save_examples


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT in model/ and its reviews."""
    place = tmp_path_factory.mktemp("sources")
    tiny.save_model(place / "model")
    tiny.save_reviews(place / "reviews.csv", 120)
    return place


@pytest.fixture
def begin(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Callable[[str, str, str], Task]]:
    """A function from changes of the recipe to one that makes the run's tasks: task(action, row, split).

    inference: how the plan has texts computed, whatever this machine is faster in.
    """
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(device, "configure", lambda resolved: None)

    def begun(model: str | None = None, inference: str = "bfloat16", **changes: Any) -> Callable[[str, str, str], Task]:
        values = tiny.recipe(Path(model or sources / "model"), sources / "reviews.csv", **changes)
        values["data"] |= {"validation": 20, "test": 20}
        recipe, folder = load(values), RunFolder(tmp_path / "run")
        shutil.rmtree(folder.path, ignore_errors=True)
        folder.work.mkdir(parents=True)
        material = prepare.gather(recipe, rejects=None, progress=Silent())
        tokens = prepare.tokenize_splits(recipe, material, folder=folder.work / "tokens", progress=Silent())
        others = {
            row: prepare.tokenize_splits(recipe, material, row=row, folder=folder.tokens(row), progress=Silent())
            for row in material.other_models
        }
        plan = prepare.resolve(recipe, material, tokens, other_tokens=others) | {"inference": inference}
        folder.recipe.write_text(yaml.safe_dump(recipe.model_dump(mode="json")), encoding="utf-8")
        write_json(folder.plan, {"run_id": "a", "inexact": [], **plan})
        save_examples(folder, material.dataset)
        assert material.model is not None
        base, keys = str(material.model.path), dict(prepare.row_keys(recipe))

        def task(action: Any, row: str, split: str = "train") -> Task:
            other = material.other_models.get(row)
            return Task(action, str(folder.path), row, keys[row], split, base if other is None else str(other.path))

        return task

    return begun
