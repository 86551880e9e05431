"""The run's frozen-layer caches: opened for a row, and filled where blocks are missing."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from finetooth.files import MANIFEST, read_json
from finetooth.models.batching import Tokens
from finetooth.models.frozen_layer_cache import FrozenLayerCache
from finetooth.rows.context import Context
from finetooth.rows.outputs import add_costs


def open_frozen(context: Context, adapter_sha256: str, *, width: int) -> FrozenLayerCache:
    """The cache for the states of the training rows below the layers that the row continues to train (`then`).

    adapter_sha256: of the adapter in the layers below. The cache belongs to this row; delete it after its training.
    """
    plan = context.plan
    depth, blocks = plan.candidates[context.row].frozen_depth, plan.kept_frozen()[context.row].blocks
    more = {"adapter": adapter_sha256, "precision": plan.of_model().precision}
    return _open(context, frozen_folder(context), "train", depth=depth, width=width, blocks=blocks, more=more)


def frozen_folder(context: Context) -> Path:
    """The folder of open_frozen."""
    return context.run_folder.work / "frozen_layers" / f"{context.row}-seed-{context.seed}"


def open_filled(
    context: Context, model: Any, split: str, *, pad_id: int, advance: Callable[[int, str], None]
) -> FrozenLayerCache | None:
    """The stored hidden states of a split for the row, all of them computed; None if the plan stores none.

    advance(0, note) is called before each block to compute; what it raises ends the work. Written blocks stay valid.
    """
    plan = context.plan
    candidate = plan.candidates.get(context.row)
    depth = 0 if candidate is None else candidate.depth
    kept_states = plan.kept_states(depth).get(split)
    if kept_states is None:
        return None
    folder, width = context.run_folder.work / "frozen_layers" / f"layer-{depth}-{split}", model.config.hidden_size
    cache = _open(context, folder, split, depth=depth, width=width, blocks=kept_states.blocks, more={})

    def report(done: int, total: int) -> None:
        advance(0, f"layers below the adapter, {split}: {done:,} of {total:,} blocks")

    add_costs(context.folder, cached_blocks=cache.fill(model, pad_id=pad_id, advance=report))
    return cache


def _open(
    context: Context, folder: Path, split: str, *, depth: int, width: int, blocks: int, more: Mapping[str, str]
) -> FrozenLayerCache:
    """The cache in `folder` of the hidden states of a split at the entry of layer `depth`.

    more: what decides the states besides base, tokens and device.
    """
    plan, base = context.plan, context.plan.of_model().base
    files = read_json(context.tokens / MANIFEST)["files"].items()
    key = {
        "schema": 1,
        "base": base.sha256,
        "weights": base.weights_sha256,
        "tokens": {name: item["sha256"] for name, item in files if name.startswith(f"{split}/")},
        "depth": depth,
        "budget": plan.evaluation_budget,
        "device": plan.device,
        **more,
    }
    tokens = Tokens.open(context.tokens / split)
    return FrozenLayerCache(
        folder, tokens, depth=depth, width=width, budget=plan.evaluation_budget, blocks=blocks, key=key
    )
