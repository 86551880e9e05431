"""Files that the process of a row writes into the row's folder besides the fitted model: predictions and costs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.errors import DivergedError
from finetooth.files import read_hashed_json, write_hashed_json
from finetooth.rows.context import Context
from finetooth.runs import finished, lockbox
from finetooth.runs.layout import RowFolder
from finetooth.runs.predictions import Predictions
from finetooth.runs.predictions import read as read_predictions
from finetooth.runs.predictions import write as write_predictions
from finetooth.runs.work import read_labels


def labels_for(context: Context) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Ids and labels (N,) int64 of the context's split; those of a test split only after its opening is recorded."""
    if context.split == "test":
        lockbox.open_test(context.plan.test_id, context.plan.run_id, run_name=context.recipe.name)
    return read_labels(context.run_folder, context.split)


def keep_predictions(
    context: Context, logits: npt.NDArray[np.float32], *, of_seeds: Mapping[int, npt.NDArray[np.float32]] | None = None
) -> None:
    """Add the logits (N, C) of the context's split to the row's predictions.

    of_seeds: logits of the same rows by heads of other seeds, saved as splits of their own, such as test/seed-1.
    Raises: DivergedError if one of them is not finite.
    """
    parts = {context.split: logits} | {f"{context.split}/seed-{seed}": more for seed, more in (of_seeds or {}).items()}
    if not all(np.isfinite(part).all() for part in parts.values()):
        raise DivergedError(f"a logit of the {context.split} rows is not finite.")
    ids, labels = labels_for(context)
    before = read_predictions(context.folder.predictions) if context.folder.predictions.is_file() else {}
    new = {name: Predictions(ids, labels, part) for name, part in parts.items()}
    run_id = context.plan.run_id
    finished.strike_out(context.folder, [finished.PREDICTIONS], run_id=run_id)
    write_predictions(context.folder.predictions, before | new)
    finished.record(context.folder, finished.SCORED, run_id=run_id)


def add_costs(row: RowFolder, **costs: Any) -> None:
    """Record costs of a row. Of a peak the largest value stays, costs of hidden states add up, others are replaced."""
    known: dict[str, Any] = read_hashed_json(row.costs) if row.costs.is_file() else {}
    peak = max(known.get("peak_bytes", 0), costs.pop("peak_bytes", 0))
    for name in {"cached_seconds", "cached_blocks"} & set(costs):
        costs[name] += known.get(name, 0)
    if "gpu_peak_bytes" in costs:
        costs["gpu_peak_bytes"] = max(known.get("gpu_peak_bytes", 0), costs["gpu_peak_bytes"])
    write_hashed_json(row.costs, {**known, **costs, "peak_bytes": peak})
