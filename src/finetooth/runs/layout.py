"""Where everything in a run folder lies; nothing here touches the disk but the look-ups at the end."""

import itertools
from dataclasses import dataclass
from pathlib import Path

from finetooth.files import check_name, kind_of
from finetooth.row_kinds import RowKind, row_kind


@dataclass(frozen=True, slots=True)
class RowFolder:
    """One row of the table with one seed: rows/NAME/ or rows/NAME/seed-N/."""

    path: Path

    @property
    def adapter(self) -> Path:
        """Standard PEFT folder of a candidate (the head of an original row, the whole model of full fine-tuning)."""
        return self.path / "adapter"

    @property
    def baseline(self) -> Path:
        """The fitted baseline of a majority, tfidf or probe row."""
        return self.path / "baseline"

    def saved(self, kind: RowKind) -> Path:
        """The folder of what was fitted for a row of the kind."""
        return self.adapter if kind.saved_in == "adapter" else self.baseline

    @property
    def checkpoints(self) -> Path:
        """Training states; gone once the run is complete."""
        return self.path / "checkpoints"

    @property
    def reduced_budget(self) -> Path:
        """Tokens that the row is trained with at a time; there only after the system ended it for want of memory."""
        return self.checkpoints / "lowered.json"

    @property
    def log(self) -> Path:
        """Curves, step by step."""
        return self.path / "log.jsonl"

    @property
    def predictions(self) -> Path:
        """Logits of every validation and test row."""
        return self.path / "predictions.parquet"

    @property
    def verify(self) -> Path:
        """What the reload check found."""
        return self.path / "verify.json"

    @property
    def failed(self) -> Path:
        """Why the row failed; there only when it did."""
        return self.path / "failed.json"

    @property
    def costs(self) -> Path:
        """Seconds, rates and bytes of the row, summed over resumes."""
        return self.path / "costs.json"

    @property
    def curve(self) -> Path:
        """Train and validation figures of each evaluation."""
        return self.path / "curve.json"

    @property
    def finished(self) -> Path:
        """The SHA-256 of what is finished of the row: what it does not name counts as not there."""
        return self.path / "finished.json"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run: runs/NAME/."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.yaml"

    @property
    def plan(self) -> Path:
        """Batch plan, token budget, precision, threads."""
        return self.path / "plan.json"

    @property
    def provenance(self) -> Path:
        """Versions, hashes, device, seeds, git state."""
        return self.path / "provenance.json"

    @property
    def data(self) -> Path:
        """Fingerprint and accounting of the data."""
        return self.path / "data.json"

    @property
    def splits(self) -> Path:
        """Which row went where."""
        return self.path / "splits.parquet"

    @property
    def rejects(self) -> Path:
        """Malformed rows left out; there only where there are any."""
        return self.path / "rejects.jsonl"

    @property
    def results(self) -> Path:
        """Only what the inputs determine."""
        return self.path / "results.json"

    @property
    def costs(self) -> Path:
        """Seconds, rates, bytes and the openings of the test set."""
        return self.path / "costs.json"

    @property
    def comparison(self) -> Path:
        """Intervals and paired differences to the baselines."""
        return self.path / "comparison.json"

    @property
    def report(self) -> Path:
        """The report, to be opened in a browser; holds texts of test rows."""
        return self.path / "report.html"

    @property
    def card(self) -> Path:
        """The model card: measured values, no rows."""
        return self.path / "README.md"

    @property
    def complete(self) -> Path:
        """Written last: a folder with it is whole."""
        return self.path / "COMPLETE"

    @property
    def lock(self) -> Path:
        """Held by the command that works in this folder."""
        return self.path / ".lock"

    @property
    def worker_lock(self) -> Path:
        """Held by the command's child process."""
        return self.path / ".lock-worker"

    @property
    def work(self) -> Path:
        """Scratch space; gone once the run is complete."""
        return self.path / ".work"

    @property
    def seconds(self) -> Path:
        """Seconds of each step of the job so far."""
        return self.work / "seconds.json"

    @property
    def stderr(self) -> Path:
        """What the last process of a row wrote to its standard error."""
        return self.work / "stderr.log"

    @property
    def rows(self) -> Path:
        """The folders of the rows of the table."""
        return self.path / "rows"

    def row_folders(self) -> list[RowFolder]:
        """The folders of rows that are there, in the order of their names."""
        folders = [*self.rows.glob("*"), *self.rows.glob("*/seed-*")]
        return [RowFolder(folder) for folder in sorted(folders) if kind_of(folder) == "folder"]

    def row(self, name: str, seed: int | None) -> RowFolder:
        """The folder of one row; seed None: a row that no seed changes.

        Raises: RecipeError if `name` is not safe as a file name.
        """
        folder = self.rows / check_name(name)
        return RowFolder(folder if seed is None else folder / f"seed-{seed}")

    def tokens(self, row: str | None) -> Path:
        """The tokens that a row reads, in scratch: those of the recipe's model, or of the model of another probe."""
        own = row is not None and row_kind(row).own_model
        return self.work / (f"tokens-{row}" if own else "tokens")

    @property
    def is_run(self) -> bool:
        """Whether a run was ever begun here; a recipe alone may be anyone's."""
        return self.recipe.is_file() and self.plan.is_file()

    @property
    def is_complete(self) -> bool:
        """Whether the run has ended and all of it is here."""
        return kind_of(self.complete) == "file"

    def next_free(self) -> Path:
        """A folder beside it for another run: NAME-2, or the first number after it that is free."""
        paths = (self.path.with_name(f"{self.path.name}-{number}") for number in itertools.count(2))
        return next(path for path in paths if not path.exists())
