"""A finished run in Python: its results, table and verdict, printed or shown in a notebook."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetooth.errors import RunError
from finetooth.report.notebook import fragment
from finetooth.report.terminal import printed
from finetooth.report.view import view_of
from finetooth.runs import results
from finetooth.runs.layout import RunFolder
from finetooth.wording import percent, shown


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """The table of a run: `print` shows the text of the terminal, a notebook shows `html`."""

    text: str
    html: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """A finished run, read from its folder at each access; a notebook shows its table and verdict.

    folder: the run folder (docs/run-folder.md). All properties raise RunError if the folder has changed since the run.
    """

    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        """Figures, costs and verdict of all rows: what `finetooth show --json` prints (docs/contract.schema.json)."""
        return results.contract(self.folder)

    @property
    def table(self) -> Table:
        """The table with its verdict."""
        return Table(printed(as_named(self.folder)), fragment(view_of(self.folder), report=self._named_report()))

    @property
    def verdict(self) -> str:
        """The sentences under the table. `results["verdict"]` holds their facts, `worth_it` among them."""
        return str(self.results["verdict"]["text"])

    @property
    def winner(self) -> dict[str, Any] | None:
        """The row of `results` that was best on the validation rows, chosen before any test row was scored, or None.

        `name`, `seed`, `test` (examples, accuracy, loss, macro_f1), `parameters` and more.
        """
        figures = self.results
        chosen = figures["winner"]
        named = (row for row in figures["rows"] if chosen and all(row[key] == chosen[key] for key in ("name", "seed")))
        return next(named, None)

    @property
    def report(self) -> Path:
        """The report, one file for a browser; it holds texts of test rows."""
        return RunFolder(self.folder).report

    @property
    def failed(self) -> bool:
        """Whether a row of the run failed."""
        return any(row["status"] == "failed" for row in self.results["rows"])

    def __repr__(self) -> str:
        try:
            winner = self.winner
        except RunError:
            return f"<finetooth.Run {as_named(self.folder)}: cannot be read>"
        return f"<finetooth.Run {as_named(self.folder)}: {_in_short(winner)}>"

    def _repr_html_(self) -> str:
        return self.table.html

    def _named_report(self) -> str | None:
        report = RunFolder(as_named(self.folder)).report
        return str(report) if self.report.is_file() else None


def as_named(folder: Path) -> Path:
    """`folder` relative to the working directory if it is below it."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _in_short(winner: Mapping[str, Any] | None) -> str:
    if winner is None:
        return "no winner"
    if winner["test"] is None:
        return f"{shown(winner['name'])} failed on the test rows"
    accuracy = percent(winner["test"]["accuracy"])
    return f"{shown(winner['name'])}, accuracy {accuracy} on {winner['test']['examples']:,} test rows"


def open_run(folder: str | Path) -> Run:
    """The finished run in a folder, as `run` returned it: results, table, verdict and winner.

    folder: a run folder, such as runs/NAME.
    Raises: RunError when it holds no run with results, or its files have changed since the run.
    """
    opened = Run(Path(folder).absolute())
    results.contract(opened.folder)
    return opened
