"""Rows of several runs as text for the terminal, at most 80 columns wide."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from finetooth.wording import cut, interval, percent, points, row_title, rows_in_units, uses, wrapped

_RUN, _ROW, _DIFFERENCE = 18, 14, 23  # columns of a run's and of a row's name, and of a difference
_TITLES = f"{'accuracy':>8}  {'95 % interval':>13}  {'vs first':>{_DIFFERENCE}}"


def describe(comparison: Mapping[str, Any]) -> str:
    """The text of a comparison (runs.across.compare): every row, then what the winners' differences say."""
    rows = rows_in_units(comparison["examples"], "test row", units=comparison["units"], group=comparison["group"])
    lines = [
        wrapped(f"{rows}, the same in each run: {uses(comparison)}."),
        "",
        f"{'run':<{_RUN}}{'row':<{_ROW}}{_TITLES}",
    ]
    counts = Counter((row["run"], row["name"]) for row in comparison["rows"])
    before = None
    for row in comparison["rows"]:
        name = row_title(row["name"], row["seed"], several=counts[row["run"], row["name"]] > 1)
        lines.append(_line(row, name, run=row["run"] if row["run"] != before else ""))
        before = row["run"]
    return "\n".join([*lines, "", *map(wrapped, _reading(comparison))])


def _line(row: Mapping[str, Any], name: str, *, run: str) -> str:
    mark = " *" if row["winner"] else ""
    first = f"{cut(run, _RUN - 1, keep_end=True):<{_RUN}}{cut(name, _ROW - 1 - len(mark)) + mark:<{_ROW}}"
    figures = f"{percent(row['accuracy']):>8}  {interval(row['accuracy_interval']):>13}"
    return f"{first}{figures}  {_difference(row):>{_DIFFERENCE}}".rstrip()


def _difference(row: Mapping[str, Any]) -> str:
    """`+1.3 (0.2 to 2.4)`, in points; empty if the row is not compared."""
    if row["difference"] is None:
        return ""
    ends = row["difference_interval"]
    return points(row["difference"]) + ("" if ends is None else f" ({interval(ends)})")


def _reading(comparison: Mapping[str, Any]) -> list[str]:
    reference, judged = comparison["reference"], [row for row in comparison["rows"] if row["p"] is not None]
    lines = [
        "* the winner of its run. vs first: accuracy minus that of the first run's winner, in points (95 % interval)."
    ]
    if any(row["heads"] for row in comparison["rows"]):
        lines.append("original: with the first of its random classification layers; `show` prints the mean of all.")
    first = f"{reference['name']} of {reference['run']}"
    lines += [f"{row['run']}: {_verdict(row, comparison, first)}" for row in judged if row["winner"]]
    lines += [
        f"{run}: no winner with test figures (none ended well, or it failed on the test rows); it counts as worse."
        for run in comparison["without_winner"]
    ]
    return lines + [f"{one['run']}: {one['headline']}" for one in comparison["unlearned"]]


def _verdict(row: Mapping[str, Any], comparison: Mapping[str, Any], reference: str) -> str:
    """A later winner beside the first run's: whether it is shown to be better or worse, and to lose little enough."""
    ends = row["difference_interval"]
    if row["p_holm"] < comparison["alpha"]:
        side = "better" if row["difference"] > 0 else "worse"
        sentence = f"{row['name']} is {_points(row['difference'], ends)} {side} in accuracy than {reference}"
    else:
        sentence = f"{row['name']} differs from {reference} by {_points(row['difference'], ends, signed=True)}"
    if comparison["within"] is None:
        return f"{sentence}."
    is_shown = row["run"] not in comparison["not_shown_within"]
    most = f"{100 * comparison['within']:g} points"
    return f"{sentence}; it is {'' if is_shown else 'not '}shown to lose at most {most}."


def _points(difference: float, ends: Sequence[float] | None, *, signed: bool = False) -> str:
    """`1.4 points (1.0 to 1.8)`; unsigned, a difference below 0 and its interval change their signs together."""
    if not signed and difference < 0:
        difference, ends = -difference, None if ends is None else (-ends[1], -ends[0])
    text = f"{points(difference, signed=signed)} points"
    return text if ends is None else f"{text} ({interval(ends)})"
