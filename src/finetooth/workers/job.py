"""One piece of work for a worker process, which the command sends as one line of JSON."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from finetooth.recipe import load as load_recipe
from finetooth.rows.context import Context
from finetooth.runs import plan_file
from finetooth.runs.layout import RowFolder, RunFolder

Action = Literal["fit", "score", "measure"]


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """Fit a row and save it, score a split with what was saved, or measure what fitting will cost.

    row, seed: the row of the table. base_folder: the staged base model ("" for rows without one). new_interpreter:
    whether the worker is a new interpreter or forked from one that has only imported; set by the worker.
    """

    action: Action
    run: str
    row: str
    seed: int | None
    split: str
    base_folder: str
    new_interpreter: bool = True

    @property
    def run_folder(self) -> RunFolder:
        """The run it belongs to."""
        return RunFolder(Path(self.run))

    @property
    def folder(self) -> RowFolder:
        """The row's own folder."""
        return self.run_folder.row(self.row, self.seed)

    def message(self) -> dict[str, Any]:
        """The job as JSON, for the process that does it."""
        return {name: value for name, value in asdict(self).items() if name != "new_interpreter"}

    def context(self) -> Context:
        """The context of the job; recipe and plan are read now."""
        return Context(
            run_folder=self.run_folder,
            recipe=load_recipe(self.run_folder.recipe),
            plan=plan_file.read(self.run_folder),
            row=self.row,
            row_seed=self.seed,
            split=self.split,
            base_folder=Path(self.base_folder),
            new_interpreter=self.new_interpreter,
        )
