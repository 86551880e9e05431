"""run(recipe): every step from sources to the table, each one skipped when its result is there and whole."""

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from finetooth import baselines
from finetooth.errors import DivergedError, KilledError, RunError, VerificationError
from finetooth.files import (
    UNFINISHED,
    damage,
    discard,
    read_hashed_json,
    read_json,
    sweep,
    write_file,
    write_hashed_json,
    write_json,
)  # fmt: skip
from finetooth.pipeline import ending, resuming
from finetooth.pipeline.finished_run import Run
from finetooth.plan import looking, prepare
from finetooth.plan.describing import data_lines, padded_lines, warning_lines
from finetooth.plan.prepare import Material
from finetooth.preflight import Finding
from finetooth.progress import Progress, progress_for
from finetooth.recipe import Recipe, is_probe
from finetooth.recipe_draft import load_recipe
from finetooth.rows.context import Action, Task
from finetooth.runs import complete, finished, inventory, lockbox, plan_file, predictions, provenance
from finetooth.runs.disk import disk_faults
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.runs.lock import RunLock
from finetooth.runs.memory import give_back, held_bytes
from finetooth.runs.plan_file import Plan
from finetooth.runs.work import save_examples, write_splits
from finetooth.tuning.course import Course
from finetooth.verification import reload_check
from finetooth.wording import row_title, wrapped
from finetooth.workers.supervisor import Command


def run(
    recipe: Any,
    *,
    out: str | Path | None = None,
    progress: Progress | bool | None = None,
    allow_inexact: bool = False,
    exact: bool = False,
) -> Run:
    """Run a recipe, going on from whatever is finished in its folder.

    recipe: a Recipe, or whatever load_recipe makes one from: the file of one, a file or folder of data, a data frame.
    out: the run folder; runs/NAME when omitted.
    progress: where steps are shown. None: below the cell in a notebook, nowhere elsewhere; True: on stderr elsewhere
    too; False: nowhere; or a finetooth.Progress of your own.
    allow_inexact: go on although something that decides the last bit (threads, versions, processor) changed; marked so.
    exact: compute every figure by the model's own pass, padded, unmerged and in float32, which is slower.
    Raises: FinetoothError and its kinds. Interrupted leaves everything saved; the same call goes on.
    """
    progress = progress_for(progress)
    recipe = load_recipe(recipe, progress=progress)
    folder = RunFolder(Path(out or Path("runs") / recipe.name).absolute())
    command = Command()
    _refuse_foreign(folder)
    inventory.refuse_irregular(folder)
    with disk_faults(folder), command.signals(), RunLock(folder).command(), command.serving():
        if folder.is_complete:
            complete.refuse_changed(folder)
            begun = plan_file.read(folder)
            resuming.refuse_changed_recipe(folder, recipe, begun=begun)
            if exact:
                resuming.refuse_other_exact(begun, exact=True)
            ending.clear_away(folder)  # a kill may have come after the mark and before this
            for line in resuming.told_of_complete(folder, recipe):
                progress.say(line)
            return Run(folder.path)
        work = _Work(recipe, folder, progress, command, exact=exact)
        work.prepare(allow_inexact=allow_inexact)
        give_back()  # what sources, tokens and the base took: the rows' processes have better use for it
        work.carry_out()
        return Run(folder.path)


@dataclass(slots=True)
class _Work:
    recipe: Recipe
    folder: RunFolder
    progress: Progress
    command: Command
    plan: Plan = field(init=False)  # set by prepare
    base_folder: str = ""
    other_folders: dict[str, str] = field(default_factory=dict)
    exact: bool = False

    def prepare(self, *, allow_inexact: bool) -> None:
        """Sources, splits, tokens and the plan: made and written down, or compared with what is written."""
        prepare.refuse_device(self.recipe)
        sweep(self.folder.path)
        self.folder.work.mkdir(exist_ok=True)
        begun = plan_file.read(self.folder) if self.folder.plan.is_file() else None
        if begun is not None:
            resuming.refuse_changed_recipe(self.folder, self.recipe, begun=begun)
        else:
            resuming.refuse_rows_without_plan(self.folder)
            for item in list(self.folder.work.iterdir()):
                discard(item)  # tokens and examples without a plan may be those of other data
        with self._timed("prepare"):
            material = prepare.gather(self.recipe, rejects=self.folder.rejects, progress=self.progress)
            if self.recipe.training.device == "cpu" and not self.folder.results.is_file():
                self.command.warm()  # while tokens and plan are made
            self.base_folder = "" if material.model is None else str(material.model.path)
            self.other_folders = {row: str(source.path) for row, source in material.other_models.items()}
            tokens, other_tokens = prepare.tokenize_all(
                self.recipe, material, folder=self.folder, progress=self.progress
            )
            free_disk = shutil.disk_usage(self.folder.path).free
            plan = prepare.resolve(
                self.recipe, material, tokens, other_tokens=other_tokens, free_disk=free_disk, exact=self.exact
            )
            if begun is not None:
                self.plan = resuming.agree(self.folder, plan, begun=begun, allow_inexact=allow_inexact)
                if resuming.differing(self.folder, self.plan):
                    found = looking.findings(self.recipe, material, tokens)
                    self.plan = self._write_down(self.plan, material, found)
            else:
                found = looking.findings(self.recipe, material, tokens)
                looking.refuse_to_run(found)
                warned = warning_lines(found)
                for line in [*data_lines(material.dataset.summary), *warned, *padded_lines(plan)]:
                    self.progress.say(line)
                self.plan = self._write_down(replace(plan, run_id=uuid.uuid4().hex), material, found)
            save_examples(self.folder, material.dataset)

    def carry_out(self) -> None:
        """Fit and prove every row; fix the winner; only then open the test set and score every row on it."""
        keys, held = prepare.row_keys(self.recipe), held_bytes()
        for name, seed in keys:
            self._fit_and_prove(name, seed)
        winner = ending.choose_winner(self.recipe, self.plan, self.folder, keys=keys)
        if winner is not None:
            self._prove_winner(*winner)
        openings = lockbox.open_test(self.plan.test_id, self.plan.run_id, run_name=self.recipe.name)
        for name, seed in keys:
            self._test(name, seed)
        for name, seed in keys:
            finished.refuse_changed(self.folder.row(name, seed), run_id=self.plan.run_id)
        ending.conclude(self.recipe, self.plan, self.folder, keys=keys, winner=winner, openings=openings, held=held)

    def _test(self, name: str, seed: int | None) -> None:
        row = self.folder.row(name, seed)
        finished.refuse_changed(row, run_id=self.plan.run_id)
        with self._failing_alone(name, seed):
            if not row.failed.is_file() and "test" not in _scored(row):
                reload_check.refuse_another(row, name=name)
                self._call("score", name, seed, "test")

    @contextmanager
    def _failing_alone(self, name: str, seed: int | None) -> Iterator[None]:
        """A row that diverges is a failed row, and the others go on."""
        try:
            yield
        except DivergedError as error:
            row = self.folder.row(name, seed)
            row.path.mkdir(parents=True, exist_ok=True)
            write_json(row.failed, {"schema": 1, "error": str(error)})
            finished.record(row, [finished.FAILED], run_id=self.plan.run_id)
            self.progress.say(f"{self._title(name, seed)} failed: {error}")

    def _write_down(self, plan: Plan, material: Material, found: list[Finding]) -> Plan:
        """The plan, with the hashes of the files that say what it was made from, all of them written."""
        write_file(self.folder.recipe, resuming.resolved(self.recipe))
        in_short = [finding.in_short() for finding in found]
        write_json(self.folder.data, {**material.dataset.summary, "findings": in_short})
        write_splits(self.folder, material.dataset)
        sources = {split: [item.id for item in listed] for split, listed in material.data.items()}
        planned = plan.as_json()
        facts = {key: planned.get(key) for key in ("device", "precision", "inference", "base", "other_bases")}
        facts |= {"data": sources, "seeds": self.recipe.seeds}
        write_json(self.folder.provenance, provenance.collect(facts, work_tree=Path.cwd()))
        return resuming.write_plan(self.folder, plan)  # last: a folder with a plan is a run begun

    def _fit_and_prove(self, name: str, seed: int | None) -> None:
        row = self.folder.row(name, seed)
        finished.settle(row, run_id=self.plan.run_id)
        if row.failed.is_file():
            return
        with self._failing_alone(name, seed):
            artifact = row.control if baselines.is_control(name) else row.adapter
            if not artifact.exists():
                self._fit(name, seed)
                for warning in read_json(row.curve)["warnings"] if row.curve.is_file() else ():
                    self._warn(name, seed, warning)
            fault = damage(artifact)
            if fault is not None:
                raise VerificationError(
                    f"{artifact}: {fault}: this is not what was saved and measured. Delete that folder and give the "
                    "same command again to make it anew from the last checkpoint."
                )
            if "validation" not in _scored(row) or (row.curve.is_file() and not row.verify.is_file()):
                self._call("score", name, seed, "validation")

    def _prove_winner(self, name: str, seed: int) -> None:
        """Reload the winner once more, in a new interpreter, unless that is where it was proven."""
        if not read_json(self.folder.row(name, seed).verify)["new_interpreter"]:
            self._call("score", name, seed, "validation", new_interpreter=True)

    def _fit(self, name: str, seed: int | None) -> None:
        """Fit the row; where memory runs out again from its last checkpoint, with half as many tokens at a time.

        Where no fewer can be taken it goes on as long as each try comes further than the one before.
        """
        from finetooth.tuning import checkpoints

        row = self.folder.row(name, seed)
        reached, _ = checkpoints.newest(row.checkpoints)
        while True:
            try:
                return self._call("fit", name, seed, "train")
            except KilledError:
                if name not in self.plan.candidates:
                    raise
                used, fewer = self._token_budgets(row)
                before, (reached, _) = reached, checkpoints.newest(row.checkpoints)
                if fewer == used and reached <= before:
                    discard(row.lowered)  # the steps are not what takes the memory: begin as planned when there is more
                    raise
                row.checkpoints.mkdir(parents=True, exist_ok=True)
                write_hashed_json(row.lowered, {"schema": 1, "token_budget": fewer})
                said = f"memory ran out; going on after step {reached:,} with at most {fewer:,} tokens at a time."
                self._warn(name, seed, said)

    def _title(self, name: str, seed: int | None) -> str:
        return row_title(name, seed, several=len(self.recipe.seeds) > 1)

    def _warn(self, name: str, seed: int | None, said: str) -> None:
        line = f"Warning  {self._title(name, seed)}: {said}"
        self.progress.say(wrapped(line))

    def _token_budgets(self, row: RowFolder) -> tuple[int, int]:
        """Tokens that the row was tuned with at a time, and half of them, but no fewer than its longest text takes."""
        from finetooth.tuning import checkpoints

        model = self.plan.of_model()
        planned = read_hashed_json(row.lowered)["token_budget"] if row.lowered.is_file() else model.token_budget
        used = min(planned, checkpoints.newest(row.checkpoints)[1] or planned)
        longest = min(self.recipe.max_tokens, model.tokens["train"].longest_whole)
        return used, max(used // 2, min(used, longest))

    def _call(self, action: Action, name: str, seed: int | None, split: str, *, new_interpreter: bool = False) -> None:
        title, total, unit = self._step(action, name, seed, split)
        base = self.other_folders.get(name, self.base_folder)
        task = Task(action, str(self.folder.path), name, seed, split, base)
        with self._timed(title), self.progress.step(title, total=total, unit=unit) as step:
            self.command.call(task, step, plan=self.plan, new_interpreter=new_interpreter)

    def _step(self, action: Action, name: str, seed: int | None, split: str) -> tuple[str, int | None, str]:
        shown = self._title(name, seed)
        tuned = name in self.plan.candidates
        if action == "score":
            verb = "test" if split == "test" else ("prove" if tuned else "validate")
            counted = name not in baselines.TEXT_KINDS
            return f"{verb} {shown}", self.plan.counts[split] if counted else None, "texts"
        if is_probe(name):
            return f"fit {shown}", self.plan.counts["train"] + self.plan.counts["validation"], "texts"
        if not tuned:
            return f"fit {shown}", None, ""
        course = Course.of(self.recipe.training, self.plan.counts["train"])
        return f"tune {shown}", course.most, "steps at most" if course.automatic else "steps"

    @contextmanager
    def _timed(self, title: str) -> Iterator[None]:
        """Add the block's seconds to those of its step, summed over resumes."""
        place, started = self.folder.seconds, time.perf_counter()
        try:
            yield
        finally:
            known = read_hashed_json(place) if place.is_file() else {}
            spent = time.perf_counter() - started
            write_hashed_json(place, {**known, title: round(known.get(title, 0.0) + spent, 3)})


def _refuse_foreign(folder: RunFolder) -> None:
    """Nothing, if the folder is new, empty or a run's: what a run writes must not meet a user's own files."""
    if not folder.path.is_dir() or folder.plan.is_file() or folder.work.is_dir():
        return
    ours = (folder.lock.name, UNFINISHED)  # locks, and what a killed writer left
    others = sorted(item.name for item in folder.path.iterdir() if not item.name.startswith(ours))
    if others:
        raise RunError(
            f"{folder.path} holds files that are not of a run ({others[0]}); name another folder with --out."
        )


def _scored(row: RowFolder) -> set[str]:
    """The splits whose predictions are there."""
    return set(predictions.read(row.predictions)) if row.predictions.is_file() else set()
