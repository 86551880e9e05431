"""run(recipe): every step from sources to the table. A step is skipped if its result is there and undamaged."""

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from finetooth.errors import RunError
from finetooth.files import UNFINISHED, discard, sweep, write_file, write_json
from finetooth.pipeline import data_findings, finish, preparation, resume, run_plan
from finetooth.pipeline.check_text import data_lines, padded_lines, warning_lines
from finetooth.pipeline.finished_run import Run
from finetooth.pipeline.preparation import Material
from finetooth.pipeline.row_runner import RowRunner, timed
from finetooth.preflight import Finding
from finetooth.progress import Progress, progress_for
from finetooth.recipe import Recipe
from finetooth.recipe_draft import load_recipe
from finetooth.runs import complete, finished, inventory, ledger, plan_file, provenance
from finetooth.runs.disk import disk_faults
from finetooth.runs.layout import RunFolder
from finetooth.runs.lock import command_lock
from finetooth.runs.memory import give_back, held_bytes
from finetooth.runs.plan_file import Plan
from finetooth.runs.work import read_row_keys, save_examples, write_splits
from finetooth.workers.executor import ROW_BY_ROW, Executor
from finetooth.workers.supervisor import Supervisor


def run(
    recipe: Any,
    *,
    out: str | Path | None = None,
    progress: Progress | bool | None = None,
    allow_inexact: bool = False,
    exact: bool = False,
    executor: Executor = ROW_BY_ROW,
) -> Run:
    """Run a recipe, continuing from what is finished in its folder.

    recipe: a Recipe, or whatever load_recipe makes one from: the file of one, a file or folder of data, a data frame.
    out: the run folder; runs/NAME when omitted.
    progress: where steps are shown. None: below the cell in a notebook, nowhere elsewhere; True: on stderr elsewhere
    too; False: nowhere; or a finetooth.Progress of your own.
    allow_inexact: continue even if something that decides the last bits (threads, versions, processor) has changed; the
    run is then marked as inexact.
    exact: compute every figure by the model's own pass, padded, unmerged and in float32, which is slower.
    executor: who carries out the work on the rows (finetooth.workers.executor).
    Raises: FinetoothError and its kinds. After Interrupted everything is saved, and the same call continues.
    """
    progress = progress_for(progress)
    recipe = load_recipe(recipe, progress=progress)
    folder = RunFolder(Path(out or Path("runs") / recipe.name).absolute())
    supervisor = Supervisor()
    _refuse_foreign(folder)
    inventory.refuse_irregular(folder)
    with disk_faults(folder), supervisor.signals(), command_lock(folder), supervisor.serving():
        if folder.is_complete:
            complete.refuse_changed(folder)
            begun = plan_file.read(folder)
            resume.refuse_changed_recipe(folder, recipe, begun=begun)
            if exact:
                resume.refuse_other_exact(begun, exact=True)
            finish.clear_away(folder)  # the process may have been killed after the mark and before this
            for line in resume.notes_of_complete(folder, recipe):
                progress.say(line)
            return Run(folder.path)
        rows = _prepare(recipe, folder, progress, supervisor, exact=exact, allow_inexact=allow_inexact)
        give_back()  # the memory of sources, tokens and the base, which the rows' processes need
        _carry_out(rows, executor)
        return Run(folder.path)


def _prepare(
    recipe: Recipe, folder: RunFolder, progress: Progress, supervisor: Supervisor, *, exact: bool, allow_inexact: bool
) -> RowRunner:
    """Make and write sources, splits, tokens and the plan, or compare them with those of the run being resumed."""
    preparation.refuse_device(recipe)
    sweep(folder.path)
    folder.work.mkdir(exist_ok=True)
    begun = plan_file.read(folder) if folder.plan.is_file() else None
    if begun is not None:
        resume.refuse_changed_recipe(folder, recipe, begun=begun)
    else:
        resume.refuse_rows_without_plan(folder)
        for item in list(folder.work.iterdir()):
            discard(item)  # tokens and examples without a plan may be those of other data
    with timed(folder, "prepare"):
        material = preparation.gather(recipe, rejects=folder.rejects, progress=progress)
        if recipe.training.device == "cpu" and not folder.results.is_file():
            supervisor.warm()  # while tokens and plan are made
        tokens, other_tokens = preparation.tokenize_all(recipe, material, folder=folder, progress=progress)
        free_disk = shutil.disk_usage(folder.path).free
        plan = run_plan.resolve(recipe, material, tokens, other_tokens=other_tokens, free_disk=free_disk, exact=exact)
        if begun is None:
            findings = data_findings.findings(recipe, material, tokens)
            data_findings.refuse_to_run(findings)
            for line in [*data_lines(material.dataset.summary), *warning_lines(findings), *padded_lines(plan)]:
                progress.say(line)
            plan = _write_down(recipe, folder, replace(plan, run_id=uuid.uuid4().hex), material, findings)
        else:
            plan = resume.agree(folder, plan, begun=begun, allow_inexact=allow_inexact)
            if resume.differing(folder, plan):
                plan = _write_down(recipe, folder, plan, material, data_findings.findings(recipe, material, tokens))
        save_examples(folder, material.dataset)
    base_folders = {row: source.path for row, source in material.other_models.items()}
    base_folders[""] = Path() if material.model is None else material.model.path
    return RowRunner(recipe, plan, folder, progress, supervisor, base_folders)


def _write_down(recipe: Recipe, folder: RunFolder, plan: Plan, material: Material, findings: Sequence[Finding]) -> Plan:
    """Write the files that say what the plan was made from; returns the plan with their hashes."""
    write_file(folder.recipe, resume.resolved(recipe))
    in_short = [finding.in_short() for finding in findings]
    write_json(folder.data, {**material.dataset.summary, "findings": in_short})
    write_splits(folder, material.dataset, task=plan.of_task())
    sources = {split: [item.id for item in listed] for split, listed in material.data.items()}
    planned = plan.as_json()
    facts = {key: planned.get(key) for key in ("device", "precision", "inference", "base", "other_bases")}
    facts |= {"data": sources, "seeds": recipe.seeds}
    write_json(folder.provenance, provenance.collect(facts, work_tree=Path.cwd()))
    return resume.write_plan(folder, plan)  # last: a folder with a plan counts as a started run


def _carry_out(rows: RowRunner, executor: Executor) -> None:
    """Fit and verify every row; choose the winner; only then open the test set and score every row on it.

    Raises: RunError if the executor lost a row.
    """
    recipe, plan, folder = rows.recipe, rows.plan, rows.folder
    keys, command_bytes = preparation.row_keys(recipe), held_bytes()
    executor.each(rows, "fit", keys)
    rows.check_done("fit", keys)
    winner = finish.choose_winner(recipe, plan, folder, keys=keys)
    if winner is not None:
        rows.verify_again(winner)
    test_rows = read_row_keys(folder, test_id=plan.test_id)
    history = ledger.open_run(test_rows, folder, run_id=plan.run_id, run_name=recipe.name)
    executor.each(rows, "test", keys)
    rows.check_done("test", keys)
    for key in keys:
        finished.refuse_changed(folder.row(*key), run_id=plan.run_id)
    finish.conclude(recipe, plan, folder, keys=keys, winner=winner, history=history, command_bytes=command_bytes)


def _refuse_foreign(folder: RunFolder) -> None:
    """Check that the folder is new, empty or a run's, so that a run never writes among a user's own files.

    Raises: RunError otherwise.
    """
    if not folder.path.is_dir() or folder.plan.is_file() or folder.work.is_dir():
        return
    ours = (folder.lock.name, UNFINISHED)  # locks, and files of a killed writer
    others = sorted(item.name for item in folder.path.iterdir() if not item.name.startswith(ours))
    if others:
        raise RunError(
            f"{folder.path} holds files that are not of a run ({others[0]}); name another folder with --out."
        )
