"""From finished rows to results, comparison and the mark that the run is complete."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from finetooth import baselines
from finetooth.baselines.fitted import SETTINGS
from finetooth.files import discard, read_hashed_json, read_json, sweep
from finetooth.measure import decision_file, learning
from finetooth.measure.decisions import Decision
from finetooth.measure.standing import Role
from finetooth.model.agreement import Measured
from finetooth.model.artifact_files import weights_name
from finetooth.recipe import Recipe, is_probe
from finetooth.report.writing import write_report
from finetooth.runs import comparison, complete, predictions, results
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.runs.memory import peak_bytes
from finetooth.runs.plan_file import Plan
from finetooth.runs.results import (
    Chosen,
    Costs,
    CurvePoint,
    Heads,
    Inference,
    Parameters,
    Reload,
    Row,
    RowCosts,
    RunInfo,
)
from finetooth.wording import row_title

Keys = Sequence[tuple[str, int | None]]


def choose_winner(recipe: Recipe, plan: Plan, folder: RunFolder, *, keys: Keys) -> tuple[str, int] | None:
    """Name and seed of the candidate with the best monitored validation figure; the first among equals."""
    candidates = {candidate.name for candidate in recipe.candidates}
    best: tuple[float, tuple[str, int]] | None = None
    for name, seed in keys:
        row = folder.row(name, seed)
        if name not in candidates or seed is None or not row.predictions.is_file():
            continue  # failed before it was scored; a row that fails later, on the test rows, was chosen all the same
        validation = predictions.read(row.predictions).get("validation")
        if validation is None:
            continue
        figures = decision_of(plan, row).score(validation.logits, validation.labels)
        value = plan.of_task().metric(recipe.training.monitor).gain(figures[recipe.training.monitor])
        if best is None or value > best[0]:
            best = (value, (name, seed))
    return None if best is None else best[1]


def conclude(
    recipe: Recipe,
    plan: Plan,
    folder: RunFolder,
    *,
    keys: Keys,
    winner: tuple[str, int] | None,
    openings: int,
    held: int,
) -> None:
    """Write results, comparison, costs and report, mark the run complete and clear away its scratch.

    held: bytes of memory that the command held while the rows' processes worked.
    """
    rows = [_row(recipe, plan, folder, name, seed) for name, seed in keys]
    counts = plan.counts
    info = RunInfo(
        run=recipe.name,
        model="" if plan.model is None else plan.model.base.id,
        test_id=plan.test_id,
        train=counts["train"],
        validation=counts["validation"],
        test=counts["test"],
        classes=list(plan.classes),
        max_tokens=recipe.max_tokens,
        winner=winner,
        inexact=[*plan.inexact, *_backed_off(plan, folder, keys)],
    )
    results.write_results(folder, info, rows)
    comparison.write_comparison(folder, _compared(recipe, plan, folder, rows, winner=winner))
    seconds = read_hashed_json(folder.seconds)
    costs = [_costs(folder, name, seed) for name, seed in keys]
    largest = max((row.peak_bytes or 0 for row in costs), default=0)
    most = max(peak_bytes(), held + largest)
    results.write_costs(folder, Costs(test_openings=openings, rows=costs, step_seconds=seconds, peak_bytes=most))
    write_report(folder)  # before the texts are cleared away, and before the mark: the same command makes it again
    complete.write_mark(folder, run_id=plan.run_id)
    clear_away(folder)


def _compared(
    recipe: Recipe,
    plan: Plan,
    folder: RunFolder,
    rows: Sequence[Row],
    *,
    winner: tuple[str, int] | None,
) -> dict[str, Any]:
    baseline, outcomes = _best_baseline(rows, plan.of_task().headline.key), []
    for row in rows:
        if row.status == "done":
            outcome = _outcome(plan, folder, row)
            if row.kind == "candidate":
                outcome = replace(outcome, learning=_learning(recipe, plan, folder, row, baseline=baseline))
            outcomes.append(outcome)
    failed: dict[str, list[str]] = {"candidate": [], "baseline": []}
    for row in rows:
        if row.status == "failed" and row.name != "full":  # it is no baseline, and the table says that it failed
            single = len(recipe.seeds) == 1 or row.seed is None
            failed[row.kind].append(row_title(row.name, row.seed, several=not single))
    return comparison.compare(
        outcomes,
        winner=winner,
        margin=recipe.margin,
        failed=failed["candidate"],
        failed_baselines=failed["baseline"],
        task=plan.of_task(),
    )


def clear_away(folder: RunFolder) -> None:
    """Delete what a complete run no longer needs: training states, scratch, and what killed writers left."""
    rows = folder.path / "rows"
    for states in [*rows.glob("*/checkpoints"), *rows.glob("*/seed-*/checkpoints")]:
        discard(states)
    discard(folder.work)
    sweep(folder.path)


def _backed_off(plan: Plan, folder: RunFolder, keys: Keys) -> list[str]:
    """The rows that were tuned with smaller micro-batches than planned, because memory ran out."""
    places = [folder.row(name, seed) for name, seed in keys]
    budgets = {place: read_json(place.curve)["token_budget"] for place in places if place.curve.is_file()}
    planned = plan.of_model().token_budget if budgets else None
    return [
        f"token_budget of {place.path.relative_to(folder.path / 'rows')} was {planned}, is {budget}"
        for place, budget in budgets.items()
        if budget != planned
    ]


def decision_of(plan: Plan, row: RowFolder) -> Decision:
    """How the row's logits become labels: what its adapter says, and the largest logit where it says nothing."""
    return decision_file.load(row.adapter, classes=plan.classes, name=str(row.adapter), task=plan.of_task())


def _outcome(plan: Plan, folder: RunFolder, row: Row) -> comparison.Outcome:
    place = folder.row(row.name, row.seed)
    test = predictions.read(place.predictions)["test"]
    trained = 0 if row.parameters is None else row.parameters.trainable
    chance = row.name == "majority" or (row.name == "original" and row.head == "new")
    decision = decision_of(plan, place)
    role: Role = "reference" if row.name == "full" else row.kind
    return comparison.Outcome(row.name, role, row.seed, test, trained, decision, chance)


def _best_baseline(rows: Sequence[Row], headline: str) -> learning.Baseline | None:
    """The baseline with the highest headline metric on the validation rows; full fine-tuning is none."""
    baselines = [
        learning.Baseline(row.name, row.validation[headline])
        for row in rows
        if row.kind == "baseline" and row.name != "full" and row.validation is not None
    ]
    return max(baselines, key=lambda baseline: baseline.accuracy, default=None)


def _learning(
    recipe: Recipe, plan: Plan, folder: RunFolder, row: Row, *, baseline: learning.Baseline | None
) -> learning.Learning:
    """Whether a candidate has learned. Its largest logits are looked at: costs may make one class the best answer."""
    validation = predictions.read(folder.row(row.name, row.seed).predictions)["validation"]
    return learning.judge(
        plan.of_task().answers(validation.logits),
        validation.labels,
        classes=plan.classes,
        curve=row.curve,
        baseline=baseline,
        training=recipe.training,
        train_rows=plan.counts["train"],
    )


def _row(recipe: Recipe, plan: Plan, folder: RunFolder, name: str, seed: int | None) -> Row:
    place = folder.row(name, seed)
    candidate = name not in recipe.baseline_rows
    kind: Literal["baseline", "candidate"] = "candidate" if candidate else "baseline"
    if place.failed.is_file():
        return Row(name=name, kind=kind, seed=seed, status="failed", error=read_json(place.failed)["error"])
    decision = decision_of(plan, place)
    parts = predictions.read(place.predictions)
    figures = {split: decision.score(part.logits, part.labels) for split, part in parts.items()}
    cut, headline = _test_rows_cut(plan, name), plan.of_task().headline.key
    if not candidate and name != "full":
        return replace(
            Row(
                name=name,
                kind=kind,
                seed=seed,
                validation=figures["validation"],
                test=figures["test"],
                inference=_inference(plan, place),
                test_rows_cut=cut,
            ),
            **_of_baseline(plan, place, name, {split: part[headline] for split, part in figures.items()}),
        )
    tuned, proof = read_json(place.curve), read_json(place.verify)
    return Row(
        name=name,
        kind=kind,
        seed=seed,
        parameters=Parameters(**tuned["parameters"]),
        validation=figures["validation"],
        test=figures["test"],
        reload=Reload(proof["verified"], proof["max_abs_logit_difference"]),
        best_step=tuned["best_step"],
        kept_epoch=tuned["kept_epoch"],
        curve=[CurvePoint(**point) for point in tuned["curve"]],
        head=tuned["head"],
        warnings=[*tuned["warnings"], *decision.warnings],
        decision=decision_file.describe(decision, plan.classes) if candidate else None,
        inference=_inference(plan, place),
        test_rows_cut=cut,
    )


def _inference(plan: Plan, place: RowFolder) -> Inference | None:
    """How a row's test rows were computed; None of a row without a model."""
    settings = place.control / SETTINGS
    if settings.is_file():
        described = read_json(settings).get("inference")
        if described is None:
            return None
        measured = Measured.of(described)
    else:
        measured = Measured.load(place.adapter)
    found = measured.agreement
    counts = (None, None) if found is None else (found.flipped, found.rows)
    used = _known_costs(place).get("inference")
    if used is None:  # costs.json of the row is gone: how they were to be computed
        return Inference(measured.precision(plan.inference), measured.fallback_reason, *counts)
    return Inference(used["precision"], used["fallback_reason"], *counts)


def _test_rows_cut(plan: Plan, name: str) -> float | None:
    """The share of the test rows that is cut for a row; None for one that reads the texts themselves, or nothing."""
    if name in baselines.TEXT_KINDS:
        return None
    return plan.lengths_for(name)["test"].rows_cut


def _of_baseline(plan: Plan, place: RowFolder, name: str, accuracies: Mapping[str, float]) -> dict[str, Any]:
    """What the row of a baseline says besides its figures. accuracies: of its splits, those of other heads too."""
    if name == "original":
        tested = [value for split, value in accuracies.items() if split == "test" or split.startswith("test/")]
        mean = sum(tested) / len(tested)
        heads = Heads(len(tested), mean, min(tested), max(tested)) if len(tested) > 1 else None
        return {"head": plan.of_model().base.head, "heads": heads}
    if is_probe(name):
        probe = baselines.Probe.load(place.control)
        facts = read_json(place.control / SETTINGS)
        other = facts["identity"]["base"]["id"] if name in plan.other_bases else None
        return {
            "parameters": Parameters(adapter=0, bias=0, **facts["parameters"]),
            "probe": Chosen(probe.chosen.feature, probe.chosen.inverse_regularisation, other),
            "warnings": probe.warnings,
        }
    return {"warnings": baselines.load(place.control).warnings}


def _costs(folder: RunFolder, name: str, seed: int | None) -> RowCosts:
    place = folder.row(name, seed)
    known = _known_costs(place)
    known.pop("prefix_seconds", None)  # kept over stopped processes for the parts, which hold it
    known.pop("inference", None)  # stands in the results
    weights = place.adapter / weights_name(place.adapter)
    return RowCosts(name=name, seed=seed, **known, adapter_bytes=weights.stat().st_size if weights.is_file() else None)


def _known_costs(place: RowFolder) -> dict[str, Any]:
    return read_hashed_json(place.costs) if place.costs.is_file() else {}
