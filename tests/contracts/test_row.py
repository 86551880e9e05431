"""The contract of a kind of row: what must hold of every kind that a table can show."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import tiny
from begun_runs import begin, sources  # noqa: F401
from finetooth import row_kinds
from finetooth.files import damage
from finetooth.pipeline import finish, preparation
from finetooth.recipe import Recipe
from finetooth.recipe.baseline_rows import Baseline
from finetooth.row_kinds import row_kind
from finetooth.rows import row_of, rows
from finetooth.runs import predictions
from silent import SILENT

NAMES = ("majority", "original", "tfidf", "nb_words", "probe", "probe-other", "full", "r4")
every_row = pytest.mark.parametrize("name", NAMES)
Begin = Callable[..., Any]


@pytest.fixture
def context(begin: Begin, tmp_path: Path) -> Any:  # noqa: F811
    """The contexts of a run with one row of every kind."""
    other = tiny.save_model(tmp_path / "other", seed=5)
    named = [*(name for name in NAMES[:5]), {"probe": str(other)}, "full"]
    return begin(baselines=named, training={"epochs": 1}, candidates=[{"name": "r4", "rank": 4}], original_heads=2)


def test_every_kind_has_one_row_here_and_every_baseline_of_a_recipe_has_a_kind() -> None:
    assert len(rows()) == len({row.kind for row in rows()})
    assert {row.kind for row in rows()} == set(row_kinds.KINDS) == {row_kind(name) for name in NAMES}
    named = next(member for member in get_args(Baseline) if get_args(member))
    assert {row_kind(name).role for name in get_args(named)} == {"baseline", "reference"}
    assert {row_kind(name).name for name in get_args(named)} == set(get_args(named))


@every_row
def test_fitted_it_is_saved_whole_and_scored_it_has_predictions_of_each_split(context: Any, name: str) -> None:
    name = real(context, name)
    row, one = row_of(name), context("fit", name)
    row.fit(one, SILENT)
    assert damage(one.folder.saved(row.kind)) is None
    for split in ("validation", "test"):
        row.score(context("score", name, split), SILENT)
    kept = predictions.read(one.folder.predictions)
    assert {"validation", "test"} <= set(kept)
    assert all(np.isfinite(part.logits).all() and len(part.logits) == 20 for part in kept.values())


@every_row
def test_scored_again_it_gives_the_same_bits(context: Any, name: str) -> None:
    name = real(context, name)
    row, one = row_of(name), context("fit", name)
    row.fit(one, SILENT)
    found = []
    for _ in range(2):
        for split in ("validation", "test"):
            row.score(context("score", name, split), SILENT)
        found.append(one.folder.predictions.read_bytes())
    assert found[0] == found[1]


@every_row
def test_its_facts_leave_name_figures_and_status_as_they_are(context: Any, name: str) -> None:
    name = real(context, name)
    row, one = row_of(name), context("fit", name)
    row.fit(one, SILENT)
    for split in ("validation", "test"):
        row.score(context("score", name, split), SILENT)
    found = finish.row_of_results(one.recipe, one.plan, one.run_folder, key=(name, one.row_seed))
    assert (found.name, found.kind, found.seed, found.status) == (name, row.kind.contract_kind, one.row_seed, "done")
    assert found.validation and found.test
    assert (found.inference is not None) is row.kind.needs_model is (found.test_rows_cut is not None)
    assert (found.reload is not None) is row.kind.trained is bool(found.curve) is one.folder.verify.is_file()
    chooses = {"tfidf": 8, "nb_words": 3}.get(name, 16 if row.kind.name.startswith("probe") else 1)
    assert found.settings_tried == chooses
    assert (
        bool(found.learning_curve) is one.folder.learning_curve.is_file() is (row.kind.fitted and not row.kind.trained)
    )
    assert all(point.train_rows <= one.plan.counts["train"] for point in found.learning_curve)
    if found.learning_curve:
        validation = predictions.read(one.folder.predictions)["validation"]
        right = float((validation.logits.argmax(axis=1) == validation.labels).mean())
        assert found.learning_curve[-1].validation_accuracy == right
    assert found.decision is not None and found.decision["validation"] is not None
    assert one.folder.decision.is_file() is not row.kind.trained  # a trained model has it in its own folder


@every_row
def test_its_seeds_are_those_of_its_kind(context: Any, name: str) -> None:
    name = real(context, name)
    recipe: Recipe = context("fit", "majority").recipe.model_copy(update={"seeds": [4, 9]})
    seeds = [seed for key, seed in preparation.row_keys(recipe) if key == name]
    assert seeds == {"none": [None], "first": [4], "each": [4, 9]}[row_kind(name).seeds]


@every_row
def test_only_a_trained_kind_has_a_model_to_train_and_counts_steps(context: Any, name: str) -> None:
    name = real(context, name)
    row, one = row_of(name), context("fit", name)
    assert (row.trainable is not None) is row.kind.trained is (name in one.plan.candidates)
    total, unit = row.steps(one.recipe, one.plan)
    assert (total is None) is (unit == "") and ("steps" in unit) is row.kind.trained


@pytest.mark.parametrize("name", [name for name in NAMES if not row_kind(name).needs_model])
def test_a_kind_without_a_model_imports_no_torch(name: str) -> None:
    code = f"import sys; from finetooth.rows import row_of; row_of({name!r}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def real(context: Any, name: str) -> str:
    """The name that the recipe gives the row: that of the probe of another model says which."""
    rows_of_run = context("fit", "majority").recipe.baseline_rows
    return next((row for row in rows_of_run if row_kind(row).own_model), name) if name == "probe-other" else name
