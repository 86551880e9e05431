"""Scoring a finished run or an adapter on labelled data, and which of that data the run has seen."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.data import Dataset, Examples, frames, overlap, read_labelled
from finetooth.data.examples import content_id
from finetooth.errors import RunError
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.intervals import interval_as_json, metric_interval
from finetooth.evaluation.units import Units
from finetooth.models.artifact_files import labels_of, task_of
from finetooth.pipeline import preparation
from finetooth.pipeline.trained_model import adapter_folder, data_of, first_label_number, load, run_of
from finetooth.progress import Progress, progress_for
from finetooth.recipe import Data, command_line_source
from finetooth.recipe import load as load_recipe
from finetooth.runs import ledger, plan_file
from finetooth.runs.layout import RunFolder
from finetooth.runs.ledger import RowKeys
from finetooth.runs.work import read_text_keys
from finetooth.sources import fetch_data
from finetooth.tasks import Targets, Task
from finetooth.wording import counted

_UNKNOWN = "It is not known whether rows were in the training data: "


def evaluate(
    run_or_adapter: str | Path,
    *,
    data: Any = None,
    base: str | None = None,
    progress: Progress | bool | None = None,
    exact: bool = False,
) -> dict[str, Any]:
    """Figures of a run's winner, or of an adapter, on the run's test split or on other labelled data.

    run_or_adapter, base, exact: as load. progress: as run. data: a source as a recipe names it (file,
    folder, wheel:, Hub id), a DataFrame (pandas, polars), or a list or array of (text, label) rows; the run's test
    split when omitted.

    The result holds accuracy and macro_f1 of the decided labels over all rows, and loss of the probabilities. For an
    adapter that abstains it also holds coverage, the share of rows answered, and accuracy_answered (None if no row is).
    units: the number of units of sampling of the rows. group: the column that groups them, None without one.
    seen_rows: how many rows have a text of the run's training rows, or else of its validation rows (equal after Unicode
    NFKC and with each run of white space as one blank); None if not known, as for an adapter outside its run.
    unseen: the figures of the other rows, if some rows were seen and some were not; otherwise None.
    note: what a reader of the figures must know about seen rows, or None.
    Every call opens these rows and is recorded (runs.ledger), unless the same adapter was scored on the same rows
    before, which shows nothing new.
    test_openings: the number of this opening; test_rows_seen, test_runs_seen, test_runs_later: as in runs.ledger.
    Raises: as load; DataError for unusable data; TypeError for data of a type that has no rows.
    """
    progress, path = progress_for(progress), Path(run_or_adapter).absolute()
    run_folder, adapter = run_of(path), adapter_folder(path)
    classes, task = labels_of(adapter), task_of(adapter)
    if data is not None:
        examples = _read(data, run_folder, classes=classes, task=task, progress=progress)
        test_id = content_id(examples, classes=classes, task=task)
    elif run_folder is not None:
        dataset = _dataset_of(run_folder, progress)
        examples, test_id = dataset.test, dataset.test_id
    else:
        raise RunError(f"{run_or_adapter} is an adapter outside its run; name labelled rows with --data FILE.")
    predictor = load(run_or_adapter, base=base, progress=progress, exact=exact)
    text_keys = overlap.keys(examples.texts, examples.pairs)
    rows = RowKeys.of(test_id, text_keys, ledger.row_keys(text_keys, task.names(examples.labels, classes)))
    history = ledger.open_adapter(rows, adapter, run_name=str(predictor.name))
    with progress.step("evaluate", total=len(examples), unit="texts") as step:
        logits = predictor.infer(examples.texts, examples.pairs, advance=step.advance)
    units = overlap.units(text_keys, examples.groups)
    return {
        "test_id": test_id,
        **history.as_json(),
        "split": "test" if data is None else None,
        "source": data if data is None else _name_of(data),
        "precision": predictor.precision,
        **_figures(predictor.decision, logits, examples.labels, Units.of(units)),
        "group": None if run_folder is None or not any(examples.groups) else data_of(run_folder)[0].group,
        **_of_unseen(_seen(run_folder, text_keys), predictor.decision, logits, labels=examples.labels, units=units),
        "classes": list(predictor.classes),
    }


def _of_unseen(
    seen: "_Seen",
    decision: Decision,
    logits: npt.NDArray[np.float32],
    *,
    labels: Targets,
    units: npt.NDArray[np.int64],
) -> dict[str, Any]:
    """Which rows the run has seen, and the figures of the others."""
    unseen, rows = None, seen.unseen
    if seen.split_rows and 0 < rows.sum() < len(labels):
        unseen = _figures(decision, logits[rows], labels[rows], Units.of(units[rows]))
    return {"seen_rows": seen.split_rows, "unseen": unseen, "note": seen.note}


def _figures(decision: Decision, logits: npt.NDArray[np.float32], labels: Targets, units: Units) -> dict[str, Any]:
    """Decision.score with the units and the intervals of the accuracies."""
    headline = decision.task.headline
    scores = headline.each(decision.outputs(logits), labels)
    figures: dict[str, Any] = {
        **decision.score(logits, labels),
        "units": units.count,
        f"{headline.key}_interval": interval_as_json(metric_interval(headline, scores, units=units)),
    }
    if decision.abstention is None:
        return figures
    answered, ends = ~decision.apply(logits).abstained, None
    if answered.any():
        of_answered = Units.of(units.of_example[answered])
        ends = interval_as_json(metric_interval(headline, scores[answered], units=of_answered))
    return {**figures, "accuracy_answered_interval": ends}


def _dataset_of(run_folder: RunFolder, progress: Progress) -> Dataset:
    """The data of a run, read again. Raises: RunError if it has changed since the run."""
    dataset = preparation.gather(load_recipe(run_folder.recipe), rejects=None, progress=progress).dataset
    if dataset.fingerprint != plan_file.read(run_folder).data_fingerprint:
        raise RunError(
            f"{run_folder.path}: the data has changed since the run, so its test split cannot be read again. Restore "
            "the data, or name labelled rows with --data FILE."
        )
    return dataset


def _read(
    data: Any, run_folder: RunFolder | None, *, classes: tuple[str, ...], task: Task, progress: Progress
) -> Examples:
    """The rows of a source, or of a Python object, which is read as if it were saved in a file."""
    source = _name_of(data)
    spec, run_columns = (Data.model_validate({"source": source}), None) if run_folder is None else data_of(run_folder)
    with tempfile.TemporaryDirectory(prefix="finetooth-data-") as name:
        if isinstance(data, str | Path):
            path = fetch_data(command_line_source(source), progress=progress).path
        else:
            path = frames.save_table(data, Path(name) / f"{source}.parquet")
        return read_labelled(
            spec,
            [path],
            classes=classes,
            task=task,
            run_columns=run_columns,
            first_label_number=None if run_folder is None else first_label_number(run_folder),
            progress=progress,
        )


def _name_of(data: Any) -> str:
    return str(data) if isinstance(data, str | Path) else type(data).__name__


@dataclass(frozen=True, slots=True)
class _Seen:
    """Which rows a run has seen. split_rows: how many by split, None where not known. unseen: (N,) bool of all others.

    note: what a reader of the figures must know about it, or None.
    """

    split_rows: Mapping[str, int] | None
    unseen: npt.NDArray[np.bool_]
    note: str | None


def _seen(run_folder: RunFolder | None, keys: Sequence[bytes]) -> _Seen:
    """keys: of the texts, from data.overlap.keys."""
    every = np.ones(len(keys), dtype=np.bool_)
    if run_folder is None:
        because = "an adapter outside its run keeps no record of it. Evaluate the run folder to know."
        return _Seen(None, every, _UNKNOWN + because)
    known = read_text_keys(run_folder)
    trained = np.array([key in known["train"] for key in keys], dtype=np.bool_)
    chosen_by = np.array([key in known["validation"] for key in keys], dtype=np.bool_) & ~trained
    counts = {"train": int(trained.sum()), "validation": int(chosen_by.sum())}
    return _Seen(counts, ~(trained | chosen_by), _note(counts, of=len(keys)))


def _note(counts: Mapping[str, int], *, of: int) -> str | None:
    """`412 of 500 rows were in the training rows of this run: this is not a test result.`"""
    train, validation = counts["train"], counts["validation"]
    if not train + validation:
        return None
    rows, were = f"of {counted(of, 'row')}", "was" if of == 1 else "were"
    what = f"{train:,} {rows} {were} in the training rows of this run" if train else ""
    if validation:
        what += (
            f", and {validation:,} in its validation rows" if train
            else f"{validation:,} {rows} {were} in the validation rows of this run"
        )  # fmt: skip
        what += ", by which it was chosen"
    return f"{what}: this is not a test result."
