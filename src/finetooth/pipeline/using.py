"""Using a finished run or an adapter: load it, score it on labelled data."""

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth import data as data_room
from finetooth.data import Examples
from finetooth.data.examples import content_id
from finetooth.errors import RunError, SourceError
from finetooth.files import read_json
from finetooth.model import artefact
from finetooth.model.predictor import Predictor
from finetooth.plan import prepare
from finetooth.progress import Progress, Silent
from finetooth.proof import certificate
from finetooth.recipe import Data, typed
from finetooth.recipe import load as load_recipe
from finetooth.runs import lockbox, results
from finetooth.runs.layout import RunFolder
from finetooth.sources import bring_adapter, bring_data, bring_model


def load(run_or_adapter: str | Path, *, base: str | None = None, progress: Progress | None = None) -> Predictor:
    """The winner of a run, or an adapter, reloaded and compared with what was saved, ready to predict.

    run_or_adapter: the folder of a run, or of one adapter. base: source of the base model, for an adapter that was
    moved out of its run and whose base is a local folder. progress: where steps are shown; nowhere when omitted.
    Raises: RunError when the run has no winner; ModelError when the artefact or base is not what was measured.
    """
    quiet = progress or Silent()
    folder = _adapter_folder(Path(run_or_adapter).absolute())
    staged = bring_adapter(str(folder), progress=quiet)
    base_folder = bring_base(folder, base, progress=quiet)
    predictor = artefact.load(staged.path, base_folder=base_folder, name=str(run_or_adapter))
    run_folder = run_of(folder)
    return predictor if run_folder is None else replace(predictor, columns=_text_columns(run_folder))


def bring_base(adapter: Path, base: str | None, *, progress: Progress, offline: bool = False) -> Path:
    """The staged folder of an adapter's base: `base` if it is named, else that of its run, else that of its identity.

    offline: from this machine alone. Raises: SourceError when it cannot be brought.
    """
    source = typed(base) if base else _base_source(adapter)
    try:
        return bring_model(source, progress=progress, offline=offline).path
    except SourceError as error:
        raise SourceError(f"{error} It is the base of {adapter}; name another copy of it with --base.") from error


def evaluate(
    run_or_adapter: str | Path, *, data: str | None = None, base: str | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Figures of a run's winner, or of an adapter, on the run's test split or on other labelled data.

    accuracy, macro_f1: of the labels that it decides, over all rows; loss: of its probabilities. Of an artefact
    that abstains also coverage, the share of rows answered, and accuracy_answered, None where none is.
    Every call is an opening of that test set and is counted. Raises: as load; DataError for unusable data.
    """
    quiet = progress or Silent()
    predictor = load(run_or_adapter, base=base, progress=quiet)
    examples, test_id = _examples(predictor, run_of(Path(run_or_adapter).absolute()), data, quiet)
    openings = lockbox.open_test(test_id, f"evaluate-{uuid.uuid4().hex}", run_name=str(predictor.name))
    with quiet.step("evaluate", total=len(examples), unit="texts") as step:
        tokens = predictor.tokenize(examples.texts, examples.pairs)
        found = predictor.logits(tokens, advance=step.advance)
    return {
        "test_id": test_id,
        "test_openings": openings,
        "split": "test" if data is None else None,
        "source": data,
        **_figures(predictor, found, examples.labels),
        "classes": list(predictor.classes),
    }


def _figures(predictor: Predictor, logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> dict[str, Any]:
    decided = predictor.decision.apply(logits)
    figures: dict[str, Any] = {**predictor.decision.score(logits, labels)}
    if predictor.decision.abstention is None:
        return figures
    answered = ~decided.abstained
    right = float((decided.labels == labels)[answered].mean()) if answered.any() else None
    return {**figures, "coverage": float(answered.mean()), "accuracy_answered": right}


def data_of(run_folder: RunFolder) -> tuple[Data, dict[str, str]]:
    """How the data of a run was read: as its recipe says, and the columns that were found where it names none.

    The columns by their keys, text, text_pair and label; none of data without columns of its own, such as a folder of
    texts.
    """
    spec = load_recipe(run_folder.recipe).data
    known: dict[str, Any] = read_json(run_folder.data) if run_folder.data.is_file() else {}
    tables = any(fact["format"] in ("csv", "tsv", "jsonl", "parquet") for fact in known.get("files", ()))
    columns = known.get("columns", {}) if tables else {}
    unnamed = [key for key in ("text", "text_pair", "label") if key in columns and getattr(spec, key) is None]
    return spec, {key: columns[key]["name"] for key in unnamed}


def _text_columns(run_folder: RunFolder) -> dict[str, str]:
    """The columns of the texts (text, text_pair) in the data of a run."""
    spec, found = data_of(run_folder)
    columns = {"text": spec.text or found.get("text", "text")}
    return columns if spec.text_pair is None else {**columns, "text_pair": spec.text_pair}


def _examples(
    predictor: Predictor, run_folder: RunFolder | None, data: str | None, progress: Progress
) -> tuple[Examples, str]:
    if data is not None:
        spec, found = (Data.model_validate({"source": data}), None) if run_folder is None else data_of(run_folder)
        path = bring_data(typed(data), progress=progress).path
        examples = data_room.read_labelled(spec, [path], classes=predictor.classes, found=found, progress=progress)
        return examples, content_id(examples, classes=predictor.classes)
    if run_folder is None:
        raise RunError(f"{predictor.name} is an adapter outside its run; name labelled rows with --data FILE.")
    dataset = prepare.gather(load_recipe(run_folder.recipe), rejects=None, progress=progress).dataset
    plan = read_json(run_folder.plan)
    if dataset.fingerprint != plan["data_fingerprint"]:
        raise RunError(f"{run_folder.path}: the data is not what the run was made with; its test split is gone.")
    return dataset.test, dataset.test_id


def _adapter_folder(path: Path) -> Path:
    folder = RunFolder(path)
    if not folder.is_run:
        return path
    winner = results.contract(path)["winner"]
    if winner is None:
        raise RunError(f"{path}: the run has no winner, since no candidate of it ended well.")
    row = folder.row(winner["name"], winner["seed"])
    certificate.refuse_another(row, name=winner["name"])
    return row.adapter


def run_of(path: Path) -> RunFolder | None:
    """The run that `path` is or lies in (rows/NAME/seed-N/adapter), if any."""
    for folder in (path, *list(path.parents)[:4]):
        if RunFolder(folder).is_run:
            return RunFolder(folder)
    return None


def _base_source(adapter: Path) -> str:
    run_folder = run_of(adapter)
    if run_folder is not None:
        return load_recipe(run_folder.recipe).model
    return str(artefact.identity_of(adapter)["base"]["id"])
