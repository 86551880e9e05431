"""What the work on a row receives: the row and its run, and the channel to the command."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from finetooth.errors import Interrupted
from finetooth.recipe import Recipe
from finetooth.recipe import load as load_recipe
from finetooth.runs import plan_file
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.runs.plan_file import Plan

Action = Literal["fit", "score", "measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row's work, as its command sends it to the row's process: strings and numbers, so that it is JSON.

    action: fit the row, score its split, or measure what fitting costs. run: the run folder. seed: row_seed.
    """

    action: Action
    run: str
    row: str
    seed: int | None
    split: str
    base_folder: str

    def __post_init__(self) -> None:
        assert self.action in get_args(Action), self.action


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One row of a run, and the split that it is fitted on or scores.

    recipe, plan: those of the run. row, row_seed: of the table. base_folder: the row's staged base model; any path for
    a row without a model. new_interpreter: whether the row's process is a new interpreter, or forked from one that has
    only imported (ADR 14).
    """

    run_folder: RunFolder
    recipe: Recipe
    plan: Plan
    row: str
    row_seed: int | None
    split: str
    base_folder: Path
    new_interpreter: bool = True

    @classmethod
    def read(cls, job: Job, *, new_interpreter: bool) -> "Context":
        """The context of a job; the recipe and the plan are read from the run folder now."""
        run_folder = RunFolder(Path(job.run))
        return cls(
            run_folder=run_folder,
            recipe=load_recipe(run_folder.recipe),
            plan=plan_file.read(run_folder),
            row=job.row,
            row_seed=job.seed,
            split=job.split,
            base_folder=Path(job.base_folder),
            new_interpreter=new_interpreter,
        )

    def job(self, action: Action) -> Job:
        """The job from which `read` makes this context again in another process."""
        run, base_folder = str(self.run_folder.path), str(self.base_folder)
        return Job(action=action, run=run, row=self.row, seed=self.row_seed, split=self.split, base_folder=base_folder)

    @property
    def folder(self) -> RowFolder:
        """The row's own folder."""
        return self.run_folder.row(self.row, self.row_seed)

    @property
    def seed(self) -> int:
        """The seed of a row that has one."""
        assert self.row_seed is not None
        return self.row_seed

    @property
    def tokens(self) -> Path:
        """The folder of the row's tokens, with a subfolder for each split."""
        return self.run_folder.tokens(self.row)


@dataclass(frozen=True, slots=True)
class Channel:
    """The channel to the command. advance(count, note): report progress; stop(): the signal to obey, or None."""

    advance: Callable[[int, str], None]
    stop: Callable[[], int | None]

    def count(self, count: int) -> None:
        """Report progress, without a note."""
        self.advance(count, "")

    def advance_or_stop(self, count: int, note: str) -> None:
        """Report progress, and stop after a signal. Raises: Interrupted."""
        self.check_stop()
        self.advance(count, note)

    def check_stop(self) -> None:
        """End the work if the command has received a signal. Raises: Interrupted."""
        signal_number = self.stop()
        if signal_number is not None:
            raise Interrupted("interrupted; the state is saved.", signal_number=signal_number)
