"""What the work on a row is done with: what its process has read of the run, and the line back to the command."""

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

    recipe, plan: the run's, read once. row, row_seed: of the table. base_folder: the staged base model of the row.
    new_interpreter: whether this process is one, or forked from one that has only imported (ADR 14).
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
        """Where the tokens that the row reads lie, a folder for each split."""
        return self.run_folder.tokens(self.row)


@dataclass(frozen=True, slots=True)
class Channel:
    """The line back to the command. advance(count, note): what was done; stop(): the signal to obey, or None."""

    advance: Callable[[int, str], None]
    stop: Callable[[], int | None]

    def count(self, count: int) -> None:
        """Say what was done, without a note."""
        self.advance(count, "")

    def go_on(self, count: int, note: str) -> None:
        """Say what was done, and obey. Raises: Interrupted."""
        self.obey()
        self.advance(count, note)

    def obey(self) -> None:
        """End the work if the command was told to stop. Raises: Interrupted."""
        signal_number = self.stop()
        if signal_number is not None:
            raise Interrupted("interrupted; the state is saved.", signal_number=signal_number)
