"""What the report is made of, read from the run folder while the texts are still there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finetooth.data import Examples
from finetooth.files import read_json
from finetooth.measure import decision_file
from finetooth.report.lines import Key, Line, read_lines
from finetooth.report.measured import Answers, decided
from finetooth.runs import predictions
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.runs.results import contract
from finetooth.runs.work import read_examples


@dataclass(frozen=True, slots=True)
class Material:
    """contract, comparison, data, provenance: as the files hold them. said: by each row done, of the test rows: answers
    as its decision has them."""

    contract: Mapping[str, Any]
    comparison: Mapping[str, Any]
    data: Mapping[str, Any]
    provenance: Mapping[str, Any]
    lines: Sequence[Line]
    said: Mapping[Key, Answers]
    test: Examples

    @property
    def classes(self) -> Sequence[str]:
        """The names of the classes, in the order of their numbers."""
        found: Sequence[str] = self.contract["data"]["classes"]
        return found


def gather(folder: RunFolder) -> Material:
    """The material of a run whose results, costs and comparison are written and whose texts are not yet cleared away.

    Raises: RunError when a file of the run is missing or broken.
    """
    figures = contract(folder.path)
    comparison = read_json(folder.comparison)
    lines = read_lines(figures, comparison)
    said = {line.key: _answers(folder.row(*line.key), figures["data"]["classes"]) for line in lines if line.done}
    return Material(
        contract=figures,
        comparison=comparison,
        data=read_json(folder.data) if folder.data.is_file() else {},
        provenance=read_json(folder.provenance) if folder.provenance.is_file() else {},
        lines=lines,
        said=said,
        test=read_examples(folder, "test"),
    )


def _answers(row: RowFolder, classes: Sequence[str]) -> Answers:
    decision = decision_file.load(row.adapter, classes=classes, name=str(row.adapter))
    return decided(predictions.read(row.predictions)["test"], decision)
