"""The table of a run as text, 80 columns wide."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from finetooth.evaluation.sentences import setting
from finetooth.report import columns
from finetooth.report.columns import Cell, Column
from finetooth.report.notes import RELOAD_CHECK, UNFINISHED, cost, notes, p_of_each, pooled, warnings
from finetooth.report.view import RowView, RunView, view_of
from finetooth.runs.layout import RunFolder
from finetooth.wording import TIE, WIDTH, cut, short_model, wrapped

_GAP = "  "
_ACCENT, _RESET = "\x1b[36m", "\x1b[0m"
_NAME_LEAST = 8


def printed(run_folder: Path, *, colour: bool = False, wide: bool = False) -> str:
    """The table of a run as it is printed on the terminal; its last line is the next command.

    run_folder: as the user names it. colour, wide: as in render.
    Raises: RunError as runs.results.contract.
    """
    run, folder = view_of(run_folder), RunFolder(run_folder)
    closing = [f"Report  {folder.report}"] if folder.report.is_file() else []
    closing.append(f"Next    finetooth {next_command(run, str(run_folder), again=str(folder.next_free()))}")
    return "\n".join([render(run, colour=colour, wide=wide), *closing])


def render(run: RunView, *, colour: bool = False, wide: bool = False) -> str:
    """The table, its notes, the verdict and the warnings, without a line break at the end.

    wide: more columns, as wide as they need; otherwise at most 80 characters. colour: an accent on the winner.
    """
    shown = [*_narrow(run), *(_wide(run) if wide else ())]
    blocks = [
        _heading(run),
        _grid(run.rows, shown, limit=None if wide else WIDTH, colour=colour),
        "\n".join(map(wrapped, [*pooled(run), *notes(run, beside_accuracy=wide), *(p_of_each(run) if wide else [])])),
        "\n".join(map(wrapped, filter(None, [f"{run.headline} {run.more}".strip(), *_closing(run)]))),
    ]
    return "\n\n".join(filter(None, blocks))


def next_command(run: RunView, folder: str, *, again: str) -> str:
    """The next command: to train again if the winner has not learned, else to use the winner. again: a free folder."""
    if run.chosen is None:
        return f"show {shlex.quote(folder)}"  # there is nothing to predict with
    if run.changes is None:
        return f'predict --with {shlex.quote(folder)} "your text"'
    changes = [word for key, value in run.changes.items() for word in ("--set", setting(key, value))]
    return f"run {shlex.join([f'{folder}/recipe.yaml', *changes])} --out {shlex.quote(again)}"


def _heading(run: RunView) -> str:
    facts = [
        *([short_model(run.model)] if run.model else []),
        f"{run.train:,} train",
        run.tested,
        *([f"seed{'s' if len(run.seeds) > 1 else ''} {', '.join(map(str, run.seeds))}"] if run.seeds else []),
    ]
    facts[0] = f"{run.name}: {facts[0]}"
    first = wrapped(", ".join(fact.replace(" ", TIE) for fact in facts))  # broken between the facts, not inside them
    return f"{first}\n{wrapped(f'Test set: {run.test_use}.')}"


def _closing(run: RunView) -> list[str]:
    checked = [f"Reload check {RELOAD_CHECK}"] if run.is_reload_checked else []
    spent = [text] if (text := cost(run)) else []
    return [*spent, *checked, *warnings(run), *([] if run.complete else [UNFINISHED])]


def _narrow(run: RunView) -> list[Column]:
    if len(run.seeds) > 1:  # accuracy and interval in one column make room for the seeds
        return [columns.SEED, columns.TRAINED, columns.BOTH, columns.GAIN_AND_P, columns.TIME]
    return [columns.TRAINED, columns.ACCURACY, columns.INTERVAL, columns.GAIN_AND_P, columns.TIME]


def _wide(run: RunView) -> list[Column]:
    return [
        columns.P_OF_EVERY_ROW, *columns.with_metric(run, [columns.MACRO_F1, columns.LOSS]), columns.CALIBRATION_ERROR,
        *columns.parts(run), columns.SHARE_TRAINED, columns.PEAK_MEMORY, columns.ADAPTER_SIZE, columns.LATENCY,
        columns.KEPT_EPOCH, columns.SETTINGS_TRIED,
    ]  # fmt: skip


def _grid(rows: Sequence[RowView], shown: Sequence[Column], *, limit: int | None, colour: bool) -> str:
    cells = [[_written(column.cell(row)) for column in shown] for row in rows]
    widths = [max(len(column.title), *(len(line[at]) for line in cells)) for at, column in enumerate(shown)]
    room = None if limit is None else max(_NAME_LEAST, limit - sum(widths) - len(_GAP) * len(widths))
    names = [_named(row, room) for row in rows]
    first = max(len("row"), *map(len, names))
    titles = ["row".ljust(first), *(column.title.rjust(width) for column, width in zip(shown, widths, strict=True))]
    drawn = [_GAP.join(titles).rstrip()]
    for row, name, line in zip(rows, names, cells, strict=True):
        text = _GAP.join([name.ljust(first), *(cell.rjust(width) for cell, width in zip(line, widths, strict=True))])
        drawn.append(f"{_ACCENT}{text.rstrip()}{_RESET}" if colour and row.is_winner else text.rstrip())
    return "\n".join(drawn)


def _written(cell: Cell) -> str:
    return f"{cell.text} ({cell.detail})" if cell.detail else cell.text


def _named(row: RowView, room: int | None) -> str:
    """The row's name with its marks; the name is cut if there is no room for all of it."""
    return (row.name if room is None else cut(row.name, max(2, room - len(row.marks)))) + row.marks
