"""What the process of a row writes beside the fitted model: predictions, decision, costs and the learning curve."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.errors import DivergedError
from finetooth.evaluation import deciding, decision_file
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.learning_curve import learning_curve
from finetooth.files import read_hashed_json, write_hashed_json, write_json
from finetooth.row_kinds import row_kind
from finetooth.rows.context import Channel, Context
from finetooth.runs import finished, ledger
from finetooth.runs.layout import RowFolder
from finetooth.runs.predictions import Predictions
from finetooth.runs.predictions import read as read_predictions
from finetooth.runs.predictions import write as write_predictions
from finetooth.runs.work import read_labels, read_row_keys, read_splits
from finetooth.tasks import Logits, Targets

_NAMED = 3  # rows in a message


def decide(context: Context, logits: Logits, labels: Targets) -> Decision:
    """The decision that the recipe sets, fitted on the row's validation logits (N, C) and their labels."""
    plan = context.plan
    return deciding.fit(logits, labels, classes=plan.classes, settings=context.recipe.decision, task=plan.of_task())


def keep_predictions(
    context: Context, logits: npt.NDArray[np.float32], *, of_seeds: Mapping[int, npt.NDArray[np.float32]] | None = None
) -> None:
    """Add the logits (N, C) of the context's split to the row's predictions.

    With the validation split, the decision of a row that is not trained is fitted and saved too; a trained model has
    its decision inside its own folder.
    of_seeds: logits of the same rows by heads of other seeds, saved as splits of their own, such as test/seed-1.
    Raises: DivergedError if one of them is not finite.
    """
    split, plan = context.split, context.plan
    parts = {split: logits} | {f"{split}/seed-{seed}": more for seed, more in (of_seeds or {}).items()}
    for part in parts.values():
        check_finite(context, part, split=split, what="a logit")
    if split == "test":  # its labels are read only after the opening is recorded
        test_rows = read_row_keys(context.run_folder, test_id=plan.test_id)
        ledger.open_run(test_rows, context.run_folder, run_id=plan.run_id, run_name=context.recipe.name)
    ids, labels = read_labels(context.run_folder, split)
    before = read_predictions(context.folder.predictions) if context.folder.predictions.is_file() else {}
    new = {name: Predictions(ids, labels, part) for name, part in parts.items()}
    run_id = context.plan.run_id
    decided = [finished.DECISION] if split == "validation" and not row_kind(context.row).trained else []
    finished.strike_out(context.folder, [finished.PREDICTIONS, *decided], run_id=run_id)
    if decided:
        decision = decide(context, logits, labels)
        write_json(context.folder.decision, decision_file.as_file(decision, plan.classes))
    write_predictions(context.folder.predictions, before | new)
    finished.record(context.folder, finished.SCORED, run_id=run_id)


def keep_learning_curve(
    context: Context,
    channel: Channel,
    strata: npt.NDArray[np.int64],
    *,
    accuracy_of: Callable[[npt.NDArray[np.int64]], float],
    of_all: float,
) -> None:
    """Measure and write the learning curve of a baseline, if there are enough training rows. Arguments: learning_curve.

    Raises: Interrupted between two points, after a signal.
    """

    def measured(positions: npt.NDArray[np.int64]) -> float:
        channel.check_stop()
        return accuracy_of(positions)

    points = learning_curve(strata, seed=context.recipe.data.seed, accuracy_of=measured, of_all=of_all)
    if points:
        write_json(context.folder.learning_curve, {"schema": 1, "points": [asdict(point) for point in points]})


def check_finite(context: Context, values: npt.NDArray[np.float32], *, split: str, what: str) -> None:
    """Check that the values (N, ...) that were computed for the rows of a split are finite. what: one of them in words.

    Raises: DivergedError with the first rows that have another value, and what to do.
    """
    broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if not len(broken):
        return
    ids = read_splits(context.run_folder)[split]
    named = ", ".join(ids[row] for row in broken[:_NAMED]) + (", ..." if len(broken) > _NAMED else "")
    remedy = row_kind(context.row).if_not_finite
    raise DivergedError(f"{what} of the {split} rows is not finite (rows {named}); {remedy}.")


def add_costs(row: RowFolder, **costs: Any) -> None:
    """Record costs of a row: a peak keeps its largest value, costs of hidden states add up, others are replaced."""
    known: dict[str, Any] = read_hashed_json(row.costs) if row.costs.is_file() else {}
    peak = max(known.get("peak_bytes", 0), costs.pop("peak_bytes", 0))
    for name in {"cached_seconds", "cached_blocks"} & set(costs):
        costs[name] += known.get(name, 0)
    if "gpu_peak_bytes" in costs:
        costs["gpu_peak_bytes"] = max(known.get("gpu_peak_bytes", 0), costs["gpu_peak_bytes"])
    write_hashed_json(row.costs, {**known, **costs, "peak_bytes": peak})
