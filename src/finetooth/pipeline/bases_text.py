"""The comparison of bases as text for the terminal, at most 80 columns wide."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from finetooth.wording import WIDTH, cut, interval, percent, points, rows_in_units, seconds, short_model, wrapped

_GAP = "  "
_LEAST_NAME = 8  # columns of a name, however wide the figures are


def describe_bases(comparison: Mapping[str, Any]) -> str:
    """The text of compare_bases (base_comparison): its table, the base to train, and what the rows cannot show."""
    title = (
        f"{comparison['run']}: linear probes on frozen bases, {comparison['folds']}-fold cross-validation on "
        f"{comparison['sample_rows']:,} training rows"
    )
    faults = [_fault(base) for base in comparison["bases"] if base["error"] is not None]
    blocks = [wrapped(title), "\n".join(_grid(comparison["bases"]))]
    blocks += ["\n".join(map(wrapped, faults))] if faults else []
    if comparison["best"] is not None:
        blocks.append("\n".join(map(wrapped, _advice(comparison))))
    return "\n\n".join(blocks)


def _grid(bases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    cells = [("base", "size", "accuracy", "95 % interval", "vs best", "time"), *map(_cells, bases)]
    widths = [max(len(row[column]) for row in cells) for column in range(1, len(cells[0]))]
    room = max(_LEAST_NAME, WIDTH - sum(widths) - len(_GAP) * len(widths))
    names = [cut(row[0], room, keep_end=True) for row in cells]
    first = max(map(len, names))
    for name, (_, *figures) in zip(names, cells, strict=True):
        shown = [name.ljust(first), *(cell.rjust(width) for cell, width in zip(figures, widths, strict=True))]
        yield _GAP.join(shown).rstrip()


def _cells(base: Mapping[str, Any]) -> tuple[str, str, str, str, str, str]:
    name = short_model(base["base"])
    if base["error"] is not None:
        return name, "", "failed", "", "", ""
    size, gain = f"{base['parameters'] / 1e6:.1f} M", ""
    if base["difference"] is not None:
        lowest, highest = base["difference_interval"]
        gain = f"{points(base['difference'])} ({points(lowest)} to {points(highest)})"
    accuracy, bounds = percent(base["accuracy"]), interval(base["interval"])
    return name, size, accuracy, bounds, gain, seconds(base["seconds"])


def _fault(base: Mapping[str, Any]) -> str:
    name = f"{base['base']}: "
    return name + str(base["error"]).removeprefix(name)


def _advice(comparison: Mapping[str, Any]) -> Iterator[str]:
    best = comparison["best"]
    yield f"Train {best}: --set model={shlex.quote(best)}"
    others = [base for base in comparison["bases"] if base["difference"] is not None]
    close = [base["base"] for base in others if not base["distinguished"]]
    if close:
        yield f"Not significantly different from it on these rows: {', '.join(close)}."
    if others:
        group = (comparison["data"]["columns"].get("group") or {}).get("name")
        rows = rows_in_units(comparison["sample_rows"], "row", units=comparison["units"], group=group)
        yield f"{rows} {_cannot_show(comparison['smallest_difference'], others)}."
        yield "vs best: points, with an interval of 95 % for all pairs of bases together."
    yield "time: to read the rows. A probe shows what a frozen base knows; training may change the order."


def _cannot_show(smallest: float | None, others: Sequence[Mapping[str, Any]]) -> str:
    """What the rows cannot show of bases. others: the lines of the bases beside the best."""
    if smallest is not None:
        power = f"a true difference of {points(smallest, signed=False)} points would be found with 80 % power"
        return f"cannot distinguish bases that are close: {power}"
    # If the closest base differs from the best, None means that no difference would be found.
    if max(base["difference"] for base in others) < 0:
        return "are too few to distinguish bases: no true difference would be found with 80 % power"
    return "cannot distinguish bases that are close"
