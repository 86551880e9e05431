"""The table: what most people will ever read of a run, 80 columns wide."""

import shlex
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from finetooth.measure.wording import setting
from finetooth.report.wording import (
    TEMPERED,
    compared_with,
    computed_in,
    counted_parts,
    epoch,
    family,
    latency,
    of_cut,
    of_frozen,
    of_full,
    of_heads,
    of_probes,
    short_model,
    which_p,
)

WIDTH = 80
_GAP = "  "
_ACCENT, _RESET = "\x1b[36m", "\x1b[0m"
_SMALLEST_P = 0.001
_NAME_LEAST = 8
_RULES = {
    "thresholds": "Labels of candidates: by thresholds fitted on the validation rows.",
    "costs": "Labels of candidates: by the least expected cost (decision.costs).",
}
_TIED = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cell: Callable[["_Line"], str]


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the contract and what comparison.json says of it."""

    row: Mapping[str, Any]
    compared: Mapping[str, Any]
    winner: bool

    @property
    def done(self) -> bool:
        return bool(self.row["status"] == "done")


def render(
    contract: Mapping[str, Any],
    comparison: Mapping[str, Any] | None,
    *,
    colour: bool,
    wide: bool = False,
    folder: str | None = None,
    report: str | None = None,
    again: str | None = None,
) -> str:
    """The table as text without a line break at its end: at most 80 columns, or as many as it needs when `wide`.

    contract, comparison: as runs.results.contract and runs.comparison.compare give them. colour: for a terminal, one
    accent on the winner. folder: how the user names the run's folder; runs/NAME when omitted.
    report: how they name its report, if there is one. again: a folder for another run, if the winner has not learned.
    """
    lines = _lines(contract, comparison)
    columns = [*_narrow_columns(several=len({line.row["seed"] for line in lines} - {None}) > 1)]
    if wide:
        columns += _wide_columns(lines)
    blocks = [_header(contract), _grid(lines, columns, limit=None if wide else WIDTH, colour=colour)]
    reading = [*_pooled(contract), *_reading(contract, comparison, lines, wide=wide)]
    if wide and any(line.row["latency_seconds"] is not None for line in lines):
        reading.append("latency: median time from one text to its answer (5th to 95th percentile).")
    if wide and any(decision.get("temperature", 1.0) != 1.0 for decision in _decisions(lines)):
        reading.append(_wrapped(TEMPERED, "  "))
    if reading:
        blocks.append("\n".join(reading))
    place = folder or f"runs/{contract['run']}"
    closing = [*_verdict(contract), *_closing(contract, lines, place, report=report, again=again)]
    blocks.append("\n".join(closing))
    return "\n\n".join(blocks)


def _lines(contract: Mapping[str, Any], comparison: Mapping[str, Any] | None) -> list[_Line]:
    compared = {(row["name"], row["seed"]): row for row in (comparison or {"rows": []})["rows"]}
    winner = contract["winner"] or {}
    return [
        _Line(
            row,
            compared.get((row["name"], row["seed"]), {}),
            bool(winner) and (row["name"], row["seed"]) == (winner["name"], winner["seed"]),
        )
        for row in contract["rows"]
    ]


def _header(contract: Mapping[str, Any]) -> str:
    data, times = contract["data"], contract["test_openings"]
    opened = "once" if times == 1 else f"{times} times"
    seeds = sorted({row["seed"] for row in contract["rows"]} - {None})
    said = [
        f"{contract['run']}: {short_model(contract['model'])}",
        f"{data['train']:,} train",
        f"{data['test']:,} test rows (opened {opened})",
    ]
    if seeds:
        said.append(f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}")
    # Lines break between the facts, not inside them.
    return _wrapped(", ".join(fact.replace(" ", _TIED) for fact in said), indent="  ").replace(_TIED, " ")


def _narrow_columns(*, several: bool) -> list[_Column]:
    measured = [_Column("accuracy", _accuracy), _Column("95 % interval", _interval)]
    if several:  # one column of figures less wide, to make room for the seeds
        seed = _Column("seed", lambda line: "" if line.row["seed"] is None else str(line.row["seed"]))
        joined = _Column("accuracy, interval", lambda line: f"{_accuracy(line)}  {_interval(line)}".rstrip())
        return [seed, _Column("trained", _trained), joined, _Column("vs best baseline", _gain), _Column("time", _time)]
    return [_Column("trained", _trained), *measured, _Column("vs best baseline", _gain), _Column("time", _time)]


def _wide_columns(lines: list[_Line]) -> list[_Column]:
    def parameter(key: str) -> Callable[[_Line], str]:
        return lambda line: "" if line.row["parameters"] is None else f"{line.row['parameters'].get(key, 0):,}"

    return [
        _Column("macro-F1", _macro_f1),
        _Column("macro-F1 interval", lambda line: _between(line, "macro_f1_interval", "{:.1f}", 100)),
        _Column("log loss", lambda line: "" if line.row["test"] is None else f"{line.row['test']['loss']:.4f}"),
        _Column("log loss interval", lambda line: _between(line, "loss_interval", "{:.4f}", 1)),
        _Column("calibration error", _calibration_error),
        *(_Column(key, parameter(key)) for key in counted_parts(line.row for line in lines)),
        _Column("share trained", _share),
        _Column("peak memory", lambda line: _megabytes(line.row["peak_bytes"])),
        _Column("adapter size", lambda line: _megabytes(line.row["adapter_bytes"])),
        _Column("latency", _latency),
        _Column("kept epoch", lambda line: "" if line.row["kept_epoch"] is None else epoch(line.row["kept_epoch"])),
    ]


def _macro_f1(line: _Line) -> str:
    return "" if line.row["test"] is None else f"{100 * line.row['test']['macro_f1']:.1f} %"


def _between(line: _Line, key: str, form: str, scale: int) -> str:
    bounds = line.compared.get(key) if line.done else None
    return "" if bounds is None else " to ".join(form.format(scale * bound) for bound in bounds)


def _calibration_error(line: _Line) -> str:
    error = line.compared.get("calibration_error") if line.done else None
    return "" if error is None else f"{100 * error:.1f} points"


def _trained(line: _Line) -> str:
    trainable = (line.row["parameters"] or {}).get("trainable")
    return f"{trainable:,}" if trainable else "-"


def _accuracy(line: _Line) -> str:
    if not line.done or line.row["test"] is None:
        return "failed"
    heads = line.row.get("heads")
    return f"{100 * (heads['mean_accuracy'] if heads else line.row['test']['accuracy']):.1f} %"


def _interval(line: _Line) -> str:
    heads = line.row.get("heads")
    if line.done and heads:
        return f"{100 * heads['lowest']:.1f} to {100 * heads['highest']:.1f}"
    if not line.done or "interval" not in line.compared:
        return ""
    low, high = line.compared["interval"]
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _gain(line: _Line) -> str:
    """The difference in points, with the p of what it shows: better than every baseline, or not than the best."""
    difference = line.compared.get("difference")
    if not line.done or difference is None:
        return ""
    p = line.compared["p_holm" if difference > 0 else "p_best_control_holm"]
    points = f"{100 * difference:+.1f}".replace("-0.0", "0.0").replace("+0.0", "0.0")
    return f"{points}  {p_text(p)}"


def p_text(p: float) -> str:
    """A p as the tables show it: the smallest as a bound, others with two figures."""
    if p < _SMALLEST_P:
        return f"p < {_SMALLEST_P}"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f} "  # the blank keeps the decimal points in one column


def _time(line: _Line) -> str:
    seconds = line.row["train_seconds"]
    if seconds is None:
        return ""
    if seconds < 99.5:
        return f"{seconds:.0f} s" if seconds >= 0.95 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"


def _latency(line: _Line) -> str:
    median = line.row["latency_seconds"]
    return "" if median is None else latency(median, line.row.get("latency_spread_seconds")).replace(_TIED, " ")


def _share(line: _Line) -> str:
    parameters = line.row["parameters"]
    if parameters is None:
        return ""
    peft = parameters["peft_percent"]
    return f"{parameters['plain_percent']:.2f} %" + ("" if peft is None else f" (peft {peft:.4f} %)")


def _megabytes(size: int | None) -> str:
    if size is None:
        return ""
    return f"{size / 1e6:,.1f} MB" if size < 1e7 else f"{size / 1e6:,.0f} MB"


def _grid(lines: list[_Line], columns: list[_Column], *, limit: int | None, colour: bool) -> str:
    cells = [[column.cell(line) for column in columns] for line in lines]
    widths = [max(len(column.title), *(len(row[place]) for row in cells)) for place, column in enumerate(columns)]
    room = None if limit is None else max(_NAME_LEAST, limit - sum(widths) - len(_GAP) * len(widths))
    names = [_name(line, room) for line in lines]
    first = max(len("row"), *map(len, names))
    titles = ["row".ljust(first), *(column.title.rjust(width) for column, width in zip(columns, widths, strict=True))]
    drawn = [_GAP.join(titles).rstrip()]
    for line, name, row in zip(lines, names, cells, strict=True):
        text = _GAP.join([name.ljust(first), *(cell.rjust(width) for cell, width in zip(row, widths, strict=True))])
        drawn.append(f"{_ACCENT}{text.rstrip()}{_RESET}" if colour and line.winner else text.rstrip())
    return "\n".join(drawn)


def _name(line: _Line, room: int | None) -> str:
    """The row's name with its mark, cut in the middle of nothing but the name where there is no room for all of it."""
    untrained = line.row.get("head") == "new" and line.row["kind"] == "baseline" and line.row["parameters"] is None
    mark = " (chance)" if untrained else ""
    mark += " *" if line.winner else ""
    name = line.row["name"]
    if room is not None and len(name) + len(mark) > room:
        name = name[: max(1, room - len(mark) - 1)] + "…"
    return f"{name}{mark}"


def _pooled(contract: Mapping[str, Any]) -> list[str]:
    """A line for each name that has several seeds: its mean, and how far a seed lies from another."""
    return [
        _wrapped(
            f"{found['name']} over {found['seeds']} seeds: mean {100 * found['mean']:.1f} %, "
            f"standard deviation {100 * found['standard_deviation']:.1f} points",
            "  ",
        )
        for found in contract.get("pooled", [])
    ]


def _verdict(contract: Mapping[str, Any]) -> list[str]:
    found = contract.get("verdict")
    return [] if found is None else [_wrapped(found["text"], "  ")]


def _reading(
    contract: Mapping[str, Any], comparison: Mapping[str, Any] | None, lines: list[_Line], *, wide: bool
) -> list[str]:
    """What a reader must know to read the figures right."""
    said = []
    if contract["winner"] is not None:
        said.append("* best on the validation rows, chosen before any test row was scored.")
    said += _of_heads(lines, compared_with(comparison or {}), wide=wide)
    said += [_wrapped(text, "  ") for text in of_probes(line.row for line in lines)]
    said += [_wrapped(text, "  ").replace(_TIED, " ") for text in of_frozen(line.row for line in lines)]
    precision = computed_in(line.row for line in lines)
    said += [] if precision is None else [_wrapped(precision, "  ")]
    cut = of_cut(contract)
    said += [] if cut is None else [_wrapped(cut, "  ").replace(_TIED, " ")]
    full = of_full((line.row, line.compared) for line in lines)
    said += [] if full is None else [full]
    said += [text for key, text in _RULES.items() if any(decision.get(key) for decision in _decisions(lines))]
    judged = [line for line in lines if line.compared.get("p") is not None]
    best = (comparison or {}).get("best_control")
    if best is not None and judged:
        over = family([line.row["name"] for line in judged])
        which = which_p([line.compared["difference"] for line in judged])
        text = f"Best baseline: {_titled(best, lines)}. p: exact McNemar test{over}. {which}"
        said.append(_wrapped(text, "  "))
    return said


def _of_heads(lines: list[_Line], compared: list[tuple[str, int | None]], *, wide: bool) -> list[str]:
    """What a row of several untrained heads shows; compared: the baselines that candidates are held against."""
    row = next((line.row for line in lines if line.done and line.row.get("heads")), None)
    if row is None:
        return []
    first = row["test"]["accuracy"] if (row["name"], row["seed"]) in compared else None
    text = of_heads(row["name"], row["heads"]["count"], first=first, others=wide)
    return [_wrapped(text, "  ").replace(_TIED, " ")]


def _titled(row: Mapping[str, Any], lines: list[_Line]) -> str:
    """A row's name, with its seed where the table has several of that name, as the verdict calls it."""
    several = sum(line.row["name"] == row["name"] for line in lines) > 1
    return f"{row['name']} (seed {row['seed']})" if several and row["seed"] is not None else str(row["name"])


def _decisions(lines: list[_Line]) -> list[Mapping[str, Any]]:
    return [line.row.get("decision") or {} for line in lines]


def _closing(
    contract: Mapping[str, Any], lines: list[_Line], folder: str, *, report: str | None, again: str | None
) -> list[str]:
    said = []
    if _all_verified(lines):
        said.append("All adapters verified: reloaded in a fresh process, logits bitwise equal.")
    several = len({line.row["seed"] for line in lines} - {None}) > 1
    warned = []
    for line in lines:
        seeded = several and line.row["seed"] is not None
        name = f"{line.row['name']} (seed {line.row['seed']})" if seeded else line.row["name"]
        if not line.done:
            said.append(_wrapped(f"{name} failed: {line.row['error'] or 'no reason is known.'}", "  "))
        warned += [_wrapped(f"Warning  {name}: {text}", "  ") for text in line.row.get("warnings", [])]
    said += warned
    if contract.get("inexact"):
        said.append(_wrapped(f"Inexact  changed on the way: {'; '.join(contract['inexact'])}", "  "))
    if not contract["complete"]:
        said.append("This run is not complete: give the same command again, and it goes on.")
    if report is not None:
        said.append(f"Report  {report}")
    said.append(f"Next    finetooth {_next(contract, folder, again=again)}")
    return said


def _next(contract: Mapping[str, Any], folder: str, *, again: str | None) -> str:
    """The command to give next: to train again what has not learned, else to use the winner."""
    place, unlearned = shlex.quote(folder), (contract.get("verdict") or {}).get("unlearned")
    if contract["winner"] is None:
        return f"show {place}"  # there is nothing to predict with
    if unlearned is None:
        return f'predict --with {place} "your text"'
    changes = [setting(key, value) for key, value in unlearned["changes"].items()]
    words = [f"{folder}/recipe.yaml", *(word for change in changes for word in ("--set", change))]
    return f"run {shlex.join(words)} --out {shlex.quote(again or f'{folder}-2')}"


def _all_verified(lines: list[_Line]) -> bool:
    candidates = [line for line in lines if line.row["kind"] == "candidate" and line.done]
    reloads = [line.row["reload"] for line in lines if line.row["reload"] is not None]
    return (
        bool(candidates)
        and all(line.row["reload"] is not None for line in candidates)
        and all(reload["verified"] and reload["max_abs_logit_difference"] == 0 for reload in reloads)
    )


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
