"""Files of predictions side by side as text for the terminal, at most 80 columns wide."""

from collections.abc import Mapping
from typing import Any

from finetooth.wording import (
    counted,
    cut,
    interval,
    listed,
    percent,
    points,
    rows_in_units,
    shown,
    uses,
    wrapped,
)

_FILE, _DIFFERENCE = 20, 23  # columns of a file's name and of a difference
_TITLES = f"{'accuracy':>8}  {'95 % interval':>13}  {'macro-F1':>8}  {'vs first':>{_DIFFERENCE}}"
_LONGEST_NAME = 40


def describe(judgement: Mapping[str, Any]) -> str:
    """The text of a judgement (runs.judging.judge): every file, then what the differences say."""
    rows = rows_in_units(judgement["examples"], "labelled row", units=judgement["units"], group=judgement["group"])
    return "\n".join(
        [
            wrapped(f"{rows}, {counted(len(judgement['classes']), 'label')}: {uses(judgement)}."),
            "The predictions are given, not verified.",
            "",
            f"{'file':<{_FILE}}{_TITLES}",
            *map(_line, judgement["rows"]),
            "",
            *map(wrapped, _reading(judgement)),
        ]
    ).rstrip()


def _line(row: Mapping[str, Any]) -> str:
    name = cut(_plain(row["file"]), _FILE - 1, keep_end=True)
    figures = f"{percent(row['accuracy']):>8}  {interval(row['accuracy_interval']):>13}  {percent(row['macro_f1']):>8}"
    difference = ""
    if row["difference"] is not None:
        difference = f"{points(row['difference'])} ({interval(row['difference_interval'])})"
    return f"{name:<{_FILE}}{figures}  {difference:>{_DIFFERENCE}}".rstrip()


def _reading(judgement: Mapping[str, Any]) -> list[str]:
    first, *later = judgement["rows"]
    lines = []
    if later:
        lines.append("vs first: accuracy minus that of the first file, in points (95 % interval).")
    lines += [row["verdict"] for row in later]
    if any(row["outcome"] != "too_few" for row in later):
        looks, level = judgement["test_openings"], f"{100 * judgement['alpha']:.2g} %"
        lines.append(f"This is look {looks:,} at these rows, so each difference is tested at {level}.")
    for row in judgement["rows"]:
        notes = []
        if row["matched_by"] != first["matched_by"] or row["label_column"] != "label":
            notes.append(
                f"matched by {row['matched_by']}, with the labels of column '{cut(_plain(row['label_column']), 30)}'"
            )
        if row["unanswered"]:
            notes.append(f"{counted(row['unanswered'], 'row')} without a label, counted as wrong")
        if notes:
            lines.append(f"{cut(_plain(row['file']), _LONGEST_NAME, keep_end=True)}: {listed(notes)}.")
    return lines


def _plain(name: str) -> str:
    return shown(name, len(name))
