"""results.json, which depends only on the inputs, costs.json, which depends on the machine, and both as one contract.

Shape: docs/contract.schema.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from finetooth.errors import RunError
from finetooth.evaluation.training_curve import CurvePoint, LearningPoint
from finetooth.files import read_json, write_json
from finetooth.runs import complete, inventory, ledger
from finetooth.runs.layout import RunFolder
from finetooth.runs.plan_file import Plan, Precision

if TYPE_CHECKING:  # tasks import numpy, which `show --json` does not need
    from finetooth.tasks import Task

SCHEMA = 1
_NAME_ANOTHER = "Name a folder that `finetooth run` wrote, such as runs/NAME."


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters that a row trains, by part.

    base: of the base itself, only in full fine-tuning. total: all parameters of the model, with the head counted once.
    peft_percent: the share as PEFT prints it, which counts the head twice.
    """

    adapter: int
    head: int
    bias: int
    total: int
    peft_percent: float | None = None
    base: int = 0

    @property
    def trainable(self) -> int:
        """adapter + head + bias + base."""
        return self.adapter + self.head + self.bias + self.base


@dataclass(frozen=True, slots=True)
class Heads:
    """Test accuracies, 0 to 1, of several untrained heads on one model: the accuracy by chance and its range."""

    count: int
    mean_accuracy: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a probe reads (pooler, first_token or mean) and its C, both chosen on the validation rows.

    model: id of the model that it reads; None if it is the run's own.
    """

    feature: str
    inverse_regularisation: float
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Reload:
    """The result of the reload check."""

    verified: bool
    max_abs_logit_difference: float


@dataclass(frozen=True, slots=True)
class Inference:
    """How the logits of the test rows were computed, and what bfloat16 changed on the validation rows.

    precision: `bfloat16` or `float32`, by the inference pass; `plain`, by the model's own pass in float32.
    fallback_reason: why the inference pass could not compute the model. flipped: how many labels of the validation rows
    differ between bfloat16 and the plain pass; None, as validation_rows, if bfloat16 was not measured.
    """

    precision: Precision
    fallback_reason: str | None = None
    flipped: int | None = None
    validation_rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsRow:
    """One row of the table with one seed; all of it follows from the inputs.

    validation, test: from tasks.Task.score; None if the row failed.
    head: `new` if the row's head began untrained, `checkpoint` if it came with the model, None without a head.
    warnings: what a reader of the row's figures must know, a text each. heads: of an original row with several
    untrained heads; its other figures are those of the first. probe: only of probes. decision: how the row's logits
    become answers, from evaluation.decision_file.describe; None if the row failed.
    test_rows_cut: share of the test rows, 0 to 1, that are cut for the row; None if it reads no tokens. inference: None
    for a row without a model. settings_tried: how many settings of the row were measured on the validation rows, of
    which the best is this row.
    """

    name: str
    kind: Literal["baseline", "candidate"]
    seed: int | None
    status: Literal["done", "failed"] = "done"
    error: str | None = None
    parameters: Parameters | None = None
    validation: Mapping[str, Any] | None = None
    test: Mapping[str, Any] | None = None
    reload: Reload | None = None
    best_step: int | None = None
    kept_epoch: float | None = None
    curve: Sequence[CurvePoint] = ()
    head: Literal["new", "checkpoint"] | None = None
    warnings: Sequence[str] = ()
    heads: Heads | None = None
    probe: Chosen | None = None
    decision: Mapping[str, Any] | None = None
    test_rows_cut: float | None = None
    inference: Inference | None = None
    settings_tried: int = 1
    learning_curve: Sequence[LearningPoint] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCosts:
    """The time and memory of a row. None: not measured, or nothing was trained.

    peak_bytes: of the row's own process. gpu_peak_bytes: the most GPU memory of the tensors of training; None without a
    GPU. part_seconds: of training, by part: frozen_layers (to compute the outputs of frozen layers, before the training
    and, with `then`, during it), forward, backward, optimizer, evaluate, save. train_seconds is the sum of the first
    four parts and the time between them.
    cached_blocks: blocks of hidden states that the row's processes computed; 0 if another row had computed all.
    frozen: of the lower layers that were frozen during the training (`then`). Its keys: layers, their number;
    after_epochs; states_seconds, to compute their outputs for the training rows, included in the part frozen_layers;
    time_ratio, the time of a training example afterwards divided by that before.
    latency_seconds: median time from one text to its answer, tokenization included, one text at a time.
    latency_spread_seconds: the 5th and 95th percentile of these timings; latency_texts: their number.
    """

    name: str
    seed: int | None
    train_seconds: float | None = None
    examples_per_second: float | None = None
    part_seconds: Mapping[str, float] | None = None
    cached_blocks: int | None = None
    frozen: Mapping[str, Any] | None = None
    peak_bytes: int | None = None
    gpu_peak_bytes: int | None = None
    adapter_bytes: int | None = None
    latency_seconds: float | None = None
    latency_spread_seconds: Sequence[float] | None = None
    latency_texts: int | None = None


_COSTS = [field.name for field in fields(RowCosts) if field.name not in ("name", "seed")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The time and memory of the run, and which of its test rows were scored before.

    run_id and test_openings to test_runs_seen: of the opening of the test rows, by runs.ledger.History. step_seconds:
    seconds of each step of the job, by its title, in order.
    peak_bytes: the most memory that the command and a row's process held together, or the command alone if that is
    more; None: not measured.
    """

    run_id: str = ""
    test_openings: int = 1
    test_rows_seen: int = 0
    test_runs_seen: int = 0
    step_seconds: Mapping[str, float] = field(default_factory=dict)
    peak_bytes: int | None = None
    rows: Sequence[RowCosts]


def write_results(
    folder: RunFolder,
    rows: Sequence[ResultsRow],
    *,
    run: str,
    plan: Plan,
    max_tokens: int,
    winner: tuple[str, int] | None,
    inexact: Sequence[str] = (),
) -> None:
    """Write results.json into the run folder, atomically; equal inputs give equal bytes.

    run: its name. winner: name and seed; None without a candidate that ended well. inexact: what had changed when the
    run was resumed, so that its bytes may differ from those of an uninterrupted run.
    """
    counts = {split: plan.counts[split] for split in ("train", "validation", "test")}
    value = {
        "schema": SCHEMA,
        "run": run,
        "task": plan.task,
        "model": "" if plan.model is None else plan.model.base.id,
        "test_id": plan.test_id,
        "winner": None if winner is None else {"name": winner[0], "seed": winner[1]},
        "data": {**counts, "classes": list(plan.classes), "max_tokens": max_tokens},
        "inexact": list(inexact),
        "rows": [_row(row) for row in rows],
    }
    write_json(folder.results, value)


def write_costs(folder: RunFolder, costs: Costs) -> None:
    """Write costs.json into the run folder, atomically."""
    write_json(folder.costs, {"schema": SCHEMA, **asdict(costs)})


def contract(run_folder: Path) -> dict[str, Any]:
    """results.json and costs.json as one, with the verdict: what `run --json` and `show --json` print.

    Raises: RunError if the run has no results yet, or if its results, costs or comparison are missing, broken or were
    changed.
    """
    folder = RunFolder(run_folder)
    for file in (folder.results, folder.costs):
        if not file.is_file():
            raise RunError(_nothing_here(folder, file))
    if folder.is_complete:
        complete.refuse_changed(folder, [folder.results, folder.comparison, folder.costs])
    try:
        return _merged(folder)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise RunError(
            f"{folder.path}: {folder.results.name}, {folder.costs.name} or {folder.comparison.name} is not of the form "
            f"that Finetooth writes, or it was written by an earlier version ({type(error).__name__}: {error}). Take "
            "them from a backup."
        ) from error


def task_of(contract: Mapping[str, Any]) -> "Task":
    """The task of a run.

    Raises: RunError if this version does not know it.
    """
    from finetooth.tasks import TASKS

    if contract["task"] not in TASKS:
        raise RunError(
            f"{contract['run']}: results.json: task is {contract['task']!r}, but this version knows only "
            f"{', '.join(TASKS)}. Use the version of Finetooth that wrote the run."
        )
    return TASKS[contract["task"]]


def _merged(folder: RunFolder) -> dict[str, Any]:
    results, costs = read_json(folder.results), read_json(folder.costs)
    comparison = read_json(folder.comparison) if folder.comparison.is_file() else {"rows": []}
    compared, costed = ({(row["name"], row["seed"]): row for row in part["rows"]} for part in (comparison, costs))
    rows = []
    for row in results["rows"]:
        key = (row["name"], row["seed"])
        figures, row_costs = compared.get(key, {}), costed.get(key, {})
        more = {name: figures.get(name) for name in ("calibration_error", "calibration_error_limit")}
        more["accuracy_interval"] = figures.get("interval")
        rows.append(row | more | {name: row_costs.get(name) for name in _COSTS})
    return {
        "schema": results["schema"],
        "run": results["run"],
        "task": results["task"],
        "complete": folder.is_complete,
        "test_id": results["test_id"],
        "test_openings": costs["test_openings"],
        "test_rows_seen": costs["test_rows_seen"],
        "test_runs_seen": costs["test_runs_seen"],
        "test_runs_later": ledger.runs_later(costs["run_id"]),
        "winner": results["winner"],
        "data": results["data"],
        "model": results["model"],
        "inexact": results["inexact"],
        "step_seconds": costs["step_seconds"],
        "peak_bytes": costs["peak_bytes"],
        "verdict": comparison.get("verdict"),
        "pooled": comparison.get("pooled", []),
        "rows": rows,
    }


def _row(row: ResultsRow) -> dict[str, Any]:
    return asdict(row) | {"parameters": None if row.parameters is None else parameters_json(row.parameters)}


def parameters_json(parameters: Parameters) -> dict[str, Any]:
    """The counts as in results.json, with the figures that follow from them."""
    return {
        "adapter": parameters.adapter,
        "head": parameters.head,
        "bias": parameters.bias,
        "base": parameters.base,
        "trainable": parameters.trainable,
        "total": parameters.total,
        "peft_percent": parameters.peft_percent,
        "plain_percent": 100 * parameters.trainable / parameters.total,
    }


def _nothing_here(folder: RunFolder, file: Path) -> str:
    if not folder.path.is_dir():
        return f"{folder.path}: no such run folder. {_NAME_ANOTHER}"
    if not folder.is_run:
        missing = f"it holds no {folder.recipe.name} and {folder.plan.name}"
        return f"{folder.path}: not a run folder ({missing}). {_NAME_ANOTHER}"
    inventory.refuse_irregular(folder)
    if folder.is_complete:
        return f"{folder.path}: the run was complete, but its {file.name} is gone. Take it from a backup."
    again = f"finetooth run {folder.recipe} --out {folder.path}"
    return f"{folder.path}: has no {file.name} yet, so it has no table. Continue the run: {again}"
