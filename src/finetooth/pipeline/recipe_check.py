"""`finetooth check`: rows, lengths, what adapters match and train, memory and time, without training."""

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from finetooth.files import read_hashed_json, read_json
from finetooth.models.batching import Tokens
from finetooth.models.tokenizer import load_file
from finetooth.pipeline import data_findings, preparation, run_plan
from finetooth.pipeline.check_power import verdict_power
from finetooth.pipeline.preparation import Material
from finetooth.preflight import fix_list as fixes
from finetooth.progress import Progress, progress_for
from finetooth.recipe import Recipe
from finetooth.recipe_draft import load_recipe
from finetooth.row_kinds import row_kind
from finetooth.rows import row_of
from finetooth.rows.context import Context
from finetooth.rows.contract import STEP_COSTS, Estimates
from finetooth.runs import plan_file
from finetooth.runs.layout import RunFolder
from finetooth.runs.memory import give_back, held_bytes
from finetooth.runs.plan_file import Plan
from finetooth.training.schedule import Schedule
from finetooth.workers.supervisor import Supervisor

SAMPLE = 2_000  # texts of a split that are tokenized for lengths and timing
# Memory that oneDNN uses in bfloat16 for shapes of a run that do not occur in the measured steps: 0.17 to 0.31 GB with
# MiniLM-L6 at 64, 256 and 512 tokens (docs/results.md).
KERNELS_BYTES = 250_000_000
# Seconds to start the process of a row with a model: a new interpreter imports torch, transformers and peft; a forked
# process begins with them (ADR 14). The estimate is at most the time of the whole measurement.
NEW_SECONDS, FORKED_SECONDS = 6.0, 0.3


def check(
    recipe: Any,
    *,
    progress: Progress | bool | None = None,
    fix_list: Path | None = None,
    excel_safe: bool = False,
    bases: Sequence[str] | None = None,
    quick: bool = False,
) -> dict[str, Any]:
    """What a run of the recipe will do, an estimate of its cost, and the problems in its data (docs/check.md).

    recipe: a Recipe, or whatever load_recipe makes one from: the file of one, a file or folder of data, a data frame.
    progress: as run.

    Memory and step time are measured on the largest and on typical batches of each candidate, in a process of its own.
    fix_list: file for one line of CSV for every row that a finding names; nothing else is stored.
    excel_safe: values in it that a spreadsheet would compute begin with an apostrophe.
    bases: sources of models. With them, the check only compares linear probes on each, as compare_bases does.
    quick: check only the data. No model is loaded: adapters, memory and time are not estimated.
    Raises: as run does before it trains; RecipeError if fix_list would change a source of data.
    """
    progress = progress_for(progress)
    recipe = load_recipe(recipe, progress=progress)
    if bases is not None:
        from finetooth.pipeline.base_comparison import compare_bases  # needs torch

        return compare_bases(recipe, bases, progress=progress)
    preparation.refuse_device(recipe)
    with tempfile.TemporaryDirectory(prefix="finetooth-check-") as name:
        folder, supervisor = RunFolder(Path(name)), Supervisor()
        folder.work.mkdir()
        material = preparation.gather(recipe, rejects=None, progress=progress)
        if fix_list is not None:
            fixes.check_path(fix_list, [source.path for listed in material.data.values() for source in listed])
        with supervisor.serving():
            if not quick and recipe.training.device == "cpu":
                supervisor.warm()  # beside the search for findings
            tokens, other_tokens = _tokens(recipe, material, folder, quick=quick, progress=progress)
            findings = data_findings.findings(
                recipe, material, tokens, sample=SAMPLE, mislabelled=True, progress=progress
            )
            listed = fixes.write(fix_list, findings, material.dataset, excel_safe=excel_safe) if fix_list else None
            setup = _Setup(material, tokens, other_tokens, folder, supervisor, progress)
            unmeasured: dict[str, Any] = {"candidates": [], "estimated_seconds": None, "estimated_peak_bytes": None}
            estimates = unmeasured if quick else _estimates(recipe, setup)
    return {
        "schema": 1,
        "run": recipe.name,
        "model": material.model.id if material.model else None,
        "quick": quick,
        "data": material.dataset.summary,
        "tokens": {split: asdict(preparation.lengths_of(item)) for split, item in tokens.items()},
        **estimates,
        "verdict_power": verdict_power(recipe, material),
        "findings": [finding.as_json() for finding in findings],
        "fix_list_rows": listed,
    }


@dataclass(frozen=True, slots=True)
class _Setup:
    """Everything that measuring a candidate needs."""

    material: Material
    tokens: Mapping[str, Tokens]
    other_tokens: Mapping[str, Mapping[str, Tokens]]
    folder: RunFolder
    supervisor: Supervisor
    progress: Progress


def _estimates(recipe: Recipe, setup: _Setup) -> dict[str, Any]:
    """Every candidate, measured in a process of its own, and the seconds and memory of the run; None if not known."""
    plan = _write_down(recipe, setup)
    give_back()  # the memory that reading and planning used
    rows = [_candidate(recipe, name, plan, setup) for name in plan.candidates]
    _measure_dropout(recipe, rows, setup)
    return {
        "candidates": rows,
        "estimated_seconds": _total_seconds(recipe, plan, rows, setup.material),
        "estimated_peak_bytes": held_bytes() + max(row["peak_bytes"] for row in rows) if rows else None,
    }


def _tokens(
    recipe: Recipe, material: Material, folder: RunFolder, *, quick: bool, progress: Progress
) -> tuple[Mapping[str, Tokens], Mapping[str, Mapping[str, Tokens]]]:
    """Tokens of a sample of each split, and those for rows with a base of their own.

    quick: none for such rows, and without torch: if tokenizer_config.json contradicts tokenizer.json, the number of
    tokens may differ.
    """
    if quick and material.model is not None:
        tokenizer = load_file(material.model.path)
        return preparation.sampled_tokens(tokenizer, recipe, material, sample=SAMPLE, progress=progress), {}
    return preparation.tokenize_all(recipe, material, folder=folder, sample=SAMPLE, progress=progress)


def _measure_dropout(recipe: Recipe, rows: list[dict[str, Any]], setup: _Setup) -> None:
    """Add the seconds of a step without dropout to the rows that must be trained with padding because of dropout."""
    slowed = [row for row in rows if "dropout" in (row["fallback_reason"] or "")]
    if not slowed:
        return
    without = _without_dropout(recipe)
    plan = _write_down(without, setup)
    for row in slowed:
        # The key means a step without dropout (docs/check.md), not a step of the plain pass.
        row["plain_step_seconds"] = _step_costs(without, row["name"], plan, setup)["step_seconds"]


def _without_dropout(recipe: Recipe) -> Recipe:
    training = recipe.training.model_copy(update={"base_dropout": 0.0})
    candidates = [candidate.model_copy(update={"dropout": 0.0}) for candidate in recipe.candidates]
    return recipe.model_copy(update={"training": training, "candidates": candidates})


def _write_down(recipe: Recipe, setup: _Setup) -> Plan:
    """The plan of the recipe, written with it into the setup's folder, where the workers read them."""
    free_disk = shutil.disk_usage(Path.cwd()).free
    plan = run_plan.resolve(recipe, setup.material, setup.tokens, other_tokens=setup.other_tokens, free_disk=free_disk)
    plan_file.write(setup.folder, plan)
    setup.folder.recipe.write_text(yaml.safe_dump(recipe.model_dump(mode="json")), encoding="utf-8")
    return plan


def _step_costs(recipe: Recipe, name: str, plan: Plan, setup: _Setup) -> dict[str, Any]:
    """What the steps of a trained row cost, measured in a process of its own; `whole_seconds`: of the process."""
    base = setup.material.model
    assert base is not None
    context = Context(
        run_folder=setup.folder,
        recipe=recipe,
        plan=plan,
        row=name,
        row_seed=recipe.seeds[0],
        split="train",
        base_folder=base.path,
    )
    started = time.perf_counter()
    with setup.progress.step(f"measure {name}") as step:
        setup.supervisor.call("measure", context, step)
    costs: dict[str, Any] = read_json(context.folder.path / STEP_COSTS)
    peak = read_hashed_json(context.folder.costs)["peak_bytes"]
    return {**costs, "peak_bytes": peak, "whole_seconds": time.perf_counter() - started}


def _candidate(recipe: Recipe, name: str, plan: Plan, setup: _Setup) -> dict[str, Any]:
    costs = _step_costs(recipe, name, plan, setup)
    counts, training, model = plan.counts, recipe.training, plan.of_model()
    schedule = Schedule.of(training, counts["train"])
    plain, fast = costs["token_seconds"], costs["inference_token_seconds"]
    validation_tokens = counts["validation"] * model.tokens["validation"].mean
    test_tokens = counts["test"] * model.tokens["test"].mean
    # With the inference pass, one more for its gate, and a plain one of the best step for the reload check.
    validate = schedule.evaluations * plain if fast is None else plain + (schedule.evaluations + 1) * fast
    token_seconds = plain if fast is None else fast
    planned, frozen = plan.candidates[name], plan.kept_frozen().get(name)
    frozen_seconds = _frozen_seconds(plan, name, token_seconds=plain, seeds=len(recipe.seeds))
    cached_bytes, cached_seconds = _cached(name, plan, token_seconds=plain)
    precision = model.precision if planned.fallback_reason is None else "float32"
    kernel_bytes = KERNELS_BYTES if precision == "bfloat16" and training.device == "cpu" else 0
    start = min(
        (FORKED_SECONDS if setup.supervisor.server else NEW_SECONDS) + costs["load_seconds"], costs["whole_seconds"]
    )
    return {
        "name": name,
        "targets": list(planned.targets),
        "parameters": costs["parameters"],
        "steps": schedule.typical,
        "most_steps": schedule.most,
        "peak_bytes": costs["peak_bytes"] + kernel_bytes,
        "gpu_peak_bytes": costs["gpu_peak_bytes"],
        "train_seconds": costs["step_seconds"] * _full_steps(plan, name, schedule),
        "plain_step_seconds": None,  # _measure_dropout may replace it
        "step_seconds": costs["step_seconds"],
        "waited_share": costs["waited_share"],
        "fallback_reason": planned.fallback_reason,
        "precision": precision,
        "cached_layers": planned.depth,
        "cached_bytes": cached_bytes,
        "frozen_layers": planned.frozen_depth,
        "frozen_bytes": 0 if frozen is None else frozen.bytes,
        "cached_seconds": cached_seconds + frozen_seconds,
        "evaluate_seconds": validate * validation_tokens,
        "verify_seconds": plain * validation_tokens + start,
        "test_seconds": token_seconds * test_tokens + start,
        "start_seconds": start,
    }


def _full_steps(plan: Plan, name: str, schedule: Schedule) -> float:
    """Steps of a training of typical length; a step on frozen layers (`then`) counts as the share of layers trained."""
    frozen, layers = plan.candidates[name].frozen_depth, plan.of_model().base.layers
    before = min(schedule.typical, schedule.freezes_after) if frozen else schedule.typical
    return float(before + (schedule.typical - before) * (layers - frozen) / layers)


def _frozen_seconds(plan: Plan, name: str, *, token_seconds: float, seeds: int) -> float:
    """Seconds to compute the states of the layers that a candidate freezes, for all training rows and each seed."""
    share = plan.candidates[name].frozen_depth / plan.of_model().base.layers
    return float(seeds * token_seconds * plan.counts["train"] * plan.of_model().tokens["train"].mean * share)


def _cached(name: str, plan: Plan, *, token_seconds: float) -> tuple[int, float]:
    """Bytes of the hidden states stored for a candidate, and seconds to compute those not stored for an earlier one."""
    depth, base = plan.candidates[name].depth, plan.of_model().base
    kept_bytes = sum(item.bytes for item in plan.kept_states(depth).values())
    tokens = kept_bytes / (4 * base.width)
    first = next(other for other, item in plan.candidates.items() if item.depth == depth)
    seconds = tokens * token_seconds * depth / base.layers if first == name else 0.0
    return kept_bytes, seconds


def _total_seconds(recipe: Recipe, plan: Plan, rows: list[dict[str, Any]], material: Material) -> float | None:
    """Seconds of all rows; None if rows need a model and none was measured."""
    names = [*recipe.baseline_rows, *(candidate.name for candidate in recipe.candidates)]
    if not rows and any(row_kind(name).needs_model for name in names):
        return None
    estimates = Estimates(
        recipe=recipe,
        plan=plan,
        measured={row["name"]: row for row in rows},
        characters=sum(map(len, material.dataset.train.texts)),
    )
    total = sum(row_of(name).seconds(estimates, name) for name in names)
    if rows:  # the winner is reloaded once more, in a new interpreter
        total += NEW_SECONDS + rows[0]["verify_seconds"]
    return float(total)
