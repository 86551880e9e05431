"""A run begun in this process, for tests of rows and workers: its plan and tokens are there, no row is fitted."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import tiny
from finetooth.models import device
from finetooth.pipeline import preparation, run_plan
from finetooth.progress import Silent
from finetooth.recipe import load
from finetooth.rows.context import Context
from finetooth.runs import plan_file
from finetooth.runs.layout import RunFolder
from finetooth.runs.plan_file import Precision
from finetooth.runs.work import save_examples, write_splits


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
) -> Callable[..., Callable[[str, str, str], Context]]:
    """A function from changes of the recipe to one that makes the contexts of the run's tasks.

    It is called with the action, the row and the split.

    inference: how the plan has texts computed, whatever this machine is faster in.
    """
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(device, "configure", lambda resolved: None)

    def begun(
        model: str | None = None, inference: Precision = "bfloat16", **changes: Any
    ) -> Callable[[str, str, str], Context]:
        values = tiny.recipe(Path(model or sources / "model"), sources / "reviews.csv", **changes)
        values["data"] |= {"validation": 20, "test": 20}
        recipe, folder = load(values), RunFolder(tmp_path / "run")
        shutil.rmtree(folder.path, ignore_errors=True)
        folder.work.mkdir(parents=True)
        material = preparation.gather(recipe, rejects=None, progress=Silent())
        tokens, others = preparation.tokenize_all(recipe, material, folder=folder, progress=Silent())
        resolved = run_plan.resolve(recipe, material, tokens, other_tokens=others)
        plan = replace(resolved, run_id="a", inference=inference)
        plan_file.write(folder, plan)
        folder.recipe.write_text(yaml.safe_dump(recipe.model_dump(mode="json")), encoding="utf-8")
        write_splits(folder, material.dataset)
        save_examples(folder, material.dataset)
        assert material.model is not None
        base, keys = material.model, dict(preparation.row_keys(recipe))

        def context(action: str, row: str, split: str = "train") -> Context:
            return Context(
                run_folder=folder,
                recipe=recipe,
                plan=plan,
                row=row,
                row_seed=keys[row],
                split=split,
                base_folder=material.other_models.get(row, base).path,
            )

        return context

    return begun
