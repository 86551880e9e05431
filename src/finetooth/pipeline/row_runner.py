"""The work on the rows of a run: fit and verify, later test, each in a new process."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from finetooth.errors import DivergedError, KilledError, RunError, VerificationError
from finetooth.files import damage, discard, read_hashed_json, read_json, write_hashed_json, write_json
from finetooth.progress import Progress
from finetooth.recipe import Recipe
from finetooth.row_kinds import row_kind
from finetooth.rows import row_of
from finetooth.rows.context import Action, Context
from finetooth.runs import finished, predictions
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.runs.plan_file import Plan
from finetooth.verification import reload_check
from finetooth.wording import listed, row_title, wrapped
from finetooth.workers.executor import Key, Phase
from finetooth.workers.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class RowRunner:
    """The work on the rows of one run. Finished work is skipped, so that every method may be called twice.

    base_folders: the staged base models, by the names of the rows that have their own; "" names that of all others.
    """

    recipe: Recipe
    plan: Plan
    folder: RunFolder
    progress: Progress
    supervisor: Supervisor
    base_folders: Mapping[str, Path]

    def carry_out(self, phase: Phase, key: Key) -> None:
        """Do the work of a phase on one row. A row that diverges is recorded as failed, without an error."""
        try:
            (self._fit_and_verify if phase == "fit" else self._test)(key)
        except DivergedError as error:
            row = self.folder.row(*key)
            row.path.mkdir(parents=True, exist_ok=True)
            write_json(row.failed, {"schema": 1, "error": str(error)})
            finished.record(row, [finished.FAILED], run_id=self.plan.run_id)
            self.progress.say(f"{self._title(key)} failed: {error}")

    def check_done(self, phase: Phase, keys: Sequence[Key]) -> None:
        """Check that the work of a phase is done on each row. Raises: RunError naming the rows that were lost."""
        lost = [self._title(key) for key in keys if not self._is_done(phase, key)]
        if lost:
            raise RunError(
                f"{self.folder.path}: the work on {listed(lost)} was lost. What is done is saved; run the same command "
                "again to do the rest."
            )

    def verify_again(self, key: Key) -> None:
        """Reload a row once more in a new interpreter, unless it was already verified in one."""
        if not read_json(self.folder.row(*key).verify)["new_interpreter"]:
            self._call("score", key, "validation", new_interpreter=True)

    def _is_done(self, phase: Phase, key: Key) -> bool:
        row, kind = self.folder.row(*key), row_kind(key[0])
        if row.failed.is_file():
            return True
        if phase == "test":
            return "test" in _scored(row)
        return "validation" in _scored(row) and (row.verify.is_file() or not kind.trained)

    def _fit_and_verify(self, key: Key) -> None:
        row = self.folder.row(*key)
        finished.settle(row, run_id=self.plan.run_id)
        if row.failed.is_file():
            return
        saved = row.saved(row_kind(key[0]))
        if not saved.exists():
            self._fit(key)
            for warning in read_json(row.curve)["warnings"] if row.curve.is_file() else ():
                self._warn(key, warning)
        fault = damage(saved)
        if fault is not None:
            how = " from the last checkpoint" if row_kind(key[0]).trained else ""
            raise VerificationError(
                f"{saved}: {fault}: this is not what was saved and measured. Delete that folder and run the same "
                f"command again to rebuild it{how}."
            )
        if not self._is_done("fit", key):
            self._call("score", key, "validation")

    def _test(self, key: Key) -> None:
        row = self.folder.row(*key)
        finished.refuse_changed(row, run_id=self.plan.run_id)
        if not self._is_done("test", key):
            reload_check.refuse_another(row, name=key[0])
            self._call("score", key, "test")

    def _fit(self, key: Key) -> None:
        """Fit the row; if memory runs out, try again from the last checkpoint with half as many tokens at a time.

        When the tokens cannot be halved further, it tries again as long as each try gets further than the last.
        """
        from finetooth.training import checkpoints  # needs torch

        row = self.folder.row(*key)
        reached, _ = checkpoints.newest(row.checkpoints)
        while True:
            try:
                return self._call("fit", key, "train")
            except KilledError:
                if not row_kind(key[0]).trained:
                    raise
                before, (reached, trained_with) = reached, checkpoints.newest(row.checkpoints)
                model, reduced = self.plan.of_model(), row.reduced_budget
                planned = read_hashed_json(reduced)["token_budget"] if reduced.is_file() else model.token_budget
                used = min(planned, trained_with or planned)
                longest_text = min(self.recipe.max_tokens, model.tokens["train"].longest_whole)
                fewer = max(used // 2, min(used, longest_text))
                if fewer == used and reached <= before:
                    discard(reduced)  # smaller steps do not help, so the next command starts with the planned budget
                    raise
                row.checkpoints.mkdir(parents=True, exist_ok=True)
                write_hashed_json(reduced, {"schema": 1, "token_budget": fewer})
                warning = f"memory ran out; continuing after step {reached:,} with at most {fewer:,} tokens at a time."
                self._warn(key, warning)

    def _call(self, action: Action, key: Key, split: str, *, new_interpreter: bool = False) -> None:
        title, total, unit = self._step(action, key, split)
        context = Context(
            run_folder=self.folder,
            recipe=self.recipe,
            plan=self.plan,
            row=key[0],
            row_seed=key[1],
            split=split,
            base_folder=self.base_folders.get(key[0], self.base_folders[""]),
        )
        with timed(self.folder, title), self.progress.step(title, total=total, unit=unit) as step:
            self.supervisor.call(action, context, step, new_interpreter=new_interpreter)

    def _step(self, action: Action, key: Key, split: str) -> tuple[str, int | None, str]:
        """The progress of a job as it is shown: its title, the amount of work, and its unit."""
        kind = row_kind(key[0])
        if action == "fit":
            total, unit = row_of(key[0]).steps(self.recipe, self.plan)
            return f"{'train' if kind.trained else 'fit'} {self._title(key)}", total, unit
        verb = "test" if split == "test" else ("verify" if kind.trained else "validate")
        return f"{verb} {self._title(key)}", self.plan.counts[split] if kind.needs_model else None, "texts"

    def _warn(self, key: Key, warning: str) -> None:
        self.progress.say(wrapped(f"Warning  {self._title(key)}: {warning}"))

    def _title(self, key: Key) -> str:
        return row_title(*key, several=len(self.recipe.seeds) > 1)


@contextmanager
def timed(folder: RunFolder, title: str) -> Iterator[None]:
    """Add the block's seconds to those of its step; they add up over resumes."""
    file, started = folder.seconds, time.perf_counter()
    try:
        yield
    finally:
        known = read_hashed_json(file) if file.is_file() else {}
        spent = time.perf_counter() - started
        write_hashed_json(file, {**known, title: round(known.get(title, 0.0) + spent, 3)})


def _scored(row: RowFolder) -> set[str]:
    """The splits with saved predictions."""
    return set(predictions.read(row.predictions)) if row.predictions.is_file() else set()
