"""Rows of several runs side by side: paired tests if the runs have the same test rows, an error if they have not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.data import overlap
from finetooth.errors import RunError
from finetooth.evaluation import decision_file
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.intervals import interval_as_json, metric_interval
from finetooth.evaluation.significance import holm, paired
from finetooth.evaluation.terms import ALPHA
from finetooth.evaluation.units import Units
from finetooth.files import read_json
from finetooth.runs import complete, plan_file, predictions, results
from finetooth.runs.layout import RunFolder
from finetooth.runs.work import read_splits, read_units
from finetooth.tasks import Metric, Scores, Task

_NOT_PAIRED = "so their rows cannot be paired."
_SAME_FILES = f"{_NOT_PAIRED} Run both from the same files."


@dataclass(frozen=True, slots=True)
class _Scored:
    """A row of a run with its test rows. row: as in results.json. winner: whether the row is the winner of its run.

    ids: sorted. labels: (N,) names of the true labels. scores: (N,) by the headline metric. All in the order of ids.
    """

    run: str
    row: Mapping[str, Any]
    winner: bool
    ids: tuple[str, ...]
    labels: npt.NDArray[np.object_]
    scores: Scores


def compare(runs: Sequence[str | Path], *, within: float | None = None) -> dict[str, Any]:
    """Every candidate of the runs against the winner of the first: differences with intervals, and p, Holm-corrected.

    Rows are compared by the headline metric of their task, and by its paired test. A difference is the figure of the
    row minus that of the reference; above 0 is better. Figures follow from saved predictions; no model is loaded. Test
    rows that share a text, or a group in any of the runs, count as one (evaluation.units).
    Baselines are only shown with their figure, because each run has compared its candidates with its own.
    within: the loss, a share, that a later run's winner is allowed. `not_shown_within` names the runs whose winner is
    not shown to lose at most that (the lower end of its interval is not above -within), and those without a winner with
    test figures; None without `within`.
    `worse` names the runs whose winner is shown to be worse than the first run's (difference below 0 and p_holm below
    ALPHA), and those of `without_winner`, whose winner has no test figures. `unlearned` holds the runs whose winner has
    not learned, each with the headline of its verdict. `test_openings` and its like are those of the run that opened
    the test rows last; to compare them opens nothing.

    `p_holm` of a later run's winner is corrected over these winners only: validation chose them before any test row
    was scored, so other candidates do not count. `p_holm` of every other candidate is corrected over all candidates.
    Raises: RunError if fewer than two runs are named, a run is not complete or was changed afterwards, the first has no
    winner, or their test rows or tasks are not the same.
    """
    folders = [Path(run) for run in runs]
    if len(folders) < 2 or len({folder.resolve() for folder in folders}) < len(folders):
        raise RunError("compare needs two or more different run folders: finetooth compare RUN RUN")
    contracts = {folder: results.contract(folder) for folder in folders}
    _refuse_other_test_sets(contracts)
    first = contracts[folders[0]]
    last = max(contracts.values(), key=lambda contract: contract["test_openings"])
    task = results.task_of(first)
    rows = [row for folder, contract in contracts.items() for row in _scored(folder, contract, task)]
    _refuse_other_rows(rows, folders)
    reference = next((row for row in rows if row.winner and row.run == str(folders[0])), None)
    if reference is None:
        raise RunError(f"{folders[0]}: the run has no winner to compare with; name a run with a candidate first.")
    units = _joined(folders)
    lines = [_line(row, reference, task.headline, units) for row in rows]
    judged = [line for line in lines if line["p"] is not None]
    _correct(judged)
    worse = [line["run"] for line in judged if line["winner"] and line["difference"] < 0 and line["p_holm"] < ALPHA]
    without = [str(folder) for folder in folders if str(folder) not in {row.run for row in rows if row.winner}]
    return {
        "schema": 1,
        "task": task.name,
        "test_id": first["test_id"],
        **{key: last[key] for key in ("test_openings", "test_rows_seen", "test_runs_seen", "test_runs_later")},
        "examples": len(reference.ids),
        "units": units.count,
        "group": _group(folders),
        "reference": {"run": reference.run, "name": reference.row["name"], "seed": reference.row["seed"]},
        "alpha": ALPHA,
        "within": within,
        "not_shown_within": None if within is None else _not_shown(judged, within) + without,
        "worse": worse + without,
        "without_winner": without,
        "unlearned": [
            {"run": str(folder), "headline": contract["verdict"]["headline"]}
            for folder, contract in contracts.items()
            if (contract["verdict"] or {}).get("unlearned")
        ],
        "rows": lines,
    }


def _correct(judged: Sequence[dict[str, Any]]) -> None:
    """Set p_holm of each compared row."""
    # The winners last: their p are corrected over fewer candidates, which were chosen before any test row was scored.
    for family in (judged, [line for line in judged if line["winner"]]):
        for line, adjusted in zip(family, holm([line["p"] for line in family]), strict=True):
            line["p_holm"] = adjusted


def _not_shown(judged: Sequence[Mapping[str, Any]], within: float) -> list[str]:
    """The runs whose winner is not shown to lose at most `within`."""
    intervals = {line["run"]: line["difference_interval"] for line in judged if line["winner"]}
    return [run for run, interval in intervals.items() if interval is None or interval[0] <= -within]


def _refuse_other_test_sets(contracts: Mapping[Path, Mapping[str, Any]]) -> None:
    """Check that the runs are complete, and that they have the test set and the task of the first.

    Raises: RunError naming the first that has not.
    """
    for folder, contract in contracts.items():
        if not contract["complete"]:
            raise RunError(f"{folder}: the run is not complete. Give its command again to complete it, then compare.")
    (first, expected), *others = contracts.items()
    for folder, contract in others:
        if contract["test_id"] != expected["test_id"]:
            raise RunError(
                f"{first} and {folder} were not measured on the same test rows ({expected['data']['test']:,} and "
                f"{contract['data']['test']:,} rows of different content), {_NOT_PAIRED} Run both recipes with the "
                "same data.source, data.limit, data.test and data.seed."
            )
        if contract["task"] != expected["task"]:
            raise RunError(
                f"{first} and {folder} are runs of other tasks ({expected['task']} and {contract['task']}), "
                f"{_NOT_PAIRED} Compare runs of one task."
            )


def _refuse_other_rows(rows: Sequence[_Scored], folders: Sequence[Path]) -> None:
    """Check that an id names the same row with the same label in every run: test_id ignores the order of the rows.

    Raises: RunError naming the first run in which it does not.
    """
    for row in rows[1:]:
        if row.ids != rows[0].ids:
            raise RunError(
                f"{rows[0].run} and {row.run} hold the same test texts under other names of files and rows (first: "
                f"{rows[0].ids[0]} and {row.ids[0]}), {_SAME_FILES}"
            )
    expected, *others = map(_test_rows_id, folders)
    for folder, test_rows_id in zip(folders[1:], others, strict=True):
        if test_rows_id != expected:
            raise RunError(
                f"{folders[0]} and {folder} hold the same test rows at other positions in their files, as after "
                f"sorting a file, {_SAME_FILES}"
            )
    for row in rows[1:]:
        for at in np.flatnonzero(row.labels != rows[0].labels)[:1]:
            raise RunError(
                f"{rows[0].run} and {row.run} have other labels in the same rows (first: {row.ids[at]} is "
                f"{rows[0].labels[at]!r} and {row.labels[at]!r}), {_SAME_FILES}"
            )


def _test_rows_id(folder: Path) -> str:
    """The hash of the test rows in their order, from the plan as it was when the run was complete."""
    run_folder = RunFolder(folder)
    complete.refuse_changed(run_folder, [run_folder.plan])
    return plan_file.read(run_folder).test_rows_id


def _scored(folder: Path, contract: Mapping[str, Any], task: Task) -> list[_Scored]:
    """The rows of a run that are done."""
    winner, classes = contract["winner"], contract["data"]["classes"]
    rows = []
    for row in contract["rows"]:
        if row["status"] != "done":
            continue
        row_folder = RunFolder(folder).row(row["name"], row["seed"])
        complete.refuse_changed(RunFolder(folder), [row_folder.predictions])
        test = predictions.read(row_folder.predictions)["test"]
        decision = _decision(row_folder.adapter, classes, task, recorded=row["decision"])
        order = np.argsort(np.asarray(test.ids, object), kind="stable")
        rows.append(
            _Scored(
                run=str(folder),
                row=row,
                winner=winner == {"name": row["name"], "seed": row["seed"]},
                ids=tuple(test.ids[index] for index in order),
                labels=np.asarray(task.names(test.labels, classes), object)[order],
                scores=task.headline.each(decision.outputs(test.logits), test.labels)[order],
            )
        )
    return rows


def _joined(folders: Sequence[Path]) -> Units:
    """The units of the test rows, in the order of their ids: rows that share a unit in any run share one here.

    Raises: RunError if a run's splits.parquet was changed or cannot be read.
    """
    of_runs = []
    for folder in map(RunFolder, folders):
        complete.refuse_changed(folder, [folder.splits])
        order = np.argsort(np.asarray(read_splits(folder)["test"], object), kind="stable")
        of_runs.append(read_units(folder)[order].tolist())
    return Units.of(overlap.joined(*of_runs))


def _group(folders: Sequence[Path]) -> str | None:
    """The column of groups of the first run that has one."""
    groups = (read_json(RunFolder(folder).comparison).get("group") for folder in folders)
    return next((str(group) for group in groups if group is not None), None)


def _decision(adapter: Path, classes: Sequence[str], task: Task, *, recorded: Mapping[str, Any] | None) -> Decision:
    """The decision in the folder of an adapter. recorded: the row's decision in results.json.

    Raises: RunError if the two differ.
    """
    decision = decision_file.load(adapter, classes=classes, name=str(adapter), task=task)
    measured = recorded or decision_file.describe(Decision(), classes)
    if decision_file.describe(decision, classes) != measured:
        file = adapter / decision_file.DECISION
        raise RunError(f"{file}: is not the decision that the row was measured with. Take it from a backup.")
    return decision


def _line(scored: _Scored, reference: _Scored, metric: Metric, units: Units) -> dict[str, Any]:
    row = scored.row
    line: dict[str, Any] = {
        "run": scored.run,
        "name": row["name"],
        "kind": row["kind"],
        "seed": row["seed"],
        "winner": scored.winner,
        "heads": row["heads"]["count"] if row["heads"] else None,
        metric.key: float(scored.scores.sum()) / len(scored.scores),
        f"{metric.key}_interval": interval_as_json(metric_interval(metric, scored.scores, units=units)),
    }
    if scored is reference or row["kind"] != "candidate":
        unknown = ("difference", "difference_interval", "only_row", "only_reference", "p", "p_holm")
        return line | dict.fromkeys(unknown)
    scores = (metric.gain(scored.scores), metric.gain(reference.scores))
    pair = paired(*scores, test=metric.paired_test, units=units)
    return line | {
        "difference": pair.difference,
        "difference_interval": interval_as_json(pair.interval()),
        "only_row": pair.only_a,
        "only_reference": pair.only_b,
        "p": pair.p,
        "p_holm": None,
    }
