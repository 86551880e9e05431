"""README.md of a run folder: a model card in the Hub's format, with measured values and no row of the user's data."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from finetooth.report import columns
from finetooth.report.material import Material
from finetooth.report.notes import cost, facts, notes, warnings
from finetooth.report.view import RunView
from finetooth.sources import hub_name
from finetooth.wording import percent, short_model, shown

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~&$]|^[-+])")
_RATES = (columns.TRAINED, columns.ACCURACY, columns.INTERVAL, columns.MACRO_F1)
_BESIDE = (columns.GAIN_AND_P, columns.TIME, columns.SETTINGS_TRIED)


def card(material: Material) -> str:
    """The card as text."""
    run = material.run
    parts = [
        f"# {_plain(run.name)}",
        *(_plain(text) for text in (run.headline, run.more, cost(run))),
        "## What it is",
        "\n".join(_what(run)),
        "## Figures",
        "\n".join(_figures(run)),
        "## How it was measured",
        "\n".join(_method(material)),
        "## Limits",
        "\n".join(f"- {_plain(text)}" for text in _limits(material)),
    ]
    front = yaml.safe_dump(_metadata(run), sort_keys=False, allow_unicode=False)
    return f"---\n{front}---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def _metadata(run: RunView) -> dict[str, Any]:
    """The fields that the Hub reads: base, task, and the winner's figures on the test rows."""
    base, figures = hub_name(run.model), run.winner.figures if run.winner else None
    values: dict[str, Any] = {} if base is None else {"base_model": base}
    values |= {"pipeline_tag": "text-classification", "tags": ["text-classification", "finetooth"]}
    if figures is None:
        return values
    values |= {"library_name": "peft", "tags": ["text-classification", "lora", "finetooth"]}
    args = {"examples": figures.examples, "split": "test"}
    bounds = [round(bound, 6) for bound in figures.interval]
    metrics = [
        {"type": "accuracy", "value": figures.accuracy, "name": "Accuracy", "args": args | {"interval_95": bounds}},
        {"type": "f1", "value": figures.macro_f1, "name": "Macro F1", "args": args | {"average": "macro"}},
    ]
    result = {
        "task": {"type": "text-classification", "name": "Text classification"},
        "dataset": {"type": "private", "name": "the run's own test rows", "split": "test"},
        "metrics": metrics,
    }
    return values | {"model-index": [{"name": shown(run.name), "results": [result]}]}


def _what(run: RunView) -> Iterator[str]:
    winner = run.winner
    if winner is None:
        yield f"A run of Finetooth {_without_winner(run)}."
        return
    folder = winner.name if winner.seed is None else f"{winner.name}/seed-{winner.seed}"
    model = _plain(short_model(run.model)) if run.model else ""
    yield f"- A text classifier: {model} with the LoRA adapter `rows/{folder}/adapter`, a standard PEFT folder."
    counts = winner.parameters
    if counts is not None:
        printed = "" if counts.peft_percent is None else (
            f" (peft prints {percent(counts.peft_percent / 100, 4)}, since it counts the head twice)"
        )  # fmt: skip
        yield (
            f"- {counts.trainable:,} trained parameters ({counts.adapter:,} adapter, {counts.head:,} head, "
            f"{counts.bias:,} bias) of {counts.total:,}: {percent(counts.trainable / counts.total, 2)}, each counted "
            f"once{printed}."
        )


def _without_winner(run: RunView) -> str:
    """Why there is no winner with figures."""
    if run.chosen is not None:
        return (
            f"whose winner, {_plain(shown(run.chosen[0]))}, failed on the test rows; no other candidate is chosen "
            "instead"
        )
    if all(row.role != "candidate" for row in run.rows):
        return "without a candidate"
    return "without a candidate that ended well"


def _figures(run: RunView) -> Iterator[str]:
    shown_columns = [*columns.with_metric(run, _RATES), *_BESIDE]
    yield f"Accuracy on {_plain(run.tested)}, with 95 % intervals."
    yield ""
    yield f"| row | {' | '.join(column.title for column in shown_columns)} |"
    yield f"| --- |{' ---: |' * len(shown_columns)}"
    for row in run.rows:
        name = _plain(row.title + row.marks)
        figures = [column.cell(row).text for column in shown_columns]
        yield f"| {' | '.join([f'**{name}**' if row.is_winner else name, *figures])} |"


def _method(material: Material) -> Iterator[str]:
    for text in notes(material.run, beside_accuracy=True):
        yield f"- {_plain(shown(text, 400))}"
    for fact in facts(material.run, material.data, material.provenance):
        if not fact.private:
            yield f"- {fact.name}: {_plain(fact.text)}"


def _limits(material: Material) -> Iterator[str]:
    run = material.run
    yield "The figures hold for texts like the test rows; nothing was measured on others."
    if run.test_rows_seen or run.test_runs_seen:
        yield (
            f"Test set: {run.test_use}. Each use makes the figures less reliable, because people choose settings by "
            "what they saw."
        )
    yield "Uses of the test rows by other users or on other machines are not counted."
    yield from (shown(text, 400) for text in warnings(run))


def _plain(text: str) -> str:
    """`text` with every mark of Markdown escaped."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
