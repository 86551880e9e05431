"""A run as typed facts, computed once from its results, for the terminal, the page and the card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from finetooth.evaluation.cost import COST, cost_metric
from finetooth.evaluation.intervals import wilson
from finetooth.evaluation.sentences import Value
from finetooth.evaluation.training_curve import CurvePoint, LearningPoint
from finetooth.files import read_json
from finetooth.row_kinds import Role, row_kind
from finetooth.runs import results
from finetooth.runs.layout import RunFolder
from finetooth.runs.results import Chosen, Heads, Inference, Parameters, Reload, RowCosts
from finetooth.tasks import DEFAULT, Metric, Task
from finetooth.wording import row_titles, rows_in_units, scored_before, shown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Key = tuple[str, int | None]
Bounds = tuple[float, float]
T = TypeVar("T", bound="DataclassInstance")
_LONGEST_VERDICT = 2_000  # characters, far more than a verdict has


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of a row on the test rows; shares from 0 to 1.

    accuracy, interval: of the headline metric of the task; for several untrained heads, their mean and range. level:
    the accuracy that candidates are compared with; for several untrained heads, that of the first. gain: the
    difference of a candidate to the best baseline by RunView.metric, in gain_unit (Metric.unit). p: of being
    better than every baseline, or of being worse than the best one if gain is not above 0 (runs.comparison). coverage,
    accuracy_answered: of a row that may abstain, the share of rows that it answers, and the accuracy on these.
    calibration_error_limit: from evaluation.calibration.calibrated_limit.
    """

    examples: int
    accuracy: float
    level: float
    interval: Bounds
    macro_f1: float = 0.0
    loss: float = 0.0
    cost: float | None = None
    macro_f1_interval: Bounds | None = None
    loss_interval: Bounds | None = None
    cost_interval: Bounds | None = None
    calibration_error: float | None = None
    calibration_error_limit: float | None = None
    coverage: float | None = None
    accuracy_answered: float | None = None
    gain: float | None = None
    gain_unit: str = "share"
    p: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """One row of the table.

    title: its name, with the seed if there are several rows of the name. figures: None if it failed; error says why.
    is_compared_with: whether candidates are compared with it, as the best baseline or the one that is hardest to beat.
    beside_winner: whether comparison.json compares it with the winner. cut: test_rows_cut of runs.results. decision:
    how its logits become labels; empty for a row that failed.
    """

    name: str
    seed: int | None = None
    title: str = ""
    role: Role = "baseline"
    figures: Figures | None = None
    error: str | None = None
    is_winner: bool = False
    is_best_baseline: bool = False
    is_compared_with: bool = False
    beside_winner: bool = False
    is_chance: bool = False
    parameters: Parameters | None = None
    costs: RowCosts = field(default_factory=lambda: RowCosts(name="", seed=None))
    curve: Sequence[CurvePoint] = ()
    kept_epoch: float | None = None
    heads: Heads | None = None
    probe: Chosen | None = None
    inference: Inference | None = None
    reload: Reload | None = None
    cut: float | None = None
    decision: Mapping[str, Any] = field(default_factory=dict)
    settings_tried: int | None = None
    learning_curve: Sequence[LearningPoint] = ()
    warnings: Sequence[str] = ()

    @property
    def key(self) -> Key:
        """Name and seed."""
        return self.name, self.seed

    @property
    def measured(self) -> Figures:
        """Its figures; only for a row that did not fail."""
        assert self.figures is not None
        return self.figures

    @property
    def trained(self) -> int:
        """Trained parameters; 0 where nothing is counted."""
        return self.parameters.trainable if self.parameters else 0

    @property
    def marks(self) -> str:
        """The marks after its title: ` (chance)` for an untrained head, ` *` for the winner."""
        return (" (chance)" if self.is_chance else "") + (" *" if self.is_winner else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Several seeds of one name: mean and spread of RunView.metric; for a candidate, also the difference to the best
    baseline, above 0 if the candidate is better.
    """

    name: str
    seeds: int
    mean: float
    standard_deviation: float
    difference: float | None = None
    interval: Bounds | None = None
    p: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run and its rows.

    model: a source id, empty without a model. chosen: the winner by validation, which may have failed on the test rows.
    headline, more: the first sentence of the verdict and the rest of it; empty without a verdict. changes: what to set
    in the recipe if the winner has not learned. inexact: what had changed when the run was resumed. units: the number
    of units of sampling of the test rows. tested: the test rows in words, with their units. metric: the verdict and the
    best baseline are by it.
    """

    name: str
    task: Task = DEFAULT
    metric: Metric = DEFAULT.headline
    model: str
    complete: bool
    test_id: str = ""
    test_openings: int
    test_rows_seen: int = 0
    test_runs_seen: int = 0
    test_runs_later: int = 0
    train: int
    validation: int
    test: int
    units: int | None = None
    tested: str = ""
    classes: Sequence[str]
    max_tokens: int = 0
    chosen: Key | None = None
    headline: str = ""
    more: str = ""
    changes: Mapping[str, Value] | None = None
    rows: Sequence[RowView]
    pooled: Sequence[Pooled] = ()
    inexact: Sequence[str] = ()
    step_seconds: Mapping[str, float] = field(default_factory=dict)
    peak_bytes: int | None = None

    @property
    def test_use(self) -> str:
        """How often the test rows were scored, as wording.scored_before."""
        return scored_before(
            self.test, rows_seen=self.test_rows_seen, runs_seen=self.test_runs_seen, runs_later=self.test_runs_later
        )

    @property
    def done(self) -> list[RowView]:
        """The rows with test figures."""
        return [row for row in self.rows if row.figures]

    @property
    def candidates(self) -> list[RowView]:
        """The candidates with test figures."""
        return [row for row in self.done if row.role == "candidate"]

    @property
    def compared(self) -> list[RowView]:
        """The candidates that were compared with a baseline."""
        return [row for row in self.done if row.measured.gain is not None]

    @property
    def winner(self) -> RowView | None:
        """The winner, if it has test figures."""
        return next((row for row in self.done if row.is_winner), None)

    @property
    def best_baseline(self) -> RowView | None:
        """The best baseline on the test rows by `metric`."""
        return next((row for row in self.done if row.is_best_baseline), None)

    @property
    def original(self) -> RowView | None:
        """The original model; if there are several seeds of it, with that of the winner."""
        rows = [row for row in self.done if row_kind(row.name).needs_model and not row_kind(row.name).fitted]
        same = [row for row in rows if self.winner is not None and row.seed == self.winner.seed]
        return next(iter([*same, *rows]), None)

    @property
    def looked_at(self) -> list[RowView]:
        """The winner, the best baseline and the original, each once; without any of them, the first row done."""
        rows = {row.key: row for row in (self.winner, self.best_baseline, self.original) if row is not None}
        return list(rows.values()) or self.done[:1]

    @property
    def seeds(self) -> list[int]:
        """The seeds of the rows, ascending."""
        return sorted({row.seed for row in self.rows if row.seed is not None})

    @property
    def is_reload_checked(self) -> bool:
        """Whether every candidate, and every other row that was reloaded, gave the same bits in a new process."""
        reloads = [row.reload for row in self.rows if row.reload is not None]
        every = all(row.reload is not None for row in self.candidates)
        return bool(self.candidates) and every and all(r.verified and r.max_abs_logit_difference == 0 for r in reloads)

    @property
    def abstains_below(self) -> float | None:
        """The confidence, 0 to 1, below which the winner gives no answer; None if it always gives one."""
        abstain = self.winner.decision.get("abstain") if self.winner else None
        return None if abstain is None else float(abstain["below"])


def view_of(run_folder: Path) -> RunView:
    """The facts of the run in a folder.

    Raises: RunError as runs.results.contract.
    """
    contract, file = results.contract(run_folder), RunFolder(run_folder).comparison
    return view(contract, read_json(file) if file.is_file() else {})


def view(contract: Mapping[str, Any], comparison: Mapping[str, Any]) -> RunView:
    """The facts of a run. contract: from runs.results.contract. comparison: the content of comparison.json."""
    compared = {(row["name"], row["seed"]): row for row in comparison.get("rows", [])}
    titles = row_titles((row["name"], row["seed"]) for row in contract["rows"])
    winner, best = _key(contract["winner"]), _key(comparison.get("best_baseline"))
    judged = [row for row in compared.values() if row.get("difference") is not None]
    against = {best, *(_key(row.get("p_against")) for row in judged)} if judged else set()
    verdict = contract.get("verdict") or {"headline": "", "text": ""}
    task, data = results.task_of(contract), contract["data"]
    metric, units = _metric(task, comparison.get("metric")), comparison.get("units", data["test"])
    rows = [
        _row(
            row,
            compared.get(key, {}),
            task,
            metric=metric,
            title=shown(titles[key], 100),
            is_winner=key == winner,
            is_best_baseline=key == best,
            is_compared_with=key in against,
        )
        for row in contract["rows"]
        for key in [(row["name"], row["seed"])]
    ]
    values = {
        "name": shown(contract["run"], 100),
        "task": task,
        "metric": metric,
        "chosen": winner,
        # The verdict may quote a class, which is the user's own text.
        "headline": shown(verdict["headline"], _LONGEST_VERDICT),
        "more": shown(verdict["text"].removeprefix(verdict["headline"]).strip(), _LONGEST_VERDICT),
        "changes": (verdict.get("unlearned") or {}).get("changes"),
        "units": units,
        "tested": rows_in_units(data["test"], "test row", units=units, group=comparison.get("group")),
        "rows": rows,
        "pooled": [_made(Pooled, one) for one in contract.get("pooled", ())],
    }
    return _made(RunView, {**contract, **data, **values})


def _metric(task: Task, key: str | None) -> Metric:
    """The metric of the verdict, for its title and its unit."""
    if key is None:
        return task.headline
    # Neither title nor unit of a cost depends on what mistakes cost.
    return cost_metric((), classes=2) if key == COST else task.metric(key)


def _row(row: Mapping[str, Any], compared: Mapping[str, Any], task: Task, *, metric: Metric, **facts: Any) -> RowView:
    counts = row["parameters"]
    values = {
        "role": row_kind(row["name"]).role,
        "figures": _figures(row, compared, task, metric=metric) if row["status"] == "done" else None,
        "error": None if row["status"] == "done" else row["error"] or "no reason is known.",
        "beside_winner": bool(compared.get("against_winner")),
        "is_chance": row.get("head") == "new" and row["kind"] == "baseline" and counts is None,
        "costs": _made(RowCosts, row),
        "curve": [_made(CurvePoint, point) for point in row["curve"]],
        "learning_curve": [_made(LearningPoint, point) for point in row.get("learning_curve", ())],
        "decision": row.get("decision") or {},
        "cut": row.get("test_rows_cut"),
    }
    parts = {
        key: _made(kind, row[key]) if row.get(key) else None
        for key, kind in {
            "parameters": Parameters, "heads": Heads, "probe": Chosen, "inference": Inference, "reload": Reload,
        }.items()
    }  # fmt: skip
    return _made(RowView, {**row, **values, **parts, **facts})


def _figures(row: Mapping[str, Any], compared: Mapping[str, Any], task: Task, *, metric: Metric) -> Figures:
    test, heads, difference = row["test"], row.get("heads"), compared.get("difference")
    level = test[task.headline.key]
    interval = compared.get("interval") or wilson(round(level * test["examples"]), test["examples"])
    p = None if difference is None else compared["p_better" if difference > 0 else "p_behind"]
    values = {
        "accuracy": heads["mean_accuracy"] if heads else level,
        "level": level,
        "interval": (heads["lowest"], heads["highest"]) if heads else tuple(interval),
        "gain": difference,
        "gain_unit": metric.unit,
        "p": p,
    }
    return _made(Figures, {**compared, **test, **values})


def _made(kind: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass from those of `values` that it has fields for."""
    return kind(**{one.name: values[one.name] for one in fields(kind) if one.name in values})


def _key(row: Mapping[str, Any] | None) -> Key | None:
    return None if row is None else (row["name"], row["seed"])
