"""Rows of several runs side by side: paired tests where the test rows are the same, a refusal where they are not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.errors import RunError
from finetooth.evaluation import decision_file
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.intervals import metric_interval
from finetooth.evaluation.significance import holm, paired
from finetooth.runs import complete, plan_file, predictions, results
from finetooth.runs.layout import RunFolder
from finetooth.tasks import Metric, Scores, Task

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class _Measured:
    """A row of a run. labels: (N,) names of the true labels. scores: (N,) of the examples by `metric`, the
    headline metric of the run's task.

    Both are in the order of ids, which are sorted. heads: how many untrained heads it has (this is the first); None of
    any other row.
    """

    run: str
    name: str
    kind: str
    seed: int | None
    winner: bool
    heads: int | None
    ids: tuple[str, ...]
    labels: npt.NDArray[np.object_]
    scores: Scores
    metric: Metric


def compare(runs: Sequence[str | Path]) -> dict[str, Any]:
    """Every candidate of the runs against the winner of the first: differences and p, Holm-corrected.

    Rows are compared by the headline metric of their task, and by its paired test; a difference above 0 is better.
    Baselines are shown with their figure alone: each run has judged its candidates by its own. `worse` names the runs
    whose winner is shown to be worse than the first run's (difference below 0 and p_holm below ALPHA), and those of
    `without_winner`, which have none with test figures. Differences are the row's figure minus that of the
    reference; a row is what its saved files gave, and nothing is computed by a model here. `unlearned`
    holds the runs whose winner has not learned, each with the headline of its verdict.

    `p_holm` of a later run's winner is corrected over these winners alone: validation had chosen them before, so that
    what else was tried takes nothing from the gate. That of every other candidate is corrected over all candidates.
    Raises: RunError when fewer than two runs are given, one is not complete or was changed after it was, the first has
    no winner, or their test rows are not the same.
    """
    folders = [Path(run) for run in runs]
    if len(folders) < 2 or len({folder.resolve() for folder in folders}) < len(folders):
        raise RunError("compare needs two or more different run folders: finetooth compare RUN RUN")
    contracts = [results.contract(folder) for folder in folders]
    for folder, contract in zip(folders, contracts, strict=True):
        if not contract["complete"]:
            raise RunError(f"{folder}: the run is not complete. Give its command again to complete it, then compare.")
    _refuse_other_tests(folders, contracts)
    task = _task(folders)
    rows = [
        row for folder, contract in zip(folders, contracts, strict=True) for row in _measured(folder, contract, task)
    ]
    _refuse_other_names(rows)
    _refuse_other_contents(folders)
    _refuse_other_labels(rows)
    reference = next((row for row in rows if row.winner and row.run == str(folders[0])), None)
    if reference is None:
        raise RunError(f"{folders[0]}: the run has no winner to compare with; name a run with a candidate first.")
    lines = [_line(row, reference) for row in rows]
    judged = [line for line in lines if line["p"] is not None]
    # The winners last: theirs is the smaller family, fixed before any test row was seen.
    for family in (judged, [line for line in judged if line["winner"]]):
        for line, adjusted in zip(family, holm([line["p"] for line in family]), strict=True):
            line["p_holm"] = adjusted
    scored = {row.run for row in rows if row.winner}
    without = [str(folder) for folder in folders if str(folder) not in scored]
    return {
        "schema": 1,
        "test_id": contracts[0]["test_id"],
        "test_openings": contracts[0]["test_openings"],
        "examples": len(reference.ids),
        "reference": {"run": reference.run, "name": reference.name, "seed": reference.seed},
        "alpha": ALPHA,
        "worse": [line["run"] for line in judged if line["winner"] and _shown_worse(line)] + without,
        "without_winner": without,
        "unlearned": [
            {"run": str(folder), "headline": contract["verdict"]["headline"]}
            for folder, contract in zip(folders, contracts, strict=True)
            if (contract["verdict"] or {}).get("unlearned")
        ],
        "rows": lines,
    }


def _refuse_other_tests(folders: Sequence[Path], contracts: Sequence[dict[str, Any]]) -> None:
    for folder, contract in zip(folders[1:], contracts[1:], strict=True):
        if contract["test_id"] != contracts[0]["test_id"]:
            raise RunError(
                f"{folders[0]} and {folder} were not measured on the same test rows ({contracts[0]['data']['test']:,} "
                f"and {contract['data']['test']:,} rows of different content), so their rows cannot be paired. Run "
                "both recipes with the same data.source, data.limit, data.test and data.seed."
            )


def _refuse_other_names(rows: Sequence[_Measured]) -> None:
    for row in rows[1:]:
        if row.ids != rows[0].ids:
            raise RunError(
                f"{rows[0].run} and {row.run} hold the same test texts under other names of files and rows (first: "
                f"{rows[0].ids[0]} and {row.ids[0]}), so that their rows cannot be paired. Run both from the same "
                "files."
            )


def _refuse_other_contents(folders: Sequence[Path]) -> None:
    """Check that an id names the same row in every run.

    Raises: RunError for one where it does not: test_id does not depend on the order of the rows.
    """
    first, *others = map(_plan, folders)
    for folder, plan in zip(folders[1:], others, strict=True):
        if plan.test_rows_id != first.test_rows_id:
            raise RunError(
                f"{folders[0]} and {folder} hold the same test rows, but not at the same places of their files, as "
                "when a file was sorted in between, so that their rows cannot be paired. Run both from the same files."
            )


def _task(folders: Sequence[Path]) -> Task:
    """The task of the runs.

    Raises: RunError where they have not the same one.
    """
    first, *others = map(_plan, folders)
    for folder, plan in zip(folders[1:], others, strict=True):
        if plan.task != first.task:
            raise RunError(
                f"{folders[0]} and {folder} are runs of other tasks ({first.task} and {plan.task}), so their rows "
                "cannot be paired."
            )
    return first.of_task()


def _plan(folder: Path) -> plan_file.Plan:
    """The plan of a run, as it was when the run was complete."""
    run_folder = RunFolder(folder)
    complete.refuse_changed(run_folder, [run_folder.plan])
    return plan_file.read(run_folder)


def _refuse_other_labels(rows: Sequence[_Measured]) -> None:
    for row in rows[1:]:
        other = np.flatnonzero(row.labels != rows[0].labels)
        if len(other):
            first = int(other[0])
            raise RunError(
                f"{rows[0].run} and {row.run} have other labels in the same rows (first: {row.ids[first]} is "
                f"{rows[0].labels[first]!r} and {row.labels[first]!r}), so that their rows cannot be paired. Run both "
                "from the same files."
            )


def _measured(folder: Path, contract: dict[str, Any], task: Task) -> list[_Measured]:
    winner = contract["winner"] and (contract["winner"]["name"], contract["winner"]["seed"])
    rows = []
    for row in contract["rows"]:
        if row["status"] != "done":
            continue
        row_folder = RunFolder(folder).row(row["name"], row["seed"])
        complete.refuse_changed(RunFolder(folder), [row_folder.predictions])
        test = predictions.read(row_folder.predictions)["test"]
        classes = contract["data"]["classes"]
        decision = _decision(row_folder.adapter, classes, task, recorded=row.get("decision"))
        order = np.argsort(np.asarray(test.ids, object), kind="stable")
        rows.append(
            _Measured(
                run=str(folder),
                name=row["name"],
                kind=row["kind"],
                seed=row["seed"],
                winner=(row["name"], row["seed"]) == winner,
                heads=row["heads"]["count"] if row.get("heads") else None,
                ids=tuple(test.ids[index] for index in order),
                labels=np.asarray(task.names(test.labels, classes), object)[order],
                scores=task.headline.each(decision.outputs(test.logits), test.labels)[order],
                metric=task.headline,
            )
        )
    return rows


def _decision(adapter: Path, classes: Sequence[str], task: Task, *, recorded: Mapping[str, Any] | None) -> Decision:
    """The decision that the row's figures were measured with. said: that of results.json; None: it has none.

    Raises: RunError when the adapter's own is another.
    """
    decision = decision_file.load(adapter, classes=classes, name=str(adapter), task=task)
    measured = recorded or decision_file.describe(Decision(), classes)
    if decision_file.describe(decision, classes) != measured:
        file = adapter / decision_file.DECISION
        raise RunError(f"{file}: is not the decision that the row was measured with. Take it from a backup.")
    return decision


def _line(row: _Measured, reference: _Measured) -> dict[str, Any]:
    metric = row.metric
    assert metric.paired_test is not None, "a headline metric has a paired test"
    line: dict[str, Any] = {
        "run": row.run,
        "name": row.name,
        "kind": row.kind,
        "seed": row.seed,
        "winner": row.winner,
        "heads": row.heads,
        metric.key: float(row.scores.sum()) / len(row.scores),
        f"{metric.key}_interval": list(metric_interval(metric, row.scores)),
    }
    if row is reference or row.kind != "candidate":
        return line | dict.fromkeys(("difference", "only_row", "only_reference", "p", "p_holm"))
    pair = paired(metric.oriented(row.scores), metric.oriented(reference.scores), test=metric.paired_test)
    return line | {
        "difference": pair.difference,
        "only_row": pair.only_a,
        "only_reference": pair.only_b,
        "p": pair.p,
        "p_holm": None,
    }


def _shown_worse(line: dict[str, Any]) -> bool:
    return bool(line["difference"] < 0 and line["p_holm"] < ALPHA)
