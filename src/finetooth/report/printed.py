"""The table of a run folder, read from its files."""

from pathlib import Path

from finetooth.files import read_json
from finetooth.report.table import render
from finetooth.runs.layout import RunFolder
from finetooth.runs.results import contract


def printed(run_folder: Path, *, colour: bool = False, wide: bool = False) -> str:
    """The table of a run as it is printed on the terminal; it ends by naming the next command.

    run_folder: as the user names it. colour, wide: as table.render.
    Raises: RunError as runs.results.contract does.
    """
    figures = contract(run_folder)
    folder = RunFolder(run_folder)
    comparison = read_json(folder.comparison) if folder.comparison.is_file() else None
    report = str(folder.report) if folder.report.is_file() else None
    return render(
        figures,
        comparison,
        colour=colour,
        wide=wide,
        folder=str(run_folder),
        report=report,
        again=str(folder.next_free()),
    )
