"""What the report is made of, read from the run folder while the texts are still there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finetooth.data import Examples
from finetooth.files import read_json
from finetooth.report.lines import Key, Line, read_lines
from finetooth.runs import predictions
from finetooth.runs.layout import RunFolder
from finetooth.runs.predictions import Predictions
from finetooth.runs.results import contract
from finetooth.runs.work import read_examples


@dataclass(frozen=True, slots=True)
class Material:
    """contract, comparison, data, provenance: as the files hold them. said: by each row done, of the test rows."""

    contract: Mapping[str, Any]
    comparison: Mapping[str, Any]
    data: Mapping[str, Any]
    provenance: Mapping[str, Any]
    lines: Sequence[Line]
    said: Mapping[Key, Predictions]
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
    said = {line.key: predictions.read(folder.row(*line.key).predictions)["test"] for line in lines if line.done}
    return Material(
        contract=figures,
        comparison=comparison,
        data=read_json(folder.data) if folder.data.is_file() else {},
        provenance=read_json(folder.provenance) if folder.provenance.is_file() else {},
        lines=lines,
        said=said,
        test=read_examples(folder, "test"),
    )
