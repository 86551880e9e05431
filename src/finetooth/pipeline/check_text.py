"""A check as text for the terminal, at most 80 columns wide."""

from collections.abc import Iterable, Iterator
from typing import Any

from finetooth.evaluation.claim import LEAST_EXAMPLES, least_units
from finetooth.evaluation.gap import amount
from finetooth.pipeline.bases_text import describe_bases
from finetooth.pipeline.check_power import USUAL
from finetooth.preflight import Finding
from finetooth.runs.plan_file import Plan
from finetooth.tasks import DEFAULT
from finetooth.wording import counted, cut, listed, percent, rows_in_units, seconds, short_model, size, wrapped

_SHOWN_CLASSES, _SHOWN_ROWS, _SHOWN_BASELINES = 8, 5, 5
SLOWER = ", which is slower: `finetooth check` measures what that costs"
_HOW = {"declared": "as the recipe says", "known name": "by its name", "known name of a pair": "by its name"}
BUSY = 0.1  # share of their time that measured steps wait for the processor; above it, a note says so
_QUICK = (
    "Not shown, because --quick loads no model: the layers that each candidate adapts, its trained parameters, memory "
    "and time. The same command without --quick shows them."
)
_NAMES = {"outside": "outside the limit"}


def describe(report: dict[str, Any]) -> str:
    """The text of a check (rows, lengths, adapters, memory, time, findings), or of a comparison of bases."""
    if "bases" in report:
        return describe_bases(report)
    parts = [_rows(report)]
    if report["tokens"]:
        parts.append(_lengths(report))
    if report["candidates"]:
        parts.append(_candidates(report))
    parts.append("\n".join(data_lines(report["data"])))
    parts.append("\n".join(_findings(report)))
    parts.append(_power(report))
    parts.append(_estimate(report))
    return "\n\n".join(parts)


def _estimate(report: dict[str, Any]) -> str:
    if report["quick"]:
        return wrapped(_QUICK, rest="")
    if report["estimated_seconds"] is None:
        return "The time of the run is not known, because there is no candidate to measure."
    text = f"Estimated time of the whole run: {seconds(report['estimated_seconds'])}"
    most = report["estimated_peak_bytes"]
    text = f"{text}." if most is None else f"{text}, in about {size(most)} of memory."
    return "\n".join([text, *_busy(report["candidates"])])


def _busy(candidates: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A note where other programs took much of the processor while the steps were measured."""
    waited = max((row["waited_share"] or 0.0 for row in candidates), default=0.0)
    if waited >= BUSY:
        yield wrapped(
            f"Note: this machine is busy: the measured steps waited {percent(waited, 0)} of their time for the "
            "processor, which other programs used. The times hold for a machine as busy as now; without those "
            "programs a run is faster.",
        )


def _rows(report: dict[str, Any]) -> str:
    counts, test_classes = report["data"]["counts"], report["data"]["test_classes"]
    classes = report["data"]["classes"]
    model = short_model(report["model"]) if report["model"] else "no model"
    lines = [f"{report['run']}: {model}", "", f"{'rows':<24}{'':>2}" + _columns([*counts, "test"])]
    sums = [sum(split.values()) for split in counts.values()]
    lines.append(f"{'all':<26}" + _columns([*sums, report["data"]["rows"]["test"]["used"]]))
    for name in classes[:_SHOWN_CLASSES]:
        test = "some" if name in test_classes else "none"  # nothing else of the test rows is read before a run
        lines.append(f"  {cut(name, 22):<24}" + _columns([*(split.get(name, 0) for split in counts.values()), test]))
    if len(classes) > _SHOWN_CLASSES:
        lines.append(f"  and {len(classes) - _SHOWN_CLASSES:,} more classes")
    return "\n".join(lines)


def data_lines(summary: dict[str, Any]) -> list[str]:
    """The columns, the number of rows by what was done with them, and notes: lines of at most 80 columns."""
    lines = [
        f"{use}: column {column['name']!r} ({_HOW.get(column['how'], column['how'])})"
        for use, column in summary["columns"].items()
        if column
    ]
    for split, account in summary["rows"].items():
        lines.append(f"{split}: " + ", ".join(f"{value:,} {key}" for key, value in _counted(account)))
    lines += [f"Note: {note}" for note in summary["notes"]]
    return [wrapped(line) for line in lines]


def warning_lines(findings: Iterable[Finding]) -> list[str]:
    """A note for each finding that warns; at most 80 columns."""
    return [wrapped(f"Note: {finding.says}") for finding in findings if finding.severity == "warn"]


def padded_lines(plan: Plan) -> list[str]:
    """A line for each candidate that is trained with padding, with the reason; at most 80 columns."""
    return [
        wrapped(f"Note: {name} is trained with padding ({because}){SLOWER if 'dropout' in because else ''}.")
        for name, candidate in plan.candidates.items()
        if (because := candidate.fallback_reason)
    ]


def _findings(report: dict[str, Any]) -> Iterator[str]:
    """The findings of preflight, the worst first, with the first rows of each."""
    if not report["findings"]:
        yield "Nothing wrong was found in the data."
        return
    yield "Found in the data, the worst first:"
    for finding in report["findings"]:
        yield _indented(finding["says"], first=f"  {finding['severity']:<6}")
        if finding["rows"]:
            yield _indented(_named([row["id"] for row in finding["rows"]]))
        yield _indented(finding["advice"])
    if report["fix_list_rows"] is not None:
        count = report["fix_list_rows"]
        yield f"The fix list names {counted(count, 'row')}."


def _named(ids: list[str]) -> str:
    """`a.csv row 2, 7; b.csv row 3 and 12 more`: the first ids, by file."""
    files: dict[str, list[str]] = {}
    for row_id in ids[:_SHOWN_ROWS]:
        file, _, number = row_id.rpartition(":")
        files.setdefault(file, []).append(number)
    parts = [f"{file} row{'' if len(numbers) == 1 else 's'} {', '.join(numbers)}" for file, numbers in files.items()]
    more = f" and {len(ids) - _SHOWN_ROWS:,} more" if len(ids) > _SHOWN_ROWS else ""
    return "; ".join(parts) + more


def _indented(text: str, *, first: str = "") -> str:
    return wrapped(text, first=first.ljust(8), rest=" " * 8)


def _power(report: dict[str, Any]) -> str:
    """Which gain the verdict can show on the test rows."""
    power = report["verdict_power"]
    rows = rows_in_units(power["examples"], "test row", units=power["units"], group=power["group"])
    if not power["baselines"]:
        text = "Without a baseline, there is no verdict whose power could be estimated."
    elif not power["gains"]:
        text = f"The power of a verdict by {power['metric']} is not estimated; only that by accuracy is."
    elif power["examples"] < LEAST_EXAMPLES:
        text = f"A verdict needs {LEAST_EXAMPLES} test rows. There are {power['examples']:,}, so it can show no gain."
    elif power["units"] < (needed := least_units(power["alpha"])):
        kind = "groups" if power["group"] else "different texts"
        text = f"A verdict needs test rows in {needed} {kind}. There are {rows}, so it can show no gain."
    else:
        baselines = f"{counted(len(power['baselines']), 'baseline')} ({listed(power['baselines'], _SHOWN_BASELINES)})"
        look = "the first look" if power["looks"] == 1 else f"look {power['looks']}"
        level = f"{100 * power['alpha']:.2g} %"
        text = (
            f"With {rows} and {baselines}, the verdict shows {_gains(power['gains'])}. {_chance(power['gain_asked'])}"
            f"The next run is {look} at these test rows, so its verdict is tested at {level}."
        )
    return wrapped(text, rest="")


def _gains(gains: list[dict[str, float | None]]) -> str:
    """The gain that is shown at the usual discordance, and the gains at the others."""
    of_share = {percent(item["discordance"] or 0.0, 0): item["gain"] for item in gains}
    usual = percent(USUAL, 0)
    least = of_share.pop(usual)
    shown = "no gain" if least is None else f"a gain of about {_amount(least)} or more"
    others = [f"{'no gain' if gain is None else _amount(gain)} at {share}" for share, gain in of_share.items()]
    return f"{shown} in 4 of 5 cases if the winner differs from each on {usual} of the rows ({', '.join(others)})"


def _amount(gain: float) -> str:
    return amount(float(f"{gain:.2g}"), DEFAULT.headline)


def _chance(target: dict[str, float] | None) -> str:
    """A sentence, and a blank, on the chance to show the gain that the recipe asks for."""
    if target is None:
        return ""
    least, true = (amount(target[key], DEFAULT.headline) for key in ("gain", "true_gain"))
    chance = percent(target["chance"], 0)
    return f"If the true gain is {true}, it shows at least the {least} that the recipe asks for in {chance} of cases. "


def _lengths(report: dict[str, Any]) -> str:
    lines = [f"{'tokens':<26}" + _columns(list(report["tokens"]))]
    lines.append(f"  {'texts measured':<24}" + _columns([item["texts"] for item in report["tokens"].values()]))
    for title, key, form in (
        ("mean", "mean", "{:.0f}"),
        ("median", "median", "{:.0f}"),
        ("longest", "longest_whole", "{:,}"),
    ):
        lines.append(f"  {title:<24}" + _columns([form.format(item[key]) for item in report["tokens"].values()]))
    for title, key in (("rows cut", "rows_cut"), ("tokens cut", "tokens_cut")):
        lines.append(f"  {title:<24}" + _columns([percent(item[key]) for item in report["tokens"].values()]))
    return "\n".join(lines)


def _candidates(report: dict[str, Any]) -> str:
    titles = ("adapter", "head", "bias", "trained", "memory")
    lines = [f"{'candidate':<18}" + "".join(f"{title:>12}" for title in titles)]
    for row in report["candidates"]:
        values = row["parameters"]
        memory = size(row["peak_bytes"])
        cells = [f"{values[key]:,}" for key in ("adapter", "head", "bias", "trainable")] + [memory]
        lines.append(f"{cut(row['name'], 17):<18}" + "".join(f"{cell:>12}" for cell in cells))
        peft = "" if values["peft_percent"] is None else f" ({values['peft_percent']:.4f} % as peft counts)"
        steps = f"{row['steps']:,} steps"
        if row["most_steps"] != row["steps"]:
            steps = f"typically {steps}, {row['most_steps']:,} at most"
        lines.append(f"  {values['plain_percent']:.4f} % of all parameters{peft},")
        lines.append(f"  {steps}, about {seconds(row['train_seconds'] + row['evaluate_seconds'])} of training")
        lines += [f"  adapts {_targets(row['targets'])}"] if row["targets"] else []
        lines += [f"  {line}" for line in _training_notes(row)]
    return "\n".join(lines)


def _training_notes(row: dict[str, Any]) -> Iterator[str]:
    """Why a candidate is not trained in the fastest way, and what it stores on disk."""
    if row["plain_step_seconds"] is not None:
        slower = row["step_seconds"] / row["plain_step_seconds"]
        yield f"{row['fallback_reason']}: a step takes {slower:.1f} x as long as without it (measured)"
    elif row["fallback_reason"]:
        yield f"trained with padding: {row['fallback_reason']}"
    elif row["gpu_peak_bytes"] is not None:
        yield f"trained on a GPU in {row['precision']}, with {size(row['gpu_peak_bytes'])} of its memory"
    elif row["precision"] != "float32":
        yield f"matrix products in training are computed in {row['precision']}"
    if row.get("frozen_layers"):
        count = row["frozen_layers"]
        layers = "layer is" if count == 1 else f"{count} layers are"
        yield f"its lowest {layers} frozen during training (then)"
        yield f"hidden states of the frozen layers are kept on disk: {size(row['frozen_bytes'])}"
    if row["cached_bytes"]:
        first = row["cached_layers"] + 1
        yield f"hidden states below layer {first} are kept on disk: {size(row['cached_bytes'])}"


def _targets(names: list[str]) -> str:
    kinds: dict[str, int] = {}
    for name in names:
        kinds[name.rpartition(".")[2]] = kinds.get(name.rpartition(".")[2], 0) + 1
    return f"{len(names)} linear layers: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items())


def _counted(account: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """The parts of in = used + rejected + dropped + outside; dropped rows by their reasons."""
    for key, value in account.items():
        if isinstance(value, dict):
            yield from ((f"dropped ({reason})", count) for reason, count in value.items() if count)
        else:
            yield _NAMES.get(key, key), value


def _columns(cells: list[Any]) -> str:
    return "".join(f"{cell:>14,}" if isinstance(cell, int) else f"{cell:>14}" for cell in cells)
