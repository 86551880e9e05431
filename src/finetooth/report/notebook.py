"""The table of a run as a notebook shows it: verdict, rows and notes as HTML that takes its colours from the page."""

from collections.abc import Mapping
from typing import Any

from finetooth.report.headline import verdict_of
from finetooth.report.lines import read_lines
from finetooth.report.listing import QUALITY, reading, table_row, warnings
from finetooth.report.markup import Child, Safe, shown, table, tag
from finetooth.report.page import part
from finetooth.report.wording import seconds, short_model, times

_COLUMNS = 6  # of QUALITY: up to the p


def fragment(contract: Mapping[str, Any], comparison: Mapping[str, Any], *, report: str | None) -> str:
    """The HTML of a run's table. contract, comparison: as runs.results.contract and comparison.json give them.

    report: how the user names the run's report, if there is one.
    """
    lines = read_lines(contract, comparison)
    rows: list[list[Child]] = [
        [*table_row(line)[:_COLUMNS], seconds(spent) if (spent := line.row["train_seconds"]) is not None else None]
        for line in lines
    ]
    data, opened = contract["data"], times(contract["test_openings"])
    grid = table(
        [*QUALITY[:_COLUMNS], "training"],
        rows,
        caption=f"{data['train']:,} training rows, {data['test']:,} test rows (opened {opened})",
        marked=next((at for at, line in enumerate(lines) if line.winner), None),
    )
    model = f" · {shown(short_model(contract['model']))}" if contract["model"] else ""
    unfinished = tag("p", "This run is not complete: run it again, and it goes on.", class_="warning")
    verdict = verdict_of(comparison) if comparison.get("verdict") else None
    return tag(
        "div",
        tag("style", Safe(part("notebook.css"))),
        tag("p", f"Finetooth · {shown(contract['run'])}{model}", class_="eyebrow"),
        tag("p", tag("strong", verdict.headline)) if verdict else None,
        *(tag("p", text) for text in (verdict.more if verdict else ())),
        grid,
        *(tag("p", text, class_="note") for text in reading(contract, lines)),
        *warnings(contract, lines),
        None if contract["complete"] else unfinished,
        tag("p", f"Report: {shown(report, 400)}", class_="note") if report else None,
        class_="finetooth",
    ).text
