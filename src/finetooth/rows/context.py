"""What the work on a row receives: the run as its process has read it, and the channel to the command."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from finetooth.errors import Interrupted
from finetooth.recipe import Recipe
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.runs.plan_file import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One row of a run, and the split that it is fitted on or scores.

    recipe, plan: those of the run, read once. row, row_seed: of the table. base_folder: the row's staged base model.
    new_interpreter: whether this process is a new interpreter, or forked from one that has only imported (ADR 14).
    """

    run_folder: RunFolder
    recipe: Recipe
    plan: Plan
    row: str
    row_seed: int | None
    split: str
    base_folder: Path
    new_interpreter: bool = True

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

    def go_on(self, count: int, note: str) -> None:
        """Report progress, and stop after a signal. Raises: Interrupted."""
        self.obey()
        self.advance(count, note)

    def obey(self) -> None:
        """End the work if the command has received a signal. Raises: Interrupted."""
        signal_number = self.stop()
        if signal_number is not None:
            raise Interrupted("interrupted; the state is saved.", signal_number=signal_number)
