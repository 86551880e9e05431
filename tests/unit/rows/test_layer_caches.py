"""Hidden states of the layers below are computed once, and read by every row that is adapted above them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from safetensors.torch import load_file

from finetooth.files import read_json
from finetooth.models import artifact, inference
from finetooth.models.adapters import layer_of
from finetooth.models.batching import Tokens
from finetooth.rows import layer_caches, row_of
from finetooth.rows.context import Context
from finetooth.runs import predictions
from silent import SILENT


def test_candidates_share_what_the_layers_below_compute(begin: Callable[..., Callable[..., Context]]) -> None:
    candidates = [{"name": name, "rank": rank, "layers": "last-1"} for name, rank in (("r4", 4), ("r2", 2))]
    still: dict[str, Any] = {"base_dropout": 0.0, "epochs": 1, "precision": "float32"}
    context = begin(baselines=[], candidates=candidates, training=still)
    plan = context("fit", "r4").plan
    assert {name: item.depth for name, item in plan.candidates.items()} == {"r4": 1, "r2": 1}
    assert set(plan.kept_states(1)) == {"train", "validation"}
    filled = []
    for row in ("r4", "r2"):
        row_of("r4").fit(context("fit", row), SILENT)
        filled.append(read_json(context("fit", row).folder.costs)["cached_blocks"])
        row_of("r4").score(context("score", row, "validation"), SILENT)
        assert read_json(context("score", row).folder.verify)["verified"]
    assert filled == [sum(plan.kept_states(1)[split].blocks for split in ("train", "validation")), 0]
    assert read_json(context("score", "r4").folder.costs)["cached_blocks"] == filled[0]  # scoring computed none again


def test_the_inference_pass_scores_test_rows_as_it_does_without_states(
    begin: Callable[..., Callable[..., Context]],
) -> None:
    candidates = [{"name": "r4", "rank": 4, "layers": "last-1"}]
    still: dict[str, Any] = {"base_dropout": 0.0, "epochs": 1, "precision": "bfloat16"}
    context = begin(baselines=[], candidates=candidates, training=still)
    row_of("r4").fit(context("fit", "r4"), SILENT)
    scored = context("score", "r4", "test")
    states = scored.plan.kept_states(1)
    assert "test" not in states  # and where the plan kept them, they would not be read
    scored = replace(
        scored, plan=replace(scored.plan, frozen_layer_states={"1": {**states, "test": states["validation"]}})
    )
    row_of("r4").score(scored, SILENT)
    trained = artifact.load(scored.folder.adapter, base_folder=scored.base_folder, name="r4")
    computed = inference.ready(trained, "bfloat16")
    assert computed.precision != "plain"
    expected = computed.infer_tokens(Tokens.open(scored.run_folder.work / "tokens" / "test"))
    assert np.array_equal(predictions.read(scored.folder.predictions)["test"].logits, expected)


def test_a_row_that_freezes_layers_is_saved_whole_and_says_what_that_took(
    begin: Callable[..., Callable[..., Context]],
) -> None:
    still: dict[str, Any] = {"base_dropout": 0.0, "epochs": 3, "precision": "float32"}
    context = begin(baselines=[], candidates=[{"name": "r4", "rank": 4, "then": "last-1"}], training=still)
    row_of("r4").fit(context("fit", "r4"), SILENT)
    row_of("r4").score(context("score", "r4", "validation"), SILENT)
    folder = context("fit", "r4").folder
    assert read_json(folder.verify)["verified"]
    costs = read_json(folder.costs)
    assert (costs["frozen"]["layers"], costs["frozen"]["after_epochs"]) == (1, 1)
    assert 0 < costs["frozen"]["states_seconds"] <= costs["part_seconds"]["frozen_layers"] < costs["train_seconds"]
    assert costs["frozen"]["time_ratio"] > 0
    saved = load_file(folder.adapter / "adapter_model.safetensors")
    learned = [value for name, value in saved.items() if layer_of(name) == 0 and "lora_B" in name]
    assert learned and all(value.abs().max() > 0 for value in learned)  # B begins at 0
    assert not layer_caches.frozen_folder(context("fit", "r4")).exists()
