"""Hidden states of the layers below are computed once, and read by every row that is adapted above them."""

from collections.abc import Callable
from typing import Any

from safetensors.torch import load_file
from silent import SILENT

from finetooth.files import read_json
from finetooth.model.adapters import layer_of
from finetooth.proof import model_rows, prefix_states
from finetooth.proof.task import Task


def test_candidates_share_what_the_layers_below_compute(begin: Callable[..., Callable[..., Task]]) -> None:
    candidates = [{"name": name, "rank": rank, "layers": "last-1"} for name, rank in (("r4", 4), ("r2", 2))]
    still: dict[str, Any] = {"base_dropout": 0.0, "epochs": 1, "precision": "float32"}
    task = begin(baselines=[], candidates=candidates, training=still)
    plan = task("fit", "r4").plan()
    assert {name: item["depth"] for name, item in plan["candidates"].items()} == {"r4": 1, "r2": 1}
    assert set(plan["prefix"]["1"]) == {"train", "validation", "test"}
    filled = []
    for row in ("r4", "r2"):
        model_rows.fit(task("fit", row), SILENT)
        filled.append(read_json(task("fit", row).folder.costs)["prefix_blocks"])
        model_rows.score(task("score", row, "validation"), SILENT)
        assert read_json(task("score", row).folder.verify)["verified"]
    assert filled == [sum(plan["prefix"]["1"][split]["blocks"] for split in ("train", "validation")), 0]
    assert read_json(task("score", "r4").folder.costs)["prefix_blocks"] == filled[0]  # none again to prove it


def test_a_row_that_freezes_layers_is_saved_whole_and_says_what_that_took(
    begin: Callable[..., Callable[..., Task]],
) -> None:
    still: dict[str, Any] = {"base_dropout": 0.0, "epochs": 3, "precision": "float32"}
    task = begin(baselines=[], candidates=[{"name": "r4", "rank": 4, "then": "last-1"}], training=still)
    model_rows.fit(task("fit", "r4"), SILENT)
    model_rows.score(task("score", "r4", "validation"), SILENT)
    folder = task("fit", "r4").folder
    assert read_json(folder.verify)["verified"]
    costs = read_json(folder.costs)
    assert (costs["frozen"]["layers"], costs["frozen"]["after_epochs"]) == (1, 1)
    assert 0 < costs["frozen"]["states_seconds"] <= costs["part_seconds"]["prefix"] < costs["train_seconds"]
    assert costs["frozen"]["time_ratio"] > 0
    saved = load_file(folder.adapter / "adapter_model.safetensors")
    learned = [value for name, value in saved.items() if layer_of(name) == 0 and "lora_B" in name]
    assert learned and all(value.abs().max() > 0 for value in learned)  # B begins at 0
    assert not prefix_states.frozen_place(task("fit", "r4")).exists()
