"""The paths inside a run folder. Only the look-ups at the end of RunFolder touch the disk."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from finetooth.files import check_name, kind_of
from finetooth.row_kinds import RowKind, row_kind


class _Entry:
    """A file or folder of a run or row folder, as the attribute that gives its path; of the class, it is itself."""

    def __init__(self, name: str, description: str) -> None:
        self._name = name
        self.__doc__ = description

    @overload
    def __get__(self, folder: None, owner: type) -> "_Entry": ...

    @overload
    def __get__(self, folder: "RowFolder | RunFolder", owner: type) -> Path: ...

    def __get__(self, folder: "RowFolder | RunFolder | None", owner: type) -> "_Entry | Path":
        return self if folder is None else folder.path / self._name


@dataclass(frozen=True, slots=True)
class RowFolder:
    """One row of the table with one seed: rows/NAME/ or rows/NAME/seed-N/."""

    path: Path

    adapter = _Entry("adapter", "PEFT folder of a candidate, head of an original row, model of full fine-tuning.")
    baseline = _Entry("baseline", "The fitted baseline of a majority, tfidf, nb_words or probe row.")
    checkpoints = _Entry("checkpoints", "Training states; deleted once the run is complete.")
    reduced_budget = _Entry("checkpoints/lowered.json", "Tokens of a micro-batch, after memory ran out.")
    log = _Entry("log.jsonl", "The events of the training: step metrics, evaluations, warnings.")
    predictions = _Entry("predictions.parquet", "Logits of every validation and test row.")
    decision = _Entry("decision.json", "How logits become answers; a trained model has it in `adapter` instead.")
    verify = _Entry("verify.json", "The result of the reload check.")
    failed = _Entry("failed.json", "Why the row failed; only if it did.")
    costs = _Entry("costs.json", "Seconds, rates and bytes of the row.")
    curve = _Entry("curve.json", "Training and validation figures of each evaluation.")
    learning_curve = _Entry("learning_curve.json", "Accuracy of a baseline with parts of the training rows.")
    finished = _Entry("finished.json", "SHA-256 of the finished files; a file that it does not name counts as missing.")

    def saved(self, kind: RowKind) -> Path:
        """The folder of what was fitted for a row of the kind."""
        return self.adapter if kind.saved_in == "adapter" else self.baseline


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run: runs/NAME/."""

    path: Path

    recipe = _Entry("recipe.yaml", "The resolved recipe.")
    plan = _Entry("plan.json", "What decides the results besides the recipe: models, precision, token budget.")
    provenance = _Entry("provenance.json", "Versions, hashes, device, seeds, git state.")
    data = _Entry("data.json", "Fingerprint and accounting of the data.")
    splits = _Entry("splits.parquet", "The split of each row.")
    rejects = _Entry("rejects.jsonl", "Malformed rows that were left out; only if there are any.")
    results = _Entry("results.json", "Only what the inputs determine.")
    costs = _Entry("costs.json", "Seconds, rates, bytes and how often the test set was opened.")
    comparison = _Entry("comparison.json", "Intervals and paired differences to the baselines.")
    report = _Entry("report.html", "The report for a browser; holds texts of test rows.")
    card = _Entry("README.md", "The model card: measured values, no rows.")
    complete = _Entry("COMPLETE", "Written last.")
    lock = _Entry(".lock", "Held by the command that works in this folder.")
    worker_lock = _Entry(".lock-worker", "Held by the command's child process.")
    work = _Entry(".work", "Scratch space; deleted once the run is complete.")
    seconds = _Entry(".work/seconds.json", "Seconds of each step of the job so far.")
    stderr = _Entry(".work/stderr.log", "Standard error of the last process of a row.")
    rows = _Entry("rows", "The folders of the rows of the table.")

    def row_folders(self) -> list[RowFolder]:
        """The existing folders of rows, in the order of their names."""
        folders = [*self.rows.glob("*"), *self.rows.glob("*/seed-*")]
        return [RowFolder(folder) for folder in sorted(folders) if kind_of(folder) == "folder"]

    def row(self, name: str, seed: int | None) -> RowFolder:
        """The folder of one row. seed: None for a row that no seed changes.

        Raises: RecipeError if `name` is not safe as a file name.
        """
        folder = self.rows / check_name(name)
        return RowFolder(folder if seed is None else folder / f"seed-{seed}")

    def tokens(self, row: str | None) -> Path:
        """The folder of the tokens that a row reads: of the recipe's model, or of a probe's own model."""
        own = row is not None and row_kind(row).own_model
        return self.work / (f"tokens-{row}" if own else "tokens")

    @property
    def is_run(self) -> bool:
        """Whether a run was begun here; a recipe without a plan may be any file of the user."""
        return self.recipe.is_file() and self.plan.is_file()

    @property
    def is_complete(self) -> bool:
        """Whether the run has ended and all its files are here."""
        return kind_of(self.complete) == "file"

    def next_free(self) -> Path:
        """The first free folder of NAME-2, NAME-3, ... beside this one, for another run."""
        paths = (self.path.with_name(f"{self.path.name}-{number}") for number in itertools.count(2))
        return next(path for path in paths if not path.exists())
