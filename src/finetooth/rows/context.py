"""One piece of work for a fresh process: what the command sends, and what every kind of work needs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from finetooth.errors import DivergedError
from finetooth.files import read_hashed_json, write_hashed_json
from finetooth.recipe import Recipe
from finetooth.recipe import load as load_recipe
from finetooth.runs import finished, lockbox, plan_file
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.runs.plan_file import Plan
from finetooth.runs.predictions import Predictions
from finetooth.runs.predictions import read as read_predictions
from finetooth.runs.predictions import write as write_predictions
from finetooth.runs.work import read_labels

Action = Literal["fit", "score", "probe"]


@dataclass(frozen=True, slots=True)
class Task:
    """Fit a row and save its artifact, score a split with the saved artifact, or probe what fitting will cost.

    row, seed: the row of the table. base_folder: the staged base model ("" for rows without one). new_interpreter:
    whether the process that does it is a new one (known there), or forked from one that has only imported.
    """

    action: Action
    run: str
    row: str
    seed: int | None
    split: str
    base_folder: str
    new_interpreter: bool = True

    @property
    def run_folder(self) -> RunFolder:
        """The run it belongs to."""
        return RunFolder(Path(self.run))

    @property
    def folder(self) -> RowFolder:
        """The row's own folder."""
        return self.run_folder.row(self.row, self.seed)

    def message(self) -> dict[str, Any]:
        """The task as JSON, for the process that does it."""
        return {name: value for name, value in asdict(self).items() if name != "new_interpreter"}


@dataclass(frozen=True, slots=True)
class Context:
    """A task with what its process has read of the run, once: the resolved recipe and the plan."""

    task: Task
    recipe: Recipe
    plan: Plan

    @classmethod
    def of(cls, task: Task) -> "Context":
        """The context of a task, read from its run."""
        return cls(task, load_recipe(task.run_folder.recipe), plan_file.read(task.run_folder))

    @property
    def run_folder(self) -> RunFolder:
        """The run that the task belongs to."""
        return self.task.run_folder

    @property
    def folder(self) -> RowFolder:
        """The row's own folder."""
        return self.task.folder

    @property
    def row(self) -> str:
        """The name of the row."""
        return self.task.row

    @property
    def seed(self) -> int:
        """The seed of the row; to be asked of a row that has one alone."""
        assert self.task.seed is not None
        return self.task.seed

    @property
    def split(self) -> str:
        """The split that the task scores, or fits on."""
        return self.task.split

    @property
    def base_folder(self) -> Path:
        """The staged base model of the row."""
        return Path(self.task.base_folder)

    @property
    def tokens(self) -> Path:
        """Where the tokens that the row reads lie, a folder for each split."""
        return self.run_folder.tokens(self.row)


@dataclass(frozen=True, slots=True)
class Channel:
    """What work says back: advance(count, note) of the step on show; stop() is the signal to obey, or None."""

    advance: Callable[[int, str], None]
    stop: Callable[[], int | None]


def labels_for(context: Context) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Ids and labels (N,) int64 of the task's split; those of a test split only once its opening is on record."""
    if context.split == "test":
        lockbox.open_test(context.plan.test_id, context.plan.run_id, run_name=context.recipe.name)
    return read_labels(context.run_folder, context.split)


def keep_predictions(
    context: Context, logits: npt.NDArray[np.float32], *, of_seeds: Mapping[int, npt.NDArray[np.float32]] | None = None
) -> None:
    """Put the logits (N, C) of the task's split into the row's predictions, beside those of other splits.

    of_seeds: logits of the same rows by heads of other seeds, kept as splits of their own, such as test/seed-1.
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
    """Record costs of a row; peaks keep the largest, those of hidden states add up, all else is the newest."""
    known: dict[str, Any] = read_hashed_json(row.costs) if row.costs.is_file() else {}
    peak = max(known.get("peak_bytes", 0), costs.pop("peak_bytes", 0))
    for name in {"prefix_seconds", "prefix_blocks"} & set(costs):
        costs[name] += known.get(name, 0)
    if "gpu_peak_bytes" in costs:
        costs["gpu_peak_bytes"] = max(known.get("gpu_peak_bytes", 0), costs["gpu_peak_bytes"])
    write_hashed_json(row.costs, {**known, **costs, "peak_bytes": peak})
