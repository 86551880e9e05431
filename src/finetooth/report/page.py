"""report.html and README.md of a run folder. The report is one file: the figures of a run and its wrong answers."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from finetooth.evaluation.seeds import FEW_SEEDS
from finetooth.report import charts, columns, quality
from finetooth.report.curves import LEAST_RISE, curves
from finetooth.report.disagreements import MOST_CHARACTERS, disagreements, embedded
from finetooth.report.html import part, rendered
from finetooth.report.learning_chart import learning_chart
from finetooth.report.material import Material
from finetooth.report.measured import slices
from finetooth.report.notes import cost, facts, mean_and_deviation, notes, warnings
from finetooth.report.plots import Table, cells
from finetooth.report.tables import table_of
from finetooth.report.view import Pooled, RowView, RunView
from finetooth.wording import counted, p_value, percent, short_model, shown

_LISTED = 20
_RATES = (columns.MACRO_F1, columns.LOSS, columns.CALIBRATION_ERROR)


def page(material: Material) -> str:
    """The page as text."""
    run, style, script = material.run, part("style.css"), part("script.js")
    browser, looked_at = disagreements(material), run.looked_at
    both = [row for row in (run.winner, run.best_baseline) if row is not None] or run.done[:1]
    costs = [*columns.parts(run), columns.SHARE_TRAINED, columns.TIME, columns.PEAK_MEMORY, columns.ADAPTER_SIZE]
    return rendered(
        "page.html",
        run=run,
        style=style,
        script=script,
        policy=policy(style, script),
        cost=cost(run),
        opening=_opening(run),
        ladder=charts.ladder(run) if run.done else None,
        rows=table_of(
            run,
            [*columns.MEASURED, *columns.with_metric(run, _RATES), columns.SETTINGS_TRIED],
            f"Every row, on the same {run.tested}",
        ),
        notes=notes(run, beside_accuracy=True),
        warnings=warnings(run),
        pooled=_pooled(run) if run.pooled else None,
        spent=table_of(run, [*costs, columns.LATENCY], "Parameters, time and memory of every row"),
        by_peft=any(row.parameters and row.parameters.peft_percent is not None for row in run.rows),
        costs=[figure for what in charts.AXES if (figure := charts.against(run, what)) is not None],
        curves=curves(run),
        learning=learning_chart(run),
        least_rise=percent(LEAST_RISE, 0),
        confusions=[quality.confusion_of(row, material.answers[row.key], run.classes) for row in looked_at],
        reliability=[
            quality.reliability_diagram(row, material.answers[row.key], at, units=material.units)
            for at, row in enumerate(looked_at)
        ],
        sliced=[(row, charts.look_of(row)) for row in both],
        slices=_slices(material, both) if both else [],
        browser=browser,
        embedded=embedded(browser),
        here="" if browser is None else _here(browser),
        most_characters=MOST_CHARACTERS,
        below=None if run.abstains_below is None else percent(run.abstains_below),
        facts=facts(run, material.data, material.provenance),
        accounts=_accounts(material.data.get("rows", {})),
        noticed=_noticed(material.data),
        version=(material.provenance.get("packages") or {}).get("finetooth"),
    )


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy that allows only our style and our script and fetches nothing."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _opening(run: RunView) -> list[tuple[str, str]]:
    facts_shown = [
        ("model", shown(short_model(run.model)) if run.model else "none"),
        ("training rows", f"{run.train:,}"),
        ("validation rows", f"{run.validation:,}"),
        ("test rows", f"{run.test:,}"),
        ("test set", run.test_use),
        ("classes", f"{len(run.classes):,}"),
    ]
    if run.seeds:
        facts_shown.append(("seeds" if len(run.seeds) > 1 else "seed", ", ".join(map(str, run.seeds))))
    return facts_shown


def _slices(material: Material, rows: list[RowView]) -> list[Any]:
    answers, test = [material.answers[row.key] for row in rows], material.test
    every = slices(answers, classes=material.run.classes, texts=test.texts, columns=test.slices, units=material.units)
    return [quality.slice_figure(by, parts, key=f"slice-{at}", rows=rows) for at, (by, parts) in enumerate(every)]


def _pooled(run: RunView) -> Table:
    """Means over seeds, by the metric of the verdict; from FEW_SEEDS on with the differences to the best baseline."""
    unit, title = run.metric.unit, run.metric.title
    heads = ["row", "seeds", f"mean {title}", "standard deviation"]
    rows = [[one.name, f"{one.seeds:,}", *mean_and_deviation(one, run.metric)] for one in run.pooled]
    if any(map(_is_compared, run.pooled)):
        heads += ["vs best baseline", "95 % interval", "p"]
        for one, row in zip(run.pooled, rows, strict=True):
            row += ["", "", ""]
            if _is_compared(one) and one.difference is not None and one.interval is not None and one.p is not None:
                low, high = (columns.difference(end, unit) for end in one.interval)
                row[-3:] = [columns.difference(one.difference, unit), f"{low} to {high}", p_value(one.p)]
    caption = f"Mean {title} over seeds, with the standard deviation" + " in percentage points" * (unit == "share")
    return Table(columns=heads, rows=[cells(*row) for row in rows], caption=caption)


def _is_compared(one: Pooled) -> bool:
    return one.seeds >= FEW_SEEDS and one.interval is not None


def _here(browser: Mapping[str, Any]) -> str:
    """How many of the rows that only one has right are on the page."""
    here, total = len(browser["rows"]), browser["total"]
    if here == total:
        return f"All {counted(total, 'such row')} are here."
    return f"{here:,} of {counted(total, 'such row')} are here, drawn evenly from each kind."


def _accounts(accounts: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """Where every row of the data went."""
    rows = [
        cells(split, *(f"{count:,}" for count in (
            one["in"], one["used"], one["rejected"], sum(one["dropped"].values()), one["outside"],
        )))
        for split, one in accounts.items()
    ]  # fmt: skip
    caption = "Every row of the data: in = used + rejected + dropped + outside the limit"
    columns_of = ["split", "in", "used", "rejected", "dropped", "outside the limit"]
    return Table(columns=columns_of, rows=rows, caption=caption) if rows else None


def _noticed(data: Mapping[str, Any]) -> list[str]:
    return [shown(str(note), 400) for note in data.get("notes", [])][:_LISTED]
