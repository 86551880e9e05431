"""The table of a run in a notebook: verdict, rows and notes as HTML that uses the colours of the notebook."""

from finetooth.report import columns
from finetooth.report.html import part, rendered
from finetooth.report.notes import UNFINISHED, cost, notes, warnings
from finetooth.report.tables import table_of
from finetooth.report.view import RunView
from finetooth.wording import short_model, shown


def fragment(run: RunView, *, report: str | None) -> str:
    """The HTML of a run's table. report: the path of the run's report as the user names it, if there is one."""
    caption = f"{run.train:,} training rows, {run.test:,} test rows ({run.test_use})"
    return rendered(
        "notebook.html",
        run=run,
        model=shown(short_model(run.model)),
        cost=cost(run),
        style=part("notebook.css"),
        table=table_of(run, [*columns.MEASURED, columns.TIME], caption),
        notes=notes(run, beside_accuracy=False),
        warnings=[*warnings(run), *([] if run.complete else [UNFINISHED])],
        report=shown(report, 400) if report else None,
    )
