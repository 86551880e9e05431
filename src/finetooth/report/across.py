"""Rows of several runs as text for the terminal, at most 80 columns wide."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from finetooth.report.table import WIDTH, p_text

_RUN, _ROW = 22, 17  # columns of a run's and of a row's name
_TITLES = f"{'accuracy':>8}  {'95 % interval':>13}  {'vs first':>16}"


def describe(found: Mapping[str, Any]) -> str:
    """The text of what runs.across.compare gives: every row, then what the winners' differences say."""
    times = found["test_openings"]
    opened = "once" if times == 1 else f"{times} times"
    lines = [
        textwrap.fill(f"{found['examples']:,} test rows, the same in each run (opened {opened})", WIDTH),
        "",
        f"{'run':<{_RUN}}{'row':<{_ROW}}{_TITLES}",
    ]
    before = None
    counts = Counter((row["run"], row["name"]) for row in found["rows"])
    for row in found["rows"]:
        several = counts[row["run"], row["name"]] > 1
        lines.append(_line(row, first_of_run=row["run"] != before, several=several))
        before = row["run"]
    return "\n".join([*lines, "", *_reading(found)])


def _line(row: Mapping[str, Any], *, first_of_run: bool, several: bool) -> str:
    low, high = (f"{100 * bound:.1f}" for bound in row["accuracy_interval"])
    mark = " *" if row["winner"] else ""
    name = f"{row['name']} seed {row['seed']}" if several else row["name"]
    run = _short(row["run"], _RUN - 1, keep_end=True) if first_of_run else ""
    gain = "" if row["difference"] is None else f"{_points(row['difference']):>5}  {p_text(row['p_holm'])}"
    shown = f"{_short(name, _ROW - 1 - len(mark))}{mark}"
    return f"{run:<{_RUN}}{shown:<{_ROW}}{100 * row['accuracy']:>6.1f} %  {f'{low} to {high}':>13}  {gain:>16}".rstrip()


def _reading(found: Mapping[str, Any]) -> list[str]:
    reference, judged = found["reference"], [row for row in found["rows"] if row["p"] is not None]
    said = ["* the winner of its run. vs first: accuracy minus that of the first run's winner."]
    if any(row["heads"] for row in found["rows"]):
        said.append("original: the first of its random layers, where `show` has the mean of all.")
    said += [_tested(judged)] if judged else []
    for row in judged:
        if row["winner"]:
            said.append(f"{row['run']}: {_verdict(row, found['alpha'])} {reference['name']} of {reference['run']}.")
    said += [
        f"{run}: no winner with test figures (none ended well, or it failed on the test rows); it counts as worse."
        for run in found["without_winner"]
    ]
    said += [f"{one['run']}: {one['headline']}" for one in found["unlearned"]]
    return [textwrap.fill(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False) for line in said]


def _tested(judged: Sequence[Mapping[str, Any]]) -> str:
    """What the p are, and over which family each is corrected (runs.across.compare)."""
    test = "p: exact McNemar test on the same rows"
    winners = sum(row["winner"] for row in judged)
    several = len({(row["run"], row["name"]) for row in judged}) < len(judged)
    wide = f"{len(judged)} candidates{' and seeds' if several else ''}"
    if len(judged) == 1:
        return f"{test}."
    if winners in (0, len(judged)):
        return f"{test}, Holm-corrected over {f'{winners} later winners' if winners else wide}."
    if winners == 1:
        return (
            f"{test}. That of the later winner, which validation chose, stands as it is; the others are Holm-corrected "
            f"over {wide}."
        )
    return (
        f"{test}, Holm-corrected: over the {winners} later winners for these, which validation chose, and over {wide} "
        "for the others."
    )


def _verdict(row: Mapping[str, Any], alpha: float) -> str:
    if row["p_holm"] >= alpha:
        return f"{row['name']} cannot be told apart in accuracy from"
    points = f"{100 * abs(row['difference']):.1f} points"
    return f"{row['name']} is {points} {'better' if row['difference'] > 0 else 'worse'} in accuracy than"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-0.0", "0.0").replace("+0.0", "0.0")


def _short(text: str, most: int, *, keep_end: bool = False) -> str:
    if len(text) <= most:
        return text
    return f"…{text[1 - most :]}" if keep_end else f"{text[: most - 1]}…"
