"""Rows of several runs as text for the terminal, at most 80 columns wide."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from finetooth.wording import counted, cut, interval, p_value, percent, points, row_title, scored_before, wrapped

_RUN, _ROW = 22, 17  # columns of a run's and of a row's name
_TITLES = f"{'accuracy':>8}  {'95 % interval':>13}  {'vs first':>16}"


def describe(comparison: Mapping[str, Any]) -> str:
    """The text of a comparison (runs.across.compare): every row, then what the winners' differences say."""
    use = scored_before(
        comparison["examples"],
        rows_seen=comparison["test_rows_seen"],
        runs_seen=comparison["test_runs_seen"],
        runs_later=comparison["test_runs_later"],
    )
    lines = [
        wrapped(f"{counted(comparison['examples'], 'test row')}, the same in each run: {use}."),
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
    gain = "" if row["difference"] is None else f"{points(row['difference']):>5}  {p_value(row['p_holm']):<9}"
    first = f"{cut(run, _RUN - 1, keep_end=True):<{_RUN}}{cut(name, _ROW - 1 - len(mark)) + mark:<{_ROW}}"
    return f"{first}{percent(row['accuracy']):>8}  {interval(row['accuracy_interval']):>13}  {gain:>16}".rstrip()


def _reading(comparison: Mapping[str, Any]) -> list[str]:
    reference, judged = comparison["reference"], [row for row in comparison["rows"] if row["p"] is not None]
    lines = ["* the winner of its run. vs first: accuracy minus that of the first run's winner."]
    if any(row["heads"] for row in comparison["rows"]):
        lines.append("original: with the first of its random classification layers; `show` prints the mean of all.")
    lines += [_tested(judged)] if judged else []
    first = f"{reference['name']} of {reference['run']}"
    lines += [f"{row['run']}: {_verdict(row, comparison['alpha'], first)}" for row in judged if row["winner"]]
    lines += [
        f"{run}: no winner with test figures (none ended well, or it failed on the test rows); it counts as worse."
        for run in comparison["without_winner"]
    ]
    return lines + [f"{one['run']}: {one['headline']}" for one in comparison["unlearned"]]


def _tested(judged: Sequence[Mapping[str, Any]]) -> str:
    """What p is, and over which family each is corrected (runs.across.compare)."""
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
            f"{test}. p of the later winner, which was chosen on the validation rows, is not corrected; the others are "
            f"Holm-corrected over {wide}."
        )
    return (
        f"{test}, Holm-corrected: for the {winners} later winners, which were chosen on the validation rows, over "
        f"these {winners}; for the others, over {wide}."
    )


def _verdict(row: Mapping[str, Any], alpha: float, reference: str) -> str:
    gap = points(abs(row["difference"]), signed=False)
    if row["p_holm"] >= alpha:
        return f"{row['name']} does not differ significantly in accuracy from {reference}."
    return (
        f"{row['name']} is {gap} points {'better' if row['difference'] > 0 else 'worse'} in accuracy than {reference}."
    )
