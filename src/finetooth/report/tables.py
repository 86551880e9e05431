"""The results table for the page or a notebook."""

from collections.abc import Sequence

from finetooth.report.columns import Cell, Column
from finetooth.report.plots import Table
from finetooth.report.view import RunView


def table_of(run: RunView, columns: Sequence[Column], caption: str) -> Table:
    """The rows of a run with those of the columns that are not empty; the winner is highlighted."""
    columns = [column for column in columns if any(column.cell(row).text for row in run.rows)]
    return Table(
        columns=["row", *(column.title for column in columns)],
        rows=[[Cell(row.title, row.marks), *(column.cell(row) for column in columns)] for row in run.rows],
        caption=caption,
        marked=next((at for at, row in enumerate(run.rows) if row.is_winner), None),
    )
