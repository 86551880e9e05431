"""What a recipe resolves to, and what is refused before anything is trained."""

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import plans
import tiny
from finetooth.data.examples import rows_id
from finetooth.errors import ModelError, RecipeError
from finetooth.models import device, tokenizer
from finetooth.pipeline import preparation, recipe_check, run_plan
from finetooth.progress import Silent
from finetooth.recipe import Recipe, load
from finetooth.runs.plan_file import Plan

# Every error about labels says where they are read (docs/data.md).
LABEL_COLUMN = "The labels are read from column 'label' (declared). To read them from another: data.label: COLUMN"


def recipe(sources: Path, **changes: Any) -> Recipe:
    values = tiny.recipe(sources / "model", sources / "reviews.csv", training=changes.pop("training", {}))
    values["data"] |= {"validation": 10, "test": 10}
    return load(values | changes)


def planned(resolved_recipe: Recipe, tokens_folder: Path) -> Plan:
    material = preparation.gather(resolved_recipe, rejects=None, progress=Silent())
    tokens = preparation.tokenize_splits(resolved_recipe, material, folder=tokens_folder, progress=Silent())
    return run_plan.resolve(resolved_recipe, material, tokens)


def test_the_same_recipe_gives_the_same_plan(sources: Path, tmp_path: Path) -> None:
    one, two = (planned(recipe(sources), tmp_path / name) for name in "ab")
    assert one == two
    assert one.counts == {"train": 40, "validation": 10, "test": 10}
    assert one.classes == ("bad", "good")
    assert one.of_model().base.head == "new"
    assert len(one.candidates["r4"].targets) == 12


def test_tokens_that_are_there_are_taken_up_again(sources: Path, tmp_path: Path) -> None:
    loaded_recipe = recipe(sources)
    material = preparation.gather(loaded_recipe, rejects=None, progress=Silent())
    first = preparation.tokenize_splits(loaded_recipe, material, folder=tmp_path / "t", progress=Silent())
    before = {item: item.stat().st_mtime_ns for item in (tmp_path / "t").rglob("*")}
    again = preparation.tokenize_splits(loaded_recipe, material, folder=tmp_path / "t", progress=Silent())
    assert before == {item: item.stat().st_mtime_ns for item in (tmp_path / "t").rglob("*")}
    assert all(np.array_equal(first[split].ids, again[split].ids) for split in first)
    (tmp_path / "t" / "train" / "ids.npy").write_bytes(b"torn")
    anew = preparation.tokenize_splits(loaded_recipe, material, folder=tmp_path / "t", progress=Silent())
    assert all(np.array_equal(first[split].ids, anew[split].ids) for split in first)


def test_rows_stand_in_the_tables_order_once_for_each_seed_that_matters(sources: Path) -> None:
    loaded_recipe = recipe(sources, seeds=[5, 6], baselines=["tfidf", "original", "probe", "full"])
    assert preparation.row_keys(loaded_recipe) == [
        ("tfidf", None), ("original", 5), ("probe", None), ("full", 5), ("full", 6), ("r4", 5), ("r4", 6)
    ]  # fmt: skip


def test_full_fine_tuning_is_planned_only_where_it_is_named(sources: Path, tmp_path: Path) -> None:
    assert "full" not in planned(recipe(sources), tmp_path / "a").candidates
    loaded_recipe = recipe(sources, baselines=["full"], candidates=[])
    assert planned(loaded_recipe, tmp_path / "b").candidates == {
        "full": plans.candidate(fallback_reason="all parameters are trained")
    }


def test_a_weight_of_an_unknown_label_is_refused(sources: Path) -> None:
    loaded_recipe = recipe(sources, training={"class_weights": {"god": 2.0}})
    with pytest.raises(RecipeError) as caught:
        preparation.gather(loaded_recipe, rejects=None, progress=Silent())
    assert str(caught.value) == (
        f"training.class_weights: 'god' is no label of the data. Did you mean 'good'?\n{LABEL_COLUMN}"
    )


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"god": {"bad": 2.0}}, "decision.costs: 'god' is no label of the data. Did you mean 'good'?"),
        ({"good": {"bd": 2.0}}, "decision.costs.good: 'bd' is no label of the data. Did you mean 'bad'?"),
    ],
)
def test_a_cost_of_an_unknown_label_is_refused(sources: Path, costs: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        preparation.gather(recipe(sources, decision={"costs": costs}), rejects=None, progress=Silent())
    assert str(caught.value) == f"{message}\n{LABEL_COLUMN}"


def test_costs_are_refused_if_no_mistake_costs_anything(sources: Path) -> None:
    free = {"good": {"bad": 0.0}, "bad": {"good": 0.0}}
    with pytest.raises(RecipeError, match=r"^decision.costs: every mistake costs 0, .* or remove decision.costs.$"):
        preparation.gather(recipe(sources, decision={"costs": free}), rejects=None, progress=Silent())
    one = {"good": {"bad": 0.0}}  # the other mistake costs 1
    assert preparation.gather(recipe(sources, decision={"costs": one}), rejects=None, progress=Silent()).dataset


@pytest.mark.parametrize(("base", "adapter"), [(0.1, 0.0), (0.0, 0.1), (0.1, 0.1)])
def test_what_dropout_costs_is_measured_against_a_plan_without_any(
    sources: Path, tmp_path: Path, base: float, adapter: float
) -> None:
    loaded_recipe = recipe(
        sources,
        training={"base_dropout": base},
        candidates=[{"name": "r4", "rank": 4, "layers": "last-1", "dropout": adapter}],
    )
    dropped = planned(loaded_recipe, tmp_path / "asked").candidates["r4"]
    plain = planned(recipe_check._without_dropout(loaded_recipe), tmp_path / "plain").candidates["r4"]
    assert (dropped.fallback_reason is not None, dropped.depth) == (True, 0)
    assert (plain.fallback_reason, plain.depth) == (None, 1)


def test_a_family_that_is_not_known_is_refused_before_any_data_are_brought(sources: Path, tmp_path: Path) -> None:
    shutil.copytree(sources / "model", tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    config.write_text(config.read_text().replace('"bert"', '"longformer"'))
    loaded_recipe = recipe(sources, model=str(tmp_path / "model"), data={"source": str(tmp_path / "gone.csv")})
    with pytest.raises(ModelError) as caught:
        preparation.gather(loaded_recipe, rejects=None, progress=Silent())
    assert str(caught.value) == (
        "the base model: model family 'longformer' is not supported; known: bert, distilbert, electra, roberta, "
        "xlm-roberta, camembert. Name a model of one of them, such as sentence-transformers/all-MiniLM-L6-v2 or "
        "distilbert/distilbert-base-uncased."
    )


def test_more_tokens_than_positions_are_refused(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        planned(recipe(sources, max_tokens=65), tmp_path / "t")
    assert str(caught.value) == "max_tokens 65 is more than the model's 64 positions; lower it."


def test_a_checkpoint_that_lacks_a_part_of_a_layer_is_no_base(sources: Path, tmp_path: Path) -> None:
    shutil.copytree(sources / "model", tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    remaining = {name: value for name, value in load_file(weights).items() if "layer.1.output.dense" not in name}
    save_file(remaining, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError) as caught:
        planned(recipe(sources, model=str(tmp_path / "model")), tmp_path / "t")
    assert str(caught.value) == (
        "the base model: the checkpoint is incomplete: it lacks bert.encoder.layer.1.output.dense, a part of an "
        "encoder layer. Name a complete copy of the model."
    )


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine with a GPU, as far as plans go."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Example 80GB")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 0))
    monkeypatch.setattr(device, "gpu_bytes", lambda: 80 * 10**9)


ON_GPU = {"device": "cuda", "base_dropout": 0, "token_budget": "auto", "precision": "auto"}
PACKED = {"name": "r4", "rank": 4}


@pytest.mark.usefixtures("with_gpu")
@pytest.mark.parametrize(
    ("built", "available", "capability", "obstacle"),
    [
        (None, False, (8, 0), f"torch {torch.__version__} is built without CUDA"),
        ("13.0", False, (8, 0), f"torch {torch.__version__} finds no GPU here"),
        ("13.0", True, (7, 5), "Example 80GB has compute capability 7.5"),
    ],
)
def test_where_no_gpu_can_be_trained_on_it_is_refused(
    sources: Path,
    monkeypatch: pytest.MonkeyPatch,
    built: str | None,
    available: bool,
    capability: tuple[int, int],
    obstacle: str,
) -> None:
    preparation.refuse_device(recipe(sources, training=ON_GPU))
    monkeypatch.setattr(torch.version, "cuda", built)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    preparation.refuse_device(recipe(sources))
    with pytest.raises(RecipeError) as caught:
        preparation.refuse_device(recipe(sources, training=ON_GPU))
    assert str(caught.value) == (
        f"training.device: cuda, but {obstacle}. Set training.device: cpu, or run where a CUDA build of torch finds a "
        "GPU of compute capability 8.0 or above."
    )


@pytest.mark.usefixtures("with_gpu")
def test_a_plan_for_a_gpu_names_it_and_evaluates_on_the_cpu(sources: Path, tmp_path: Path) -> None:
    plan = planned(recipe(sources, training=ON_GPU, candidates=[PACKED]), tmp_path / "t")
    gpu = {"gpu": "Example 80GB", "cuda": "13.0", "cublas_workspace": ":4096:8"}
    assert plan.device == device.facts() | {"finetooth": version("finetooth")} | gpu
    assert plan.device["device"] == "cpu"
    assert (plan.of_model().precision, plan.of_model().token_budget) == ("bfloat16", 32_768)


@pytest.mark.usefixtures("with_gpu")
def test_rows_that_need_padding_are_refused_on_a_gpu_all_of_them_at_once(sources: Path, tmp_path: Path) -> None:
    dropped = {"name": "dropped", "dropout": 0.1}
    loaded_recipe = recipe(sources, training=ON_GPU, baselines=["full"], candidates=[dropped, PACKED])
    with pytest.raises(RecipeError) as caught:
        planned(loaded_recipe, tmp_path / "t")
    assert str(caught.value) == (
        "training.device: cuda needs training without padding, which these rows rule out: dropped (dropout of the "
        "adapter), full (all parameters are trained). Change or remove them, or set training.device: cpu."
    )


def test_baselines_alone_bring_no_model(sources: Path) -> None:
    loaded_recipe = recipe(sources, model="owner/never-brought", baselines=["majority"], candidates=[])
    material = preparation.gather(loaded_recipe, rejects=None, progress=Silent())
    assert material.model is None
    plan = run_plan.resolve(loaded_recipe, material, {})
    assert (plan.model, plan.candidates) == (None, {})
    assert plan.test_rows_id == rows_id(material.dataset.test, classes=material.dataset.classes)


def test_the_model_of_the_recipe_is_not_brought_for_probes_of_others_alone(sources: Path, tmp_path: Path) -> None:
    other = tiny.save_model(tmp_path / "distil", "distilbert")
    loaded_recipe = recipe(sources, model="owner/never-brought", baselines=[{"probe": str(other)}], candidates=[])
    material = preparation.gather(loaded_recipe, rejects=None, progress=Silent())
    assert material.model is None
    tokens = preparation.tokenize_splits(
        loaded_recipe, material, row="probe-distil", folder=tmp_path / "t", progress=Silent()
    )
    plan = run_plan.resolve(loaded_recipe, material, {}, other_tokens={"probe-distil": tokens})
    assert (plan.model, list(plan.other_bases)) == (None, ["probe-distil"])
    assert plan.other_bases["probe-distil"].tokens["test"].texts == 10
    assert preparation.row_keys(loaded_recipe) == [("probe-distil", None)]


@pytest.mark.parametrize("part", ["tokenizer", "base"])
def test_a_fault_of_another_model_names_its_row(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def refuse(*values: Any, **more: Any) -> None:
        raise ModelError("the base model: it is damaged.")

    other = tiny.save_model(tmp_path / "other", seed=2)
    loaded_recipe = recipe(sources, model="owner/x", baselines=[{"probe": str(other)}], candidates=[])
    material = preparation.gather(loaded_recipe, rejects=None, progress=Silent())
    if part == "tokenizer":
        monkeypatch.setattr(preparation, "checked_tokenizer", refuse)
    else:
        monkeypatch.setattr(run_plan, "sound_base", refuse)
    with pytest.raises(ModelError, match=r"^probe-other: the base model: it is damaged\.$"):
        tokens = preparation.tokenize_splits(
            loaded_recipe, material, row="probe-other", folder=tmp_path / "t", progress=Silent()
        )
        run_plan.resolve(loaded_recipe, material, {}, other_tokens={"probe-other": tokens})


def test_another_model_with_fewer_positions_is_refused(sources: Path, tmp_path: Path) -> None:
    loaded_recipe = recipe(sources, baselines=[{"probe": str(tiny.save_model(tmp_path / "other", seed=2))}])
    with pytest.raises(
        ModelError, match=r"^probe-other: max_tokens 65 is more than the model's 64 positions; lower it\.$"
    ):
        preparation.gather(
            loaded_recipe.model_copy(update={"max_tokens": 65, "model": "owner/x", "candidates": []}),
            rejects=None,
            progress=Silent(),
        )


def test_quick_tokens_are_those_of_the_tokenizer_of_a_plain_model(sources: Path, tmp_path: Path) -> None:
    loaded_recipe = recipe(sources)
    material = preparation.gather(loaded_recipe, rejects=None, progress=Silent())
    plain = preparation.tokenize_splits(loaded_recipe, material, folder=tmp_path / "t", sample=20, progress=Silent())
    assert material.model is not None
    file_tokenizer = tokenizer.load_file(material.model.path)
    quick = preparation.sampled_tokens(file_tokenizer, loaded_recipe, material, sample=20, progress=Silent())
    assert all(np.array_equal(plain[split].ids, quick[split].ids) for split in plain)
    assert all(preparation.lengths_of(plain[split]) == preparation.lengths_of(quick[split]) for split in plain)


def test_a_quick_check_estimates_nothing_and_says_so(sources: Path) -> None:
    report = recipe_check.check(recipe(sources), quick=True, progress=False)
    assert report["quick"] is True and report["tokens"]["train"]["texts"] == 40
    assert report["candidates"] == [] and report["estimated_seconds"] is report["estimated_peak_bytes"] is None
