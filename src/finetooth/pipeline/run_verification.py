"""verify(run or adapter): verify everything again, offline, from the files as they are now."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.errors import ModelError, RunError, SourceError
from finetooth.evaluation import decision_file
from finetooth.files import MANIFEST, read_json
from finetooth.models.artifact_files import IDENTITY
from finetooth.pipeline import finish, preparation, trained_model
from finetooth.progress import Progress, Silent, progress_for
from finetooth.recipe import Recipe
from finetooth.recipe import load as load_recipe
from finetooth.row_kinds import row_kind
from finetooth.runs import complete, inventory, plan_file
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.runs.plan_file import Plan
from finetooth.runs.work import read_splits
from finetooth.verification import figures, rechecks
from finetooth.verification.rechecks import Checked, Fault
from finetooth.workers.executor import Key


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of verify. kind: `run` or `adapter`. run: the check of the run's own files; None for an adapter."""

    name: str
    kind: str
    run: Checked | None
    rows: tuple[Checked, ...]
    seconds: float

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Everything that differs from what was verified."""
        return tuple(fault for checked in (self.run, *self.rows) if checked for fault in checked.faults)

    @property
    def verified(self) -> bool:
        """Whether there is no fault."""
        return not self.faults

    def report(self) -> dict[str, Any]:
        """The verification as JSON."""
        return {
            "schema": 1,
            "name": self.name,
            "kind": self.kind,
            "verified": self.verified,
            "seconds": round(self.seconds, 3),
            "run_files": None if self.run is None else self.run.files,
            "rows": [
                {key: value for key, value in asdict(checked).items() if key != "faults"} for checked in self.rows
            ],
            "faults": [asdict(fault) for fault in self.faults],
        }


def verify(
    run_or_adapter: str | Path, *, base: str | None = None, progress: Progress | bool | None = None
) -> Verification:
    """Verify a finished run, or one adapter, again: files, verify.json, identities, reference outputs, figures.

    run_or_adapter: the folder of a run, or of one adapter. progress: as run.
    Nothing is fetched and no file of the run is written. base: source of the base model, for an adapter or a base that
    was moved. Every difference becomes a fault, and the check continues. If the base of a run is not on this machine,
    that is one fault, and everything that needs no base is checked.
    Raises: RunError when the run is not complete; ModelError when the folder is no artifact of Finetooth; SourceError
    when the base of an adapter alone is not on this machine.
    """
    started = time.perf_counter()
    folder = RunFolder(Path(run_or_adapter).absolute())
    progress = progress_for(progress)
    if folder.is_run or folder.is_complete:
        run, rows = _check_run(folder, base, progress)
    else:
        run, rows = None, [_check_alone(folder.path, base, progress)]
    kind = "adapter" if run is None else "run"
    return Verification(str(run_or_adapter), kind, run, tuple(rows), time.perf_counter() - started)


def _check_alone(adapter: Path, base: str | None, progress: Progress) -> Checked:
    """Check an adapter folder, in its run or moved out of it."""
    if not adapter.is_dir():
        raise RunError(f"{adapter}: no such folder.")
    if not (adapter / MANIFEST).is_file() and not (adapter / IDENTITY).is_file():
        raise ModelError(
            f"{adapter}: neither a run nor an adapter that Finetooth saved (no {MANIFEST}, no {IDENTITY}). "
            f"To inspect it: finetooth doctor {adapter}"
        )
    checked, row = Checked(adapter.name), RowFolder(adapter.parent)
    rechecks.check_sealed(checked, adapter)
    run_folder = trained_model.run_of(adapter)
    if run_folder is not None and row.adapter == adapter and row.verify.is_file():
        rechecks.check_finished(checked, row)
        rechecks.check_verify_json(checked, row)
    if not checked.faults:
        base_folder = trained_model.fetch_base(adapter, base, progress=progress, offline=True)
        rechecks.check_reload(checked, adapter, base_folder=base_folder)
    return checked


def _check_run(folder: RunFolder, base: str | None, progress: Progress) -> tuple[Checked, list[Checked]]:
    if not folder.is_complete:
        inventory.refuse_irregular(folder)
        raise RunError(
            f"{folder.path}: the run is not complete, so it cannot be verified yet. Continue it: finetooth run "
            f"{folder.recipe} --out {folder.path}"
        )
    run = Checked("")
    for name, kind in inventory.irregular(folder):
        run.refuse(name, f"{name} is a {kind}.")
    with run.watching("COMPLETE"):
        changes = complete.changed(folder)
        for name, what in changes.items():
            if what is not None:
                run.refuse(name, what)
        run.files = sum(what is None for what in changes.values())
    rows: list[Checked] = []
    with run.watching("run folder"):
        recorded = _read(folder)
        if [(row["name"], row["seed"]) for row in recorded.rows] != list(recorded.keys):
            run.refuse("results.json", "its rows are not those of the recipe.")
        if complete.run_id(folder) != recorded.plan.run_id:
            run.refuse("COMPLETE", "COMPLETE and plan.json are not of the same run.")
        rows = [Checked(row["name"], row["seed"], row["status"]) for row in recorded.rows]
        row_folders = [folder.row(checked.name, checked.seed) for checked in rows]
    if not rows:
        return run, []
    labels: dict[str, npt.NDArray[np.int64]] = {}
    base_folder: Path | None = None  # all adapters have one base
    base_is_missing = False
    with progress.step("verify", total=len(rows), unit="rows") as step:
        for checked, row, recorded_row in zip(rows, row_folders, recorded.rows, strict=True):
            step.advance(0, note=checked.where)
            if checked.status == "done":
                _check_row(checked, row, recorded, recorded_row, labels=labels)
                if row.adapter.is_dir() and not checked.faults and not base_is_missing:
                    try:
                        base_folder = base_folder or trained_model.fetch_base(
                            row.adapter, base, progress=Silent(), offline=True
                        )
                    except SourceError as error:
                        base_is_missing = True
                        what = f"no artifact could be reloaded, and no reference output computed again: {error}"
                        run.refuse("base", what)
                    else:
                        rechecks.check_reload(checked, row.adapter, base_folder=base_folder)
            step.advance(1)
    if not any(fault.field == "predictions.parquet" for checked in rows for fault in checked.faults):
        _check_winner(run, folder, recorded)
    return run, rows


@dataclass(frozen=True, slots=True)
class _Recorded:
    """The content of a run's files. keys: the rows that the recipe asks for. rows: those of results.json."""

    recipe: Recipe
    plan: Plan
    keys: Sequence[Key]
    rows: Sequence[Mapping[str, Any]]
    winner: Mapping[str, Any] | None
    splits: Mapping[str, tuple[str, ...]]


def _read(folder: RunFolder) -> _Recorded:
    for file in (folder.recipe, folder.plan, folder.results, folder.splits):
        if not file.is_file():
            raise RunError(f"{file.name} is missing, so that no row can be checked.")
    recipe, plan, results = load_recipe(folder.recipe), plan_file.read(folder), read_json(folder.results)
    keys = preparation.row_keys(recipe)
    return _Recorded(recipe, plan, keys, results["rows"], results["winner"], read_splits(folder))


def _check_row(
    checked: Checked,
    row: RowFolder,
    recorded: _Recorded,
    recorded_figures: Mapping[str, Any],
    *,
    labels: dict[str, npt.NDArray[np.int64]],
) -> None:
    """Check everything of a row that needs no base model."""
    kind = row_kind(checked.name)
    saved = row.saved(kind)
    rechecks.check_sealed(checked, saved)
    if saved == row.adapter and not checked.faults:
        rechecks.check_plan(checked, saved, recorded.plan)
    if kind.trained:
        rechecks.check_verify_json(checked, row)
        figures.check_curve(checked, row, recorded_figures)
    with checked.watching("learning_curve.json"):
        if [asdict(point) for point in finish.learning_curve_of(row)] != recorded_figures["learning_curve"]:
            checked.refuse("learning_curve.json", "learning_curve.json is not the curve that results.json records.")
    with checked.watching("decision.json"):
        decision = finish.decision_of(recorded.plan, row)
        if decision_file.describe(decision, recorded.plan.classes) != recorded_figures["decision"]:
            checked.refuse("decision.json", "decision.json is not the decision that results.json records.")
        figures.check_figures(checked, row, recorded_figures, splits=recorded.splits, labels=labels, decision=decision)


def _check_winner(run: Checked, folder: RunFolder, recorded: _Recorded) -> None:
    with run.watching("winner"):
        winner = finish.choose_winner(recorded.recipe, recorded.plan, folder, keys=recorded.keys)
        if (None if recorded.winner is None else (recorded.winner["name"], recorded.winner["seed"])) != winner:
            run.refuse("winner", "results.json names another winner than the one that is best on the validation rows.")
