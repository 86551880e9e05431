"""What follows the finished rows: results, comparison, report and the mark that the run is complete."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from finetooth.evaluation import deciding, decision_file, learning
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.training_curve import LearningPoint
from finetooth.evaluation.units import Units
from finetooth.files import discard, read_hashed_json, read_json, sweep
from finetooth.models.artifact_files import weights_name
from finetooth.recipe import Recipe
from finetooth.report.writing import write_report
from finetooth.row_kinds import Role, row_kind
from finetooth.rows import row_of
from finetooth.rows.contract import ScoredRow
from finetooth.rows.facts import inference_of
from finetooth.rows.verdict_metric import metric_of
from finetooth.runs import comparison, complete, predictions, results
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.runs.ledger import History
from finetooth.runs.memory import peak_bytes
from finetooth.runs.plan_file import Plan
from finetooth.runs.results import Costs, ResultsRow, RowCosts
from finetooth.runs.work import read_labels, read_units
from finetooth.wording import row_title, shown
from finetooth.workers.executor import Key


def choose_winner(recipe: Recipe, plan: Plan, folder: RunFolder, *, keys: Sequence[Key]) -> tuple[str, int] | None:
    """Name and seed of the candidate with the best validation figure; the first among equals.

    The figure is the metric of the verdict, or training.monitor if that is accuracy by default.
    """
    metric = metric_of(recipe, plan)
    if recipe.verdict.metric is None and metric is plan.of_task().headline:
        metric = plan.of_task().metric(recipe.training.monitor)
    best: tuple[float, tuple[str, int]] | None = None
    for name, seed in keys:
        row = folder.row(name, seed)
        if row_kind(name).role != "candidate" or seed is None or not row.predictions.is_file():
            continue  # failed before it was scored; a row that fails later, on the test rows, can still be the winner
        validation = predictions.read(row.predictions).get("validation")
        if validation is None:
            continue
        value = metric.gain(metric.value(decision_of(plan, row).outputs(validation.logits), validation.labels))
        if best is None or value > best[0]:
            best = (value, (name, seed))
    return None if best is None else best[1]


def conclude(
    recipe: Recipe,
    plan: Plan,
    folder: RunFolder,
    *,
    keys: Sequence[Key],
    winner: tuple[str, int] | None,
    history: History,
    command_bytes: int,
) -> None:
    """Write results, comparison, costs and report, mark the run complete and delete its scratch.

    history: of the opening of the test rows. command_bytes: memory that the command used while the rows' processes
    worked.
    """
    rows = [row_of_results(recipe, plan, folder, key=key) for key in keys]
    results.write_results(
        folder,
        rows,
        run=recipe.name,
        plan=plan,
        max_tokens=recipe.max_tokens,
        winner=winner,
        inexact=[*plan.inexact, *_backed_off(plan, folder, keys)],
    )
    compared = _compared(recipe, plan, folder, rows, winner=winner, looks=history.looks)
    comparison.write_comparison(folder, compared)
    seconds = read_hashed_json(folder.seconds)
    costs = [_costs(folder, name, seed) for name, seed in keys]
    largest = max((row.peak_bytes or 0 for row in costs), default=0)
    most = max(peak_bytes(), command_bytes + largest)
    spent = Costs(
        run_id=plan.run_id,
        test_openings=history.looks,
        test_rows_seen=history.rows_seen,
        test_runs_seen=history.runs_seen,
        rows=costs,
        step_seconds=seconds,
        peak_bytes=most,
    )
    results.write_costs(folder, spent)
    write_report(folder)  # before the texts are deleted and before the mark, so that a retry can write it
    complete.write_mark(folder, run_id=plan.run_id)
    clear_away(folder)


def _compared(
    recipe: Recipe,
    plan: Plan,
    folder: RunFolder,
    rows: Sequence[ResultsRow],
    *,
    winner: tuple[str, int] | None,
    looks: int,
) -> dict[str, Any]:
    baseline, outcomes = _best_baseline(plan, folder, rows), []
    failed: dict[Role, list[str]] = {"candidate": [], "baseline": [], "reference": []}
    for row in rows:
        role = row_kind(row.name).role
        if row.status == "failed":
            failed[role].append(row_title(row.name, row.seed, several=len(recipe.seeds) > 1))
        else:
            outcome = _outcome(plan, folder, row)
            if role == "candidate":
                outcome = replace(outcome, learning=_learning(recipe, plan, folder, row, baseline=baseline))
            outcomes.append(outcome)
    return comparison.compare(
        outcomes,
        winner=winner,
        terms=_terms(recipe, plan, folder, looks=looks),
        failed=failed["candidate"],
        failed_baselines=failed["baseline"],
        task=plan.of_task(),
    )


def _terms(recipe: Recipe, plan: Plan, folder: RunFolder, *, looks: int) -> Terms:
    strata, units = plan.of_task().strata(read_labels(folder, "test")[1]), read_units(folder)
    units_of = [len(np.unique(units[strata == number])) for number in range(max(len(plan.classes), strata.max() + 1))]
    return Terms(
        units=Units.of(units),
        fewest=min(units_of),
        group=None if recipe.data.group is None else shown(recipe.data.group),
        metric=metric_of(recipe, plan),
        gain=recipe.least_gain,
        margin=recipe.margin,
        looks=looks,
    )


def clear_away(folder: RunFolder) -> None:
    """Delete what a complete run no longer needs: training states, scratch, and files of killed writers."""
    rows = folder.path / "rows"
    for states in [*rows.glob("*/checkpoints"), *rows.glob("*/seed-*/checkpoints")]:
        discard(states)
    discard(folder.work)
    sweep(folder.path)


def _backed_off(plan: Plan, folder: RunFolder, keys: Sequence[Key]) -> list[str]:
    """The rows that were trained with smaller micro-batches than planned, because memory ran out."""
    budgets = {
        row.path.relative_to(folder.path / "rows"): read_json(row.curve)["token_budget"]
        for row in (folder.row(*key) for key in keys)
        if row.curve.is_file()
    }
    planned = plan.of_model().token_budget if budgets else None
    return [f"token_budget of {row} was {planned}, is {budget}" for row, budget in budgets.items() if budget != planned]


def decision_of(plan: Plan, row: RowFolder) -> Decision:
    """How the row's logits become labels: by the decision.json in the folder of its artifact, or beside it."""
    return decision_file.load(row.adapter, classes=plan.classes, name=str(row.adapter), task=plan.of_task())


def _outcome(plan: Plan, folder: RunFolder, row: ResultsRow) -> comparison.Outcome:
    row_folder, kind = folder.row(row.name, row.seed), row_kind(row.name)
    return comparison.Outcome(
        row.name,
        kind.role,
        row.seed,
        predictions.read(row_folder.predictions)["test"],
        0 if row.parameters is None else row.parameters.trainable,
        decision_of(plan, row_folder),
        chance=not kind.fitted and row.head != "checkpoint",
    )


def _best_baseline(plan: Plan, folder: RunFolder, rows: Sequence[ResultsRow]) -> learning.BestBaseline | None:
    """The baseline with the highest headline metric on the validation rows, by its largest logits as in _learning."""
    task, baselines = plan.of_task(), []
    for row in rows:
        if row_kind(row.name).role == "baseline" and row.status == "done":
            part = predictions.read(folder.row(row.name, row.seed).predictions)["validation"]
            level = task.score(part.logits, part.labels)[task.headline.key]
            baselines.append(learning.BestBaseline(row.name, level))
    return max(baselines, key=lambda baseline: baseline.accuracy, default=None)


def _learning(
    recipe: Recipe, plan: Plan, folder: RunFolder, row: ResultsRow, *, baseline: learning.BestBaseline | None
) -> learning.Learning:
    """Whether a candidate has learned, judged by its largest logits: with costs, one class may be the best answer."""
    validation = predictions.read(folder.row(row.name, row.seed).predictions)["validation"]
    return learning.assess(
        plan.of_task().answers(validation.logits),
        validation.labels,
        classes=plan.classes,
        curve=row.curve,
        baseline=baseline,
        training=recipe.training,
        train_rows=plan.counts["train"],
    )


def learning_curve_of(row: RowFolder) -> list[LearningPoint]:
    """The learning curve of a baseline; empty for a row without one."""
    if not row.learning_curve.is_file():
        return []
    return [LearningPoint(**point) for point in read_json(row.learning_curve)["points"]]


def row_of_results(recipe: Recipe, plan: Plan, folder: RunFolder, *, key: Key) -> ResultsRow:
    """A row of results.json, from the files in the row's folder."""
    row_folder, kind = folder.row(*key), row_kind(key[0])
    row = ResultsRow(name=key[0], kind=kind.contract_kind, seed=key[1])
    if row_folder.failed.is_file():
        return replace(row, status="failed", error=read_json(row_folder.failed)["error"])
    decision = decision_of(plan, row_folder)
    parts = predictions.read(row_folder.predictions)
    figures = _figures(recipe, plan, parts, decision=decision)
    row = replace(
        row,
        validation=figures["validation"],
        test=figures["test"],
        decision=decision_file.describe(decision, plan.classes),
        inference=inference_of(plan, row_folder, kind),
        test_rows_cut=plan.lengths_for(row.name)["test"].rows_cut if kind.needs_model else None,
        learning_curve=learning_curve_of(row_folder),
    )
    headline = plan.of_task().headline.key
    accuracies = {split: part[headline] for split, part in figures.items()}
    scored = ScoredRow(plan=plan, name=row.name, folder=row_folder, accuracies=accuracies, decision=decision)
    row = row_of(row.name).facts(scored, row)
    return replace(row, warnings=[*row.warnings, *decision.warnings])


def _figures(
    recipe: Recipe, plan: Plan, parts: Mapping[str, predictions.Predictions], *, decision: Decision
) -> dict[str, dict[str, Any]]:
    """The figures of each split by the row's decision; those of other untrained heads (test/seed-1) by their own."""
    figures = {}
    for name, part in parts.items():
        _, _, head = name.partition("/")
        if head:
            fitted_on = parts[f"validation/{head}"]
            own = deciding.fit(
                fitted_on.logits,
                fitted_on.labels,
                classes=plan.classes,
                settings=recipe.decision,
                task=plan.of_task(),
            )
        figures[name] = (own if head else decision).score(part.logits, part.labels)
    return figures


def _costs(folder: RunFolder, name: str, seed: int | None) -> RowCosts:
    row_folder = folder.row(name, seed)
    known: dict[str, Any] = read_hashed_json(row_folder.costs) if row_folder.costs.is_file() else {}
    known.pop("cached_seconds", None)  # recorded across interruptions; part_seconds contains it
    known.pop("inference", None)  # is in results.json
    weights = row_folder.adapter / weights_name(row_folder.adapter)
    return RowCosts(name=name, seed=seed, **known, adapter_bytes=weights.stat().st_size if weights.is_file() else None)
