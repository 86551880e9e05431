"""What a recipe resolves to, and what is refused before anything is trained."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

import tiny
from finetooth.data.examples import rows_id
from finetooth.errors import ModelError, RecipeError
from finetooth.plan import prepare
from finetooth.progress import Silent
from finetooth.recipe import Recipe, load


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan")
    tiny.save_model(folder / "model")
    tiny.save_reviews(folder / "reviews.csv", 60)
    return folder


def recipe(place: Path, **changes: Any) -> Recipe:
    values = tiny.recipe(place / "model", place / "reviews.csv", training=changes.pop("training", {}))
    values["data"] |= {"validation": 10, "test": 10}
    return load(values | changes)


def planned(wanted: Recipe, place: Path) -> dict[str, Any]:
    material = prepare.gather(wanted, rejects=None, progress=Silent())
    tokens = prepare.tokenize_splits(wanted, material, folder=place, progress=Silent())
    return prepare.resolve(wanted, material, tokens)


def test_the_same_recipe_gives_the_same_plan(place: Path, tmp_path: Path) -> None:
    one, two = (planned(recipe(place), tmp_path / name) for name in "ab")
    assert one == two
    assert one["counts"] == {"train": 40, "validation": 10, "test": 10}
    assert one["classes"] == ["bad", "good"]
    assert one["base"]["head"] == "new"
    assert len(one["candidates"]["r4"]["targets"]) == 12


def test_tokens_that_are_there_are_taken_up_again(place: Path, tmp_path: Path) -> None:
    wanted = recipe(place)
    material = prepare.gather(wanted, rejects=None, progress=Silent())
    first = prepare.tokenize_splits(wanted, material, folder=tmp_path / "t", progress=Silent())
    before = {item: item.stat().st_mtime_ns for item in (tmp_path / "t").rglob("*")}
    again = prepare.tokenize_splits(wanted, material, folder=tmp_path / "t", progress=Silent())
    assert before == {item: item.stat().st_mtime_ns for item in (tmp_path / "t").rglob("*")}
    assert all(np.array_equal(first[split].ids, again[split].ids) for split in first)
    (tmp_path / "t" / "train" / "ids.npy").write_bytes(b"torn")
    anew = prepare.tokenize_splits(wanted, material, folder=tmp_path / "t", progress=Silent())
    assert all(np.array_equal(first[split].ids, anew[split].ids) for split in first)


def test_rows_stand_in_the_tables_order_once_for_each_seed_that_matters(place: Path) -> None:
    wanted = recipe(place, seeds=[5, 6], baselines=["tfidf", "original", "probe", "full"])
    assert prepare.row_keys(wanted) == [
        ("tfidf", None), ("original", 5), ("probe", None), ("full", 5), ("full", 6), ("r4", 5), ("r4", 6)
    ]  # fmt: skip


def test_full_fine_tuning_is_planned_only_where_it_is_named(place: Path, tmp_path: Path) -> None:
    assert "full" not in planned(recipe(place), tmp_path / "a")["candidates"]
    wanted = recipe(place, baselines=["full"], candidates=[])
    assert planned(wanted, tmp_path / "b")["candidates"] == {
        "full": {"targets": [], "padded_because": "all parameters are trained", "depth": 0}
    }


def test_a_weight_of_an_unknown_label_is_refused(place: Path) -> None:
    wanted = recipe(place, training={"class_weights": {"god": 2.0}})
    with pytest.raises(RecipeError) as caught:
        prepare.gather(wanted, rejects=None, progress=Silent())
    assert str(caught.value) == "training.class_weights: 'god' is no label of the data. Did you mean 'good'?"


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"god": {"bad": 2.0}}, "decision.costs: 'god' is no label of the data. Did you mean 'good'?"),
        ({"good": {"bd": 2.0}}, "decision.costs.good: 'bd' is no label of the data. Did you mean 'bad'?"),
    ],
)
def test_a_cost_of_an_unknown_label_is_refused(place: Path, costs: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        prepare.gather(recipe(place, decision={"costs": costs}), rejects=None, progress=Silent())
    assert str(caught.value) == message


def test_more_tokens_than_positions_are_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        planned(recipe(place, max_tokens=65), tmp_path / "t")
    assert str(caught.value) == "max_tokens 65 is more than the model's 64 positions; lower it."


def test_a_checkpoint_that_lacks_a_part_of_a_layer_is_no_base(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "model", tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    kept = {name: value for name, value in load_file(weights).items() if "layer.1.output.dense" not in name}
    save_file(kept, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError) as caught:
        planned(recipe(place, model=str(tmp_path / "model")), tmp_path / "t")
    assert str(caught.value) == (
        "the base model: the checkpoint lacks bert.encoder.layer.1.output.dense, a part of an encoder layer; "
        "it is not whole."
    )


def test_controls_alone_bring_no_model(place: Path) -> None:
    wanted = recipe(place, model="owner/never-brought", baselines=["majority"], candidates=[])
    material = prepare.gather(wanted, rejects=None, progress=Silent())
    assert material.model is None
    plan = prepare.resolve(wanted, material, {})
    assert (plan["base"], plan["candidates"]) == (None, {})
    assert plan["test_rows_id"] == rows_id(material.dataset.test, classes=material.dataset.classes)
