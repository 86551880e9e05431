"""Bases compared: by probes that have not seen the rows they answer, each base's fault told in its place."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import finetooth
import tiny
from finetooth.errors import DataError, RecipeError
from finetooth.evaluation.intervals import wilson
from finetooth.evaluation.units import Units
from finetooth.pipeline import base_comparison
from finetooth.pipeline.check_text import describe
from finetooth.progress import Silent
from finetooth.recipe import Recipe, load
from finetooth.tasks import DEFAULT
from hub_stand_in import COMMIT, serving


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny bases, a folder of an unknown family, and reviews."""
    folder = tmp_path_factory.mktemp("bases")
    tiny.save_model(folder / "bert")
    tiny.save_model(folder / "distil", "distilbert", seed=4)
    strange = tiny.save_model(folder / "strange")
    text = (strange / "config.json").read_text(encoding="utf-8")
    (strange / "config.json").write_text(text.replace('"model_type": "bert"', '"model_type": "mamba"'))
    tiny.save_reviews(folder / "reviews.csv", 200)
    return folder


@pytest.fixture
def recipe(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setenv("FINETOOTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(models)
    return load(tiny.recipe(models / "nowhere", models / "reviews.csv"))  # its own model is not needed


def line(comparison: dict[str, Any], base: str) -> dict[str, Any]:
    return next(item for item in comparison["bases"] if item["base"] == base)


def test_each_base_has_its_interval_and_its_difference_to_the_best(recipe: Recipe) -> None:
    comparison = finetooth.check(recipe, bases=["./bert", "./distil"])
    assert (comparison["sample_rows"], comparison["folds"]) == (100, 5)
    best = line(comparison, comparison["best"])
    other = next(item for item in comparison["bases"] if item is not best)
    assert best["accuracy"] >= other["accuracy"] and best["accuracy"] > 0.55
    assert best["interval"] == list(wilson(round(100 * best["accuracy"]), 100))
    assert (best["difference"], best["difference_interval"], best["distinguished"]) == (None, None, None)
    low, high = other["difference_interval"]
    assert low <= other["difference"] <= high
    assert other["difference"] == pytest.approx(other["accuracy"] - best["accuracy"])
    assert other["distinguished"] is (high < 0)
    assert best["parameters"] > 1000 and best["seconds"] > 0


def test_the_same_base_twice_over_differs_by_nothing(recipe: Recipe, models: Path) -> None:
    comparison = finetooth.check(recipe, bases=["./bert", str(models / "bert")])
    assert comparison["best"] == "./bert"  # the first among equals
    other = comparison["bases"][1]
    assert other["accuracy"] == comparison["bases"][0]["accuracy"]
    assert (other["difference"], other["distinguished"], comparison["smallest_difference"]) == (0.0, False, None)


def test_what_is_wrong_with_a_base_is_told_in_its_place(recipe: Recipe) -> None:
    comparison = finetooth.check(recipe, bases=["./strange", "./bert", "./absent"])
    assert "model family 'mamba' is not supported" in line(comparison, "./strange")["error"]
    assert "absent" in line(comparison, "./absent")["error"]
    assert (line(comparison, "./bert")["error"], comparison["best"]) == (None, "./bert")
    text = describe(comparison)
    assert "./strange  " in text and "failed" in text and "--set model=./bert" in text
    assert max(map(len, text.splitlines())) <= 80


def test_without_a_base_that_can_be_measured_there_is_none_to_train(recipe: Recipe) -> None:
    comparison = finetooth.check(recipe, bases=["./strange"])
    assert (comparison["best"], comparison["smallest_difference"]) == (None, None)
    assert "--set" not in describe(comparison)


def test_a_hub_id_is_brought_and_named_with_its_commit(
    recipe: Recipe, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path, monkeypatch) as hub:
        files = {item.name: item.read_bytes() for item in (models / "bert").iterdir()}
        hub.repositories["models/acme/tiny"] = files
        comparison = finetooth.check(recipe, bases=["acme/tiny", "acme/none"])
    assert line(comparison, "acme/tiny")["id"] == f"acme/tiny@{COMMIT}"
    assert line(comparison, "acme/none")["error"] is not None
    assert comparison["best"] == "acme/tiny"


def test_no_validation_or_test_row_is_encoded(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    real, read = base_comparison.preparation.tokens_of, list[str]()

    def tokens_of(tokenizer: Any, examples: Any, *rest: Any, **named: Any) -> Any:
        read.extend(examples.ids)
        return real(tokenizer, examples, *rest, **named)

    monkeypatch.setattr(base_comparison.preparation, "tokens_of", tokens_of)
    dataset = base_comparison.preparation.gather(
        recipe.model_copy(update={"candidates": [], "baselines": ["majority"]}), rejects=None, progress=Silent()
    ).dataset
    finetooth.check(recipe, bases=["./bert"])
    assert sorted(read) == sorted(dataset.train.ids)


def test_a_sample_is_drawn_where_rows_are_many(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_comparison, "SAMPLE", 60)
    comparison = finetooth.check(recipe, bases=["./bert"])
    assert comparison["sample_rows"] == 60
    assert comparison == finetooth.check(recipe, bases=["./bert"]) | {"bases": comparison["bases"]}
    assert [item["accuracy"] for item in comparison["bases"]] == [
        item["accuracy"] for item in finetooth.check(recipe, bases=["./bert"])["bases"]
    ]


def test_bases_that_cannot_be_compared_are_refused(recipe: Recipe) -> None:
    with pytest.raises(RecipeError, match=r"^--bases names './bert' twice\.$"):
        finetooth.check(recipe, bases=["./bert", "./bert"])
    with pytest.raises(RecipeError, match=r"^--bases names no base\.$"):
        finetooth.check(recipe, bases=[])
    few = recipe.model_copy(update={"data": recipe.data.model_copy(update={"limit": recipe.data.limit.model_copy(
        update={"train": 4})})})  # fmt: skip
    with pytest.raises(DataError) as error:
        finetooth.check(few, bases=["./bert"])
    assert str(error.value) == "4 training rows are too few to compare bases by 5-fold cross-validation."


@pytest.mark.parametrize(("films", "groups"), [(3, "1 group"), (6, "2 groups")])  # of the training rows
def test_rows_of_few_groups_are_refused_by_their_groups(
    models: Path, recipe: Recipe, tmp_path: Path, films: int, groups: str
) -> None:
    first, *lines = (models / "reviews.csv").read_text(encoding="utf-8").splitlines()
    grouped = [f"{line},film {number % films}" for number, line in enumerate(lines)]
    (tmp_path / "films.csv").write_text("\n".join([f"{first},film", *grouped]) + "\n", encoding="utf-8")
    data = recipe.data.model_copy(update={"source": str(tmp_path / "films.csv"), "group": "film"})
    with pytest.raises(DataError) as error:
        finetooth.check(recipe.model_copy(update={"data": data}), bases=["./bert"])
    assert str(error.value).endswith(
        f"training rows are of only {groups} (film), too few to compare bases by 5-fold cross-validation: it needs 5."
    )


def test_rows_that_can_show_no_difference_say_so() -> None:
    units = Units.of(np.arange(1000) // 250)  # the p of four units is never below 5 %
    actual = base_comparison._compared(list(measured(0.8, 0.6)), DEFAULT.headline, units)
    assert actual["smallest_difference"] is None
    data = {"columns": {"group": {"name": "film"}}}
    comparison = {"run": "r", "folds": 5, "sample_rows": 1000, "units": 4, "data": data, **actual}
    assert (
        "1,000 rows in 4 groups (film) are too few to distinguish bases: no true difference would be found with 80 % "
        "power." in " ".join(describe(comparison).split())
    )
    same = base_comparison._compared(list(measured(0.8, 0.8)), DEFAULT.headline, Units.single(1000))
    assert "1,000 rows cannot distinguish bases that are close." in " ".join(
        describe(comparison | {"units": 1000} | same).split()
    )


def measured(accuracy: float, other: float, rows: int = 1000) -> Iterator[base_comparison._Measured]:
    order = np.arange(rows)
    for name, share in (("a", accuracy), ("b", other)):
        yield base_comparison._Measured(
            name, id=name, parameters=1, seconds=1.0, scores=(order < share * rows).astype(float)
        )


def compared(*measured_bases: Any) -> dict[str, Any]:
    count = next(len(item.scores) for item in measured_bases if item.scores is not None)
    return base_comparison._compared(measured_bases, DEFAULT.headline, Units.single(count))


def test_a_difference_is_distinguished_where_its_interval_leaves_out_0() -> None:
    near, far = (compared(*measured(0.8, other)) for other in (0.799, 0.76))
    assert near["bases"][1]["distinguished"] is False and near["bases"][1]["difference_interval"][1] > 0
    assert far["bases"][1]["distinguished"] is True and far["bases"][1]["difference_interval"][1] < 0


def test_intervals_of_differences_hold_for_all_pairs_together() -> None:
    two = compared(*measured(0.8, 0.78))["bases"][1]["difference_interval"]
    third = base_comparison._Measured(
        "c", id="c", parameters=1, seconds=1.0, scores=(np.arange(1000) < 700).astype(float)
    )
    three = compared(*measured(0.8, 0.78), third)["bases"][1]["difference_interval"]
    assert three[0] < two[0] < two[1] < three[1]


def line_of(base: str, **more: Any) -> dict[str, Any]:
    values = {"base": base, "error": None, "parameters": 133_400_000, "seconds": 1234.0, "accuracy": 1.0}
    gain = {"difference": -0.123, "difference_interval": [-0.182, -0.101], "distinguished": True}
    return values | {"interval": [0.887, 0.999]} | gain | more


@pytest.mark.parametrize("group", [None, {"name": "writer", "how": "declared"}])
def test_long_names_and_wide_figures_stay_within_80_columns(group: Any) -> None:
    best = line_of("./models/of-a-long-name/random-bert", difference=None)
    comparison = {
        "run": "r", "folds": 5, "sample_rows": 1000, "units": 300 if group else 1000,
        "best": best["base"], "smallest_difference": 0.034,
        "bases": [best, line_of("./models/of-a-long-name/random-distilbert")], "data": {"columns": {"group": group}},
    }  # fmt: skip
    text = describe(comparison)
    assert max(map(len, text.splitlines())) <= 80
    assert "-bert  " in text and "distilbert  " in text
    rows = "1,000 rows in 300 groups (writer)" if group else "1,000 rows"
    assert f"{rows} cannot distinguish bases that are close" in " ".join(text.split())
