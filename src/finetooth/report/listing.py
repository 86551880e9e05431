"""The section of all rows: the chart of their accuracy, the table, what to know of it, warnings, means of seeds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from finetooth.report import charts
from finetooth.report.lines import Line, best_control_of, heads_told, tempered
from finetooth.report.markup import Child, Safe, join, shown, table, tag
from finetooth.report.material import Material
from finetooth.report.wording import (
    GAP,
    TEMPERED,
    counted_parts,
    family,
    interval,
    megabytes,
    milliseconds,
    of_cut,
    of_frozen,
    of_full,
    of_probes,
    p_value,
    percent,
    points,
    seconds,
    spread,
    which_p,
)

QUALITY = "row,trained,accuracy,95 % interval,vs best baseline,p,macro-F1,log loss,calibration error".split(",")
_COSTS = "share trained,training,peak memory,size on disk,latency".split(",")
_SPENT = (
    "Share trained: of all parameters, each counted once. Peak memory: of the row's own process. Latency: the time "
    "from one text to its answer, one text at a time, the model loaded: the median, and below it the 5th and 95th "
    "percentile."
)
_PEFT = "The share that peft prints counts the head twice among all parameters."


def rows_section(material: Material) -> Safe:
    """The table of all rows and the chart of their accuracy."""
    done = [line for line in material.lines if line.done]
    marked = next((at for at, line in enumerate(material.lines) if line.winner), None)
    body = [table_row(line) for line in material.lines]
    test = f"on the same {material.contract['data']['test']:,} test rows"
    grid = table(
        QUALITY,
        body,
        caption=f"Every row, {test}",
        marked=marked,
    )
    parts = counted_parts(line.row for line in material.lines)
    by_peft = any(_peft_share(line) is not None for line in material.lines)
    spent = table(
        ["row", *("all parameters" if part == "total" else part for part in parts), *_COSTS],
        [_spent_row(line, parts) for line in material.lines],
        caption="What every row has and takes",
        marked=marked,
    )
    return join(
        charts.ladder(material.lines) if done else None,
        grid,
        *(tag("p", text, class_="note") for text in reading(material.contract, material.lines)),
        *warnings(material.contract, material.lines),
        _pooled(material),
        spent,
        tag("p", f"{_SPENT} {_PEFT}" if by_peft else _SPENT, class_="note"),
    )


def table_row(line: Line) -> list[Child]:
    """The cells of a row, for the columns QUALITY."""
    row = line.row
    mark = "head never trained" if line.chance else "best on validation" if line.winner else None
    if line.heads:
        mark = f"{line.heads['count']} heads, never trained: mean and range"
    name = join(tag("bdi", shown(line.title)), tag("small", mark) if mark else None)
    trained = f"{line.trainable:,}" if line.trainable else "–"
    if not line.done:
        return [name, trained, "failed", *[""] * 6]
    gain, error = line.gain, line.compared.get("calibration_error")
    return [
        name,
        trained,
        percent(line.accuracy),
        interval(line.interval),
        None if gain is None else points(gain[0]),
        None if gain is None else p_value(gain[1]),
        _with_interval(percent(row["test"]["macro_f1"]), line.compared.get("macro_f1_interval"), interval),
        _with_interval(f"{row['test']['loss']:.3f}", line.compared.get("loss_interval"), _losses),
        None if error is None else f"{100 * error:.1f}{GAP}points",
    ]


def _with_interval(value: str, bounds: tuple[float, float] | None, told: Callable[[tuple[float, float]], str]) -> Child:
    return value if bounds is None else join(value, tag("small", told(bounds)))


def _losses(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}".replace(" ", GAP)


def _spent_row(line: Line, parts: Sequence[str]) -> list[Child]:
    row, counts = line.row, line.row["parameters"]
    median = row.get("latency_seconds")
    return [
        tag("bdi", shown(line.title)),
        *(None if counts is None else f"{counts.get(part, 0):,}" for part in parts),
        None if counts is None else join(percent(counts["plain_percent"] / 100, 2), _peft_share(line)),
        None if row["train_seconds"] is None else seconds(row["train_seconds"]),
        None if row["peak_bytes"] is None else megabytes(row["peak_bytes"]),
        None if row["adapter_bytes"] is None else megabytes(row["adapter_bytes"]),
        None if median is None else _with_interval(milliseconds(median), row.get("latency_spread_seconds"), spread),
    ]


def _peft_share(line: Line) -> Safe | None:
    """The share trained as peft prints it, where peft was there."""
    share = (line.row["parameters"] or {}).get("peft_percent")
    return None if share is None else tag("small", f"peft {percent(share / 100, 4)}".replace(" ", GAP))


def reading(contract: Mapping[str, Any], lines: Sequence[Line]) -> Iterator[str]:
    """What a reader must know to read the table right."""
    if contract["winner"] is not None:
        yield "The row set off was best on the validation rows, chosen before any test row was scored."
    best = best_control_of(lines)
    gains = [(line.row["name"], line.gain[0]) for line in lines if line.gain is not None]
    if best is not None and gains:
        yield (
            f"Best baseline: {shown(best.title)}. Differences are in percentage points. p: exact McNemar test"
            f"{family([name for name, _ in gains])}. {which_p([gain for _, gain in gains])}"
        )
    if any(line.chance for line in lines):
        yield "The original model's head was never trained, so its answers are chance."
    told = heads_told(lines, others=True)
    if told is not None:
        yield told
    full = of_full((line.row, line.compared) for line in lines)
    if full is not None:
        yield f"{full[0].upper()}{full[1:]}"
    yield from (shown(text, 400) for text in of_probes(line.row for line in lines))
    yield from (shown(text, 400) for text in of_frozen(line.row for line in lines))
    cut = of_cut(contract)
    if cut is not None:
        yield cut
    if tempered(lines):
        yield TEMPERED


def warnings(contract: Mapping[str, Any], lines: Sequence[Line]) -> Iterator[Safe]:
    """Which rows failed, the warnings of the others, and whether the run is inexact."""
    for line in lines:
        if line.row["status"] != "done":
            yield tag(
                "p", f"{shown(line.title)} failed: {line.row['error'] or 'no reason is known.'}", class_="warning"
            )
        for text in line.row.get("warnings", []):
            yield tag("p", f"{shown(line.title)}: {text}", class_="warning")
    if contract.get("inexact"):
        changes = "; ".join(contract["inexact"])
        yield tag("p", f"Inexact: changed on the way: {changes}", class_="warning")


def _pooled(material: Material) -> Safe | None:
    """Means over seeds, where the comparison holds them."""
    pooled = material.comparison["pooled"]
    if not pooled:
        return None
    caption = "Mean accuracy over seeds; their spread is a standard deviation in percentage points"
    columns = ["row", "seeds", "mean accuracy", "standard deviation"]
    if all(one.get("p") is None for one in pooled):
        return table(columns, [_pooled_row(one)[: len(columns)] for one in pooled], caption=caption)
    columns += ["vs best baseline", "95 % interval", "p"]
    about = (
        "Of three seeds or more: the difference to the best baseline for a new seed on new rows, not of one adapter."
    )
    return join(table(columns, map(_pooled_row, pooled), caption=caption), tag("p", about, class_="note"))


def _pooled_row(one: Mapping[str, Any]) -> list[Child]:
    spread, difference, p = one.get("standard_deviation"), one.get("difference"), one.get("p")
    bounds = one.get("interval")
    return [
        tag("bdi", shown(str(one["name"]))),
        f"{one['seeds']:,}",
        percent(one["mean"]),
        None if spread is None else f"{100 * spread:.1f}",
        None if difference is None else points(difference),
        None if bounds is None else f"{points(bounds[0])} to {points(bounds[1])}",
        None if p is None else p_value(p),
    ]
