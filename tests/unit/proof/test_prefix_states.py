"""Hidden states of the layers below are computed once, and read by every row that is adapted above them."""

from collections.abc import Callable
from typing import Any

from silent import SILENT

from finetooth.files import read_json
from finetooth.proof import model_rows
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
