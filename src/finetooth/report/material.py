"""The content of the report, read from the run folder while the texts are still there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.data import Examples
from finetooth.evaluation import decision_file
from finetooth.files import read_json
from finetooth.report.measured import Answers, decided
from finetooth.report.view import Key, RunView, view_of
from finetooth.runs import predictions
from finetooth.runs.layout import RunFolder
from finetooth.runs.work import read_examples, read_units


@dataclass(frozen=True, slots=True)
class Material:
    """What the page and the card show.

    data, provenance: the content of data.json and provenance.json, empty if the file is missing. answers: of each row
    done to the test rows, by its decision. test: the test rows with their texts. units: (N,), their units of sampling.
    """

    run: RunView
    data: Mapping[str, Any]
    provenance: Mapping[str, Any]
    answers: Mapping[Key, Answers]
    test: Examples
    units: npt.NDArray[np.int64]


def gather(folder: RunFolder) -> Material:
    """The material of a run whose results, costs and comparison are written and whose texts are not yet deleted.

    Raises: RunError when a file of the run is missing or broken.
    """
    run = view_of(folder.path)
    answers = {}
    for row in run.done:
        row_folder = folder.row(*row.key)
        decision = decision_file.load(
            row_folder.adapter, classes=run.classes, name=str(row_folder.adapter), task=run.task
        )
        answers[row.key] = decided(predictions.read(row_folder.predictions)["test"], decision)
    return Material(
        run=run,
        data=read_json(folder.data) if folder.data.is_file() else {},
        provenance=read_json(folder.provenance) if folder.provenance.is_file() else {},
        answers=answers,
        test=read_examples(folder, "test"),
        units=read_units(folder),
    )
