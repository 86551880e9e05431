"""run(recipe): every step from sources to the table. A step is skipped if its result is there and undamaged."""

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from finetooth.errors import RunError
from finetooth.files import UNFINISHED, discard, sweep, write_file, write_json
from finetooth.pipeline import data_findings, finish, preparation, resume, run_plan
from finetooth.pipeline.check_text import data_lines, padded_lines, warning_lines
from finetooth.pipeline.finished_run import Run
from finetooth.pipeline.preparation import Material
from finetooth.pipeline.row_runner import RowRunner
from finetooth.pipeline.step_seconds import timed
from finetooth.preflight import Finding
from finetooth.progress import Progress, progress_for
from finetooth.recipe import Recipe
from finetooth.recipe_draft import load_recipe
from finetooth.runs import complete, finished, inventory, lockbox, plan_file, provenance
from finetooth.runs.disk import disk_faults
from finetooth.runs.layout import RunFolder
from finetooth.runs.lock import RunLock
from finetooth.runs.memory import give_back, held_bytes
from finetooth.runs.plan_file import Plan
from finetooth.runs.work import save_examples, write_splits
from finetooth.wording import listed
from finetooth.workers.executor import Executor, Here, Key, Phase
from finetooth.workers.supervisor import Supervisor


def run(
    recipe: Any,
    *,
    out: str | Path | None = None,
    progress: Progress | bool | None = None,
    allow_inexact: bool = False,
    exact: bool = False,
) -> Run:
    """Run a recipe, continuing from what is finished in its folder.

    recipe: a Recipe, or whatever load_recipe makes one from: the file of one, a file or folder of data, a data frame.
    out: the run folder; runs/NAME when omitted.
    progress: where steps are shown. None: below the cell in a notebook, nowhere elsewhere; True: on stderr elsewhere
    too; False: nowhere; or a finetooth.Progress of your own.
    allow_inexact: continue even if something that decides the last bits (threads, versions, processor) has changed; the
    run is then marked as inexact.
    exact: compute every figure by the model's own pass, padded, unmerged and in float32, which is slower.
    Raises: FinetoothError and its kinds. After Interrupted everything is saved, and the same call continues.
    """
    progress = progress_for(progress)
    recipe = load_recipe(recipe, progress=progress)
    folder = RunFolder(Path(out or Path("runs") / recipe.name).absolute())
    supervisor = Supervisor()
    _refuse_foreign(folder)
    inventory.refuse_irregular(folder)
    with disk_faults(folder), supervisor.signals(), RunLock(folder).command(), supervisor.serving():
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
        work = _Work(recipe, folder, progress, supervisor, Here(), exact=exact)
        work.prepare(allow_inexact=allow_inexact)
        give_back()  # the memory of sources, tokens and the base, which the rows' processes need
        work.run_rows()
        return Run(folder.path)


@dataclass(slots=True)
class _Work:
    recipe: Recipe
    folder: RunFolder
    progress: Progress
    supervisor: Supervisor
    executor: Executor
    exact: bool = False
    plan: Plan = field(init=False)  # these two are set by prepare
    base_folders: dict[str, str] = field(init=False)

    def prepare(self, *, allow_inexact: bool) -> None:
        """Make and write sources, splits, tokens and the plan, or compare them with those of the run being resumed."""
        preparation.refuse_device(self.recipe)
        sweep(self.folder.path)
        self.folder.work.mkdir(exist_ok=True)
        begun = plan_file.read(self.folder) if self.folder.plan.is_file() else None
        if begun is not None:
            resume.refuse_changed_recipe(self.folder, self.recipe, begun=begun)
        else:
            resume.refuse_rows_without_plan(self.folder)
            for item in list(self.folder.work.iterdir()):
                discard(item)  # tokens and examples without a plan may be those of other data
        with timed(self.folder, "prepare"):
            material = preparation.gather(self.recipe, rejects=self.folder.rejects, progress=self.progress)
            if self.recipe.training.device == "cpu" and not self.folder.results.is_file():
                self.supervisor.warm()  # while tokens and plan are made
            self.base_folders = {row: str(source.path) for row, source in material.other_models.items()}
            self.base_folders[""] = "" if material.model is None else str(material.model.path)
            tokens, other_tokens = preparation.tokenize_all(
                self.recipe, material, folder=self.folder, progress=self.progress
            )
            free_disk = shutil.disk_usage(self.folder.path).free
            plan = run_plan.resolve(
                self.recipe, material, tokens, other_tokens=other_tokens, free_disk=free_disk, exact=self.exact
            )
            if begun is not None:
                self.plan = resume.agree(self.folder, plan, begun=begun, allow_inexact=allow_inexact)
                if resume.differing(self.folder, self.plan):
                    findings = data_findings.findings(self.recipe, material, tokens)
                    self.plan = self._write_down(self.plan, material, findings)
            else:
                findings = data_findings.findings(self.recipe, material, tokens)
                data_findings.refuse_to_run(findings)
                warned = warning_lines(findings)
                for line in [*data_lines(material.dataset.summary), *warned, *padded_lines(plan)]:
                    self.progress.say(line)
                self.plan = self._write_down(replace(plan, run_id=uuid.uuid4().hex), material, findings)
            save_examples(self.folder, material.dataset)

    def run_rows(self) -> None:
        """Fit and verify every row; choose the winner; only then open the test set and score every row on it."""
        recipe, plan, folder = self.recipe, self.plan, self.folder
        rows = RowRunner(recipe, plan, folder, self.progress, self.supervisor, self.base_folders)
        keys, command_bytes = preparation.row_keys(recipe), held_bytes()
        self._each(rows, "fit", keys)
        winner = finish.choose_winner(recipe, plan, folder, keys=keys)
        if winner is not None:
            rows.verify_again(winner)
        openings = lockbox.open_test(plan.test_id, plan.run_id, run_name=recipe.name)
        self._each(rows, "test", keys)
        for key in keys:
            finished.refuse_changed(folder.row(*key), run_id=plan.run_id)
        finish.conclude(recipe, plan, folder, keys=keys, winner=winner, openings=openings, command_bytes=command_bytes)

    def _each(self, rows: RowRunner, phase: Phase, keys: Sequence[Key]) -> None:
        """Have the executor carry out a phase. Raises: RunError if it lost a row."""
        self.executor.each(rows, phase, keys)
        left = rows.left(phase, keys)
        if left:
            raise RunError(
                f"{self.folder.path}: the work on {listed(left)} was lost. What is done is saved; run the same "
                "command again to do the rest."
            )

    def _write_down(self, plan: Plan, material: Material, findings: list[Finding]) -> Plan:
        """Write the files that say what the plan was made from; returns the plan with their hashes."""
        write_file(self.folder.recipe, resume.resolved(self.recipe))
        in_short = [finding.in_short() for finding in findings]
        write_json(self.folder.data, {**material.dataset.summary, "findings": in_short})
        write_splits(self.folder, material.dataset)
        sources = {split: [item.id for item in listed] for split, listed in material.data.items()}
        planned = plan.as_json()
        facts = {key: planned.get(key) for key in ("device", "precision", "inference", "base", "other_bases")}
        facts |= {"data": sources, "seeds": self.recipe.seeds}
        write_json(self.folder.provenance, provenance.collect(facts, work_tree=Path.cwd()))
        return resume.write_plan(self.folder, plan)  # last: a folder with a plan counts as a started run


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
