"""The run's prefix caches: opened for a task, and filled where blocks are missing."""

from collections.abc import Callable
from typing import Any

from finetooth.files import read_json
from finetooth.model.batching import Tokens
from finetooth.model.prefix import PrefixCache
from finetooth.proof.task import Task, add_costs


def open_filled(
    task: Task, model: Any, split: str, *, pad_id: int, advance: Callable[[int, str], None]
) -> PrefixCache | None:
    """The hidden states kept of a split for the task's row, all there; None where none are kept.

    advance(0, note) is told after each block computed; what it raises ends the work, and what is written stays good.
    """
    plan = task.plan()
    depth = plan["candidates"].get(task.row, {"depth": 0})["depth"]
    kept = plan["prefix"].get(str(depth), {}).get(split)
    if kept is None:
        return None
    place = task.run_folder.work / "tokens"
    cache = PrefixCache(
        task.run_folder.work / "prefix" / f"layer-{depth}-{split}",
        Tokens.open(place / split),
        depth=depth,
        width=model.config.hidden_size,
        budget=plan["evaluation_budget"],
        blocks=kept["blocks"],
        key={
            "schema": 1,
            "base": plan["base"]["sha256"],
            "weights": plan["base"]["weights_sha256"],
            "tokens": {
                name: item["sha256"]
                for name, item in read_json(place / "MANIFEST.json")["files"].items()
                if name.startswith(f"{split}/")
            },
            "depth": depth,
            "budget": plan["evaluation_budget"],
            "device": plan["device"],
        },
    )

    def told(done: int, whole: int) -> None:
        advance(0, f"layers below the adapter, {split}: {done:,} of {whole:,} blocks")

    add_costs(task, prefix_blocks=cache.fill(model, pad_id=pad_id, advance=told))
    return cache
