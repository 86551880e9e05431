"""Use of a finished run or an adapter: load it, and find how the data of its run was read."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetooth.errors import RunError, SourceError
from finetooth.files import read_json
from finetooth.models.artifact_files import identity_of
from finetooth.progress import Progress, progress_for
from finetooth.recipe import Data, command_line_source
from finetooth.recipe import load as load_recipe
from finetooth.runs import complete, plan_file, results
from finetooth.runs.layout import RunFolder
from finetooth.runs.plan_file import Precision
from finetooth.sources import fetch_adapter, fetch_model
from finetooth.verification import reload_check

if TYPE_CHECKING:  # a run is inspected without torch
    from finetooth.models.predictor import Predictor
    from finetooth.models.text_model import TextModel


def load(
    run_or_adapter: str | Path,
    *,
    base: str | None = None,
    progress: Progress | bool | None = None,
    exact: bool = False,
) -> "Predictor":
    """The winner of a run, or an adapter, reloaded and compared with what was saved, ready to predict.

    run_or_adapter: the folder of a run, or of one adapter. base: source of the base model, for an adapter that was
    moved out of its run and whose base is a local folder. progress: as run, but not shown when omitted, also in a
    notebook.
    exact: compute texts by the model's own pass, padded, unmerged and in float32, which is slower.
    Raises: RunError when the run has no winner, or its files were changed; ModelError when the adapter or base has
    changed since it was measured.
    """
    progress = progress_for(progress or False)
    folder = adapter_folder(Path(run_or_adapter).absolute())
    staged = fetch_adapter(str(folder), progress=progress)
    base_folder = fetch_base(folder, base, progress=progress)
    from finetooth.models import artifact, inference

    trained = artifact.load(staged.path, base_folder=base_folder, name=str(run_or_adapter))
    run_folder = run_of(folder)
    if run_folder is not None and run_folder.is_complete:  # they say how data was read and which rows were used
        complete.refuse_changed(run_folder, [run_folder.recipe, run_folder.plan, run_folder.data, run_folder.splits])
    predictor = inference.ready(trained, "plain" if exact else _precision(trained, run_folder))
    return predictor if run_folder is None else replace(predictor, columns=_text_columns(run_folder))


def _precision(trained: "TextModel", run_folder: RunFolder | None) -> Precision:
    """The precision of the run's test rows; for a moved adapter, bfloat16 if that is faster on this machine."""
    from finetooth.models import precision

    planned = None if run_folder is None else plan_file.read(run_folder).inference
    if planned is not None and (planned == "plain" or not trained.moved):
        return planned
    may = trained.measured.precision("bfloat16") == "bfloat16"
    return precision.choose("auto") if may else "float32"


def fetch_base(adapter: Path, base: str | None, *, progress: Progress, offline: bool = False) -> Path:
    """The staged folder of an adapter's base: `base` if it is named, else that of its run, else that of its identity.

    offline: from this machine alone. Raises: SourceError when it cannot be fetched.
    """
    run_folder = run_of(adapter)
    if base:
        source = command_line_source(base)
    else:
        source = identity_of(adapter)["base"]["id"] if run_folder is None else load_recipe(run_folder.recipe).model
    try:
        return fetch_model(source, progress=progress, offline=offline).path
    except SourceError as error:
        raise SourceError(f"{error} It is the base of {adapter}; name another copy of it with --base.") from error


def first_label_number(run_folder: RunFolder) -> int | None:
    """The number of the first class in the run's data; None if the data holds names, or it is not known."""
    known: dict[str, Any] = read_json(run_folder.data) if run_folder.data.is_file() else {}
    number = known.get("first_label_number")
    return number if number in (0, 1) else None


def data_of(run_folder: RunFolder) -> tuple[Data, dict[str, str]]:
    """How the data of a run was read: the recipe's data section, and the columns that were detected.

    Detected columns are those that the recipe does not name, by their keys text, text_pair and label. Data without
    columns, such as a folder of texts, has none.
    """
    spec = load_recipe(run_folder.recipe).data
    known: dict[str, Any] = read_json(run_folder.data) if run_folder.data.is_file() else {}
    tables = any(fact["format"] in ("csv", "tsv", "jsonl", "parquet") for fact in known.get("files", ()))
    columns = known.get("columns", {}) if tables else {}
    unnamed = [key for key in ("text", "text_pair", "label") if key in columns and getattr(spec, key) is None]
    return spec, {key: columns[key]["name"] for key in unnamed}


def _text_columns(run_folder: RunFolder) -> dict[str, str]:
    """The columns of the texts (text, text_pair) in the data of a run."""
    spec, detected = data_of(run_folder)
    columns = {"text": spec.text, "text_pair": spec.text_pair}
    known = {"text": "text", **detected, **{key: name for key, name in columns.items() if name is not None}}
    return {key: known[key] for key in columns if key in known}


def adapter_folder(path: Path) -> Path:
    """The folder of an adapter: of the winner of the run in `path`, or `path` itself.

    Raises: RunError when the run has no winner.
    """
    folder = RunFolder(path)
    if not folder.is_run:
        return path
    winner = results.contract(path)["winner"]
    if winner is None:
        raise RunError(f"{path}: the run has no winner, since every candidate failed.")
    row = folder.row(winner["name"], winner["seed"])
    reload_check.refuse_another(row, name=winner["name"])
    return row.adapter


def run_of(path: Path) -> RunFolder | None:
    """The run that `path` is, or that contains it (rows/NAME/seed-N/adapter), if any."""
    for folder in (path, *list(path.parents)[:4]):
        if RunFolder(folder).is_run:
            return RunFolder(folder)
    return None
