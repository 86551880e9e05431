"""README.md of a run folder: a model card in the Hub's format, measured values only, no row of the user's data."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from finetooth.report.headline import verdict_of
from finetooth.report.lines import Line, few_seeds, heads_told, tempered, winner_of
from finetooth.report.markup import shown
from finetooth.report.material import Material
from finetooth.report.wording import (
    GAP,
    TEMPERED,
    counted,
    family,
    interval,
    of_cut,
    of_frozen,
    of_full,
    of_probes,
    of_rows,
    p_value,
    percent,
    points,
    seconds,
    short_model,
    times,
    which_p,
)
from finetooth.sources import hub_name

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~&$]|^[-+])")
_CLASSES = 20


def card(material: Material) -> str:
    """The card as text."""
    run = material.contract["run"]
    verdict = verdict_of(material.comparison)
    parts = [
        f"# {_plain(run)}",
        *(_plain(text) for text in (verdict.headline, *verdict.more)),
        "## What it is",
        "\n".join(_what(material)),
        "## Figures",
        _figures(material),
        "## How it was measured",
        "\n".join(_method(material)),
        "## Limits",
        "\n".join(_limits(material)),
    ]
    front = yaml.safe_dump(metadata(material), sort_keys=False, allow_unicode=False)
    return f"---\n{front}---\n\n" + "\n\n".join(part for part in parts if part).replace(GAP, " ") + "\n"


def metadata(material: Material) -> dict[str, Any]:
    """What the Hub reads at the head of the card: base, task, and the winner's figures on the test rows."""
    base = hub_name(material.contract["model"])
    winner = winner_of(material.lines)
    values: dict[str, Any] = {"library_name": "peft"} if winner is not None else {}
    if base is not None:
        values["base_model"] = base
    values |= {"pipeline_tag": "text-classification", "tags": ["text-classification", "finetooth"]}
    if winner is None:
        return values
    values["tags"] = ["text-classification", "lora", "finetooth"]
    test, args = winner.row["test"], {"examples": winner.row["test"]["examples"], "split": "test"}
    bounds = [round(bound, 6) for bound in winner.interval]
    metrics = [
        {"type": "accuracy", "value": test["accuracy"], "name": "Accuracy", "args": args | {"interval_95": bounds}},
        {"type": "f1", "value": test["macro_f1"], "name": "Macro F1", "args": args | {"average": "macro"}},
    ]
    result = {
        "task": {"type": "text-classification", "name": "Text classification"},
        "dataset": {"type": "private", "name": "the run's own test rows", "split": "test"},
        "metrics": metrics,
    }
    values["model-index"] = [{"name": shown(material.contract["run"]), "results": [result]}]
    return values


def _what(material: Material) -> Iterator[str]:
    winner, classes = winner_of(material.lines), material.classes
    model = _plain(short_model(material.contract["model"])) if material.contract["model"] else ""
    if winner is None:
        yield f"A run of Finetooth {_without_winner(material)}."
    else:
        folder = winner.row["name"] if winner.row["seed"] is None else f"{winner.row['name']}/seed-{winner.row['seed']}"
        yield f"- A text classifier: {model} with the LoRA adapter `rows/{folder}/adapter`, a standard PEFT folder."
        yield "- It was best on the validation rows; that was settled before any test row was scored."
        yield from _parameters(winner)
    names = ", ".join(_plain(shown(name, 40)) for name in classes[:_CLASSES])
    yield f"- {counted(len(classes), 'class', 'classes')}: {names}" + (", …" if len(classes) > _CLASSES else "")


def _without_winner(material: Material) -> str:
    """Why there is no winner with figures."""
    chosen = material.contract["winner"]
    if chosen is not None:
        return f"whose winner, {_plain(shown(chosen['name']))}, failed on the test rows; none takes its place"
    if all(line.row["kind"] != "candidate" for line in material.lines):
        return "without a candidate"
    return "without a candidate that ended well"


def _parameters(line: Line) -> Iterator[str]:
    counts = line.row["parameters"]
    if counts is None:
        return
    parts = ", ".join(f"{counts[part]:,} {part}" for part in ("adapter", "head", "bias"))
    peft = counts["peft_percent"]
    printed = "" if peft is None else f" (peft prints {peft:.4f} %, since it counts the head twice)"
    yield (
        f"- {counts['trainable']:,} trained parameters ({parts}) of {counts['total']:,}: "
        f"{counts['plain_percent']:.2f} %, each counted once{printed}."
    )


def _figures(material: Material) -> str:
    examples = material.contract["data"]["test"]
    lines = [
        f"Accuracy on {counted(examples, 'test row')}, with 95 % Wilson intervals.",
        "",
        "| row | trained | accuracy | 95 % interval | macro-F1 | vs best baseline | time |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for line in material.lines:
        lines.append(f"| {' | '.join(_cells(line))} |")
    told = heads_told(material.lines, others=True)
    return "\n".join([*lines, "", _plain(told)] if told else lines)


def _cells(line: Line) -> list[str]:
    name = _plain(shown(line.title)) + (" (chance)" if line.chance else "")
    trained = f"{line.trainable:,}" if line.trainable else ""
    if not line.done:
        return [name, trained, "failed", "", "", "", ""]
    spent, gain = line.row["train_seconds"], line.gain
    return [
        f"**{name}**" if line.winner else name,
        trained,
        percent(line.accuracy),
        interval(line.interval),
        percent(line.row["test"]["macro_f1"]),
        "" if gain is None else f"{points(gain[0])}, {p_value(gain[1])}",
        "" if spent is None else seconds(spent),
    ]


def _method(material: Material) -> Iterator[str]:
    data: Mapping[str, Any] = material.contract["data"]
    opened = times(material.contract["test_openings"])
    yield (
        f"- {counted(data['train'], 'training row')} fitted, {counted(data['validation'], 'validation row')} chose, "
        f"{counted(data['test'], 'test row')} report. The test set was opened {opened}."
    )
    yield "- Every candidate began from the same clean base; every figure comes from what was saved."
    reloads = [line.row["reload"] for line in material.lines if line.row["reload"] is not None]
    if reloads and all(reload["verified"] and reload["max_abs_logit_difference"] == 0 for reload in reloads):
        yield "- Each adapter was loaded again in a fresh process; its logits were bitwise those from before saving."
    gains = [(line.row["name"], line.gain[0]) for line in material.lines if line.gain is not None]
    if gains:
        test = f"exact McNemar test on the same test rows{family([name for name, _ in gains])}"
        yield f"- p: {test}. {which_p([gain for _, gain in gains])}"
    full = of_full((line.row, line.compared) for line in material.lines)
    if full is not None:
        yield f"- {full}"
    for text in of_probes(line.row for line in material.lines):
        yield f"- {_plain(shown(text, 400))}"
    for text in of_frozen(line.row for line in material.lines):
        yield f"- {_plain(shown(text, 400))}"
    cut = of_cut(material.contract)
    if cut is not None:
        yield f"- {cut}"
    if tempered(material.lines):
        yield f"- {TEMPERED}"
    if material.contract.get("inexact"):
        yield "- Inexact: something that decides the last bits changed on the way."
    packages = material.provenance.get("packages") or {}
    versions = ", ".join(f"{name} {version}" for name, version in packages.items() if version)
    if versions:
        yield f"- Versions: {_plain(versions)}."


def _limits(material: Material) -> Iterator[str]:
    yield "- The figures hold for texts like the test rows; nothing was measured on others."
    yield "- Intervals tell the chance of the test rows, not that of the seed."
    for said in of_rows(material.data):
        yield f"- {_plain(shown(said, 400))}"
    seeds = few_seeds(material.lines)
    if seeds is not None:
        yield f"- {seeds}"
    if material.contract["test_openings"] > 1:
        yield f"- The test set was opened {times(material.contract['test_openings'])}; each look wears it out."
    yield "- Openings are counted for one user on one machine; those elsewhere are not known here."
    for line in material.lines:
        for text in line.row.get("warnings", []):
            yield f"- {_plain(shown(line.title))}: {_plain(shown(text, 400))}"


def _plain(text: str) -> str:
    """`text` as Markdown shows it: none of its marks means anything."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
