"""The other parts of the report, one function each, in the order in which they stand on the page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from finetooth.report import charts, quality
from finetooth.report.curves import curves
from finetooth.report.disagreements import MOST_CHARACTERS
from finetooth.report.headline import Verdict, verdict_of
from finetooth.report.lines import Line, best_control_of, few_seeds, original_of, winner_of
from finetooth.report.markup import Safe, join, shown, table, tag
from finetooth.report.material import Material
from finetooth.report.measured import LEAST_RISE, slices
from finetooth.report.wording import (
    computed_in,
    counted,
    megabytes,
    of_rows,
    percent,
    seconds,
    short_model,
    times,
)

_LISTED = 20
_NARROW_MATRIX = 3  # classes of a matrix of which three stand side by side


def opening(material: Material, links: Sequence[tuple[str, str]]) -> Safe:
    """Verdict, facts and the way to the other parts. links: (id, heading) of each."""
    contract, data = material.contract, material.contract["data"]
    verdict: Verdict = verdict_of(material.comparison)
    facts = [
        ("model", shown(short_model(contract["model"])) if contract["model"] else "none"),
        ("training rows", f"{data['train']:,}"),
        ("validation rows", f"{data['validation']:,}"),
        ("test rows", f"{data['test']:,}"),
        ("test set opened", times(contract["test_openings"])),
        ("classes", f"{len(data['classes']):,}"),
    ]
    seeds = sorted({line.row["seed"] for line in material.lines} - {None})
    if seeds:
        facts.append(("seeds" if len(seeds) > 1 else "seed", ", ".join(map(str, seeds))))
    return tag(
        "header",
        tag("p", f"Finetooth report · {shown(contract['run'])}", class_="eyebrow"),
        tag("h1", verdict.headline),
        *(tag("p", text, class_="lead") for text in verdict.more),
        tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts), class_="facts"),
        tag("nav", tag("ul", *(tag("li", tag("a", name, href=f"#{to}")) for to, name in links)), aria_label="Parts"),
    )


def costs_section(material: Material) -> Safe:
    """Accuracy against what it cost."""
    figures = [charts.against(material.lines, what) for what in charts.AXES]
    shown_figures = [figure for figure in figures if figure is not None]
    if not shown_figures:
        return tag("p", "Fewer than two rows trained anything, so there is nothing to draw.")
    return tag("div", *shown_figures, class_="row-of-figures")


def curves_section(material: Material) -> Safe:
    """The course of tuning for each candidate and seed."""
    explanation = join(
        "Mean cross-entropy and accuracy of validation rows at each evaluation, and of the training rows since the one "
        "before, each row as it stood before its step (with dropout, where there is any). The ring marks the point "
        "that was kept: the best on validation rows, or with ",
        tag("code", "epochs: auto"),
        " the last. Where validation loss ended more "
        f"than {percent(LEAST_RISE, 0)} above its lowest while training loss fell, the stretch is shaded. All share "
        "one scale; that of accuracy need not begin at 0.",
    )
    return join(tag("p", explanation), tag("div", *curves(material.lines), class_="row-of-figures"))


def confusions_section(material: Material) -> Safe:
    """Confusion matrices and reliability of the winner, the best baseline and the original model."""
    chosen = _chosen(material.lines)
    matrices = [quality.confusion_matrix(line, material.said[line.key], material.classes) for line in chosen]
    diagrams = [quality.reliability_diagram(line, material.said[line.key], at) for at, line in enumerate(chosen)]
    count = len(material.classes)
    confused = "True classes in lines, answers in columns; shaded by the share of the true class."
    if count > quality.MOST_CLASSES:
        confused = (
            f"Of {count:,} classes, the pairs that each row mixes up most often, each with its share of the true class."
        )
    about = (
        "A row that knows how sure it may be lies on the dotted diagonal: of the answers given with 80 % confidence, "
        "80 % are right. Whiskers are 95 % intervals; the bars below count the test rows. Confidence is the "
        "probability of the answer, after the temperature of the adapter."
    )
    return join(
        tag("h3", "Confusion"),
        tag("p", confused),
        tag("div", *matrices, class_="row-of-figures thirds" if count <= _NARROW_MATRIX else "row-of-figures"),
        tag("h3", "Reliability"),
        tag("p", about),
        tag("div", *diagrams, class_="row-of-figures thirds"),
    )


def slices_section(material: Material) -> Safe:
    """Accuracy by class, length and column."""
    lines = [line for line in (winner_of(material.lines), best_control_of(material.lines)) if line is not None]
    lines = lines or [line for line in material.lines if line.done][:1]
    said = [material.said[line.key] for line in lines]
    found = slices(said, classes=material.classes, texts=material.test.texts, columns=material.test.slices)
    figures = [quality.slice_figure(by, parts, key=f"slice-{at}", lines=lines) for at, (by, parts) in enumerate(found)]
    about = (
        "Slices are looked at after the fact, and the more there are, the more of them differ by chance: take a gap as "
        "a hint. Length is counted in characters; whiskers are 95 % intervals."
    )
    return join(tag("p", about), _key(lines), tag("div", *figures, class_="row-of-figures"))


def browser_section(found: Mapping[str, Any], *, below: float | None) -> Safe:
    """The browser of rows; script.js fills it from the data beside it.

    found: as disagreements() gives it. below: the confidence below which the winner abstains, None where it never does.
    """
    here, total = len(found["rows"]), found["total"]
    part = (
        f"All {counted(total, 'such row')} are here."
        if here == total
        else f"{here:,} of {counted(total, 'such row')} are here, drawn evenly from each kind."
    )
    names = " or ".join(other["name"] for other in found["others"])
    about = (
        f"Test rows that {found['winner']} has right and {names} wrong, or the other way round. {part} "
        f"Texts are cut after {MOST_CHARACTERS:,} characters. "
        f"Answers and their confidence are as predict gives them{_abstaining(below)}."
    )
    orders = [
        ("file", "order of the file"), ("winner", "the winner most sure first"),
        ("unsure", "the winner least sure first"), ("short", "shortest first"), ("long", "longest first"),
    ]  # fmt: skip
    controls = tag(
        "div",
        _labelled("kind", "Rows", tag("select", id="kind"), look="long"),
        _labelled(
            "search",
            "Search text or row",
            tag("input", id="search", type="search", autocomplete="off", spellcheck="false"),
        ),
        _labelled("label", "True class", tag("select", id="label")),
        _labelled("answer", "The winner's answer", tag("select", id="answer")),
        _labelled(
            "order", "Order", tag("select", *(tag("option", text, value=value) for value, text in orders), id="order")
        ),
        class_="controls",
        role="search",
        aria_label="Search and filters of the rows",
    )
    return join(
        tag("p", about),
        tag("noscript", tag("p", "The rows are shown by a script that this page holds; it is switched off.")),
        tag(
            "div",
            controls,
            tag("p", id="status", role="status"),
            tag("ol", id="found", aria_label="Rows found"),
            tag("button", "Show more", id="more", type="button"),
            id="browser",
            hidden=True,
        ),
    )


def _abstaining(below: float | None) -> str:
    if below is None:
        return ""
    return f", but where the winner's confidence is below {percent(below)} it gives none: here stands what it would be"


def method_section(material: Material) -> Safe:
    """How the figures came about, and what the run was made with."""
    facts = [(name, value) for name, value in _method(material) if value]
    notes = [*of_rows(material.data), *map(str, material.data.get("notes", []))]
    accounts = material.data.get("rows", {})
    grid = table(
        ["split", "in", "used", "rejected", "dropped", "outside the limit"],
        [
            [
                split,
                *(
                    f"{number:,}"
                    for number in (a["in"], a["used"], a["rejected"], sum(a["dropped"].values()), a["outside"])
                ),
            ]
            for split, a in accounts.items()
        ],
        caption="Every row of the data: in = used + rejected + dropped + outside the limit",
    )
    return join(
        tag("dl", *(join(tag("dt", name), tag("dd", value)) for name, value in facts), class_="measured"),
        grid if accounts else None,
        tag("h3", "What was noticed in the data") if notes else None,
        tag("ul", *(tag("li", tag("bdi", shown(note, 400))) for note in notes[:_LISTED]), class_="prose")
        if notes
        else None,
    )


def closing(material: Material, *, holds_rows: bool) -> Safe:
    """The foot of the page."""
    version = (material.provenance.get("packages") or {}).get("finetooth")
    made = f"Made by Finetooth {version}." if version else "Made by Finetooth."
    rows = " It holds texts of your test rows: treat it as you treat your data." if holds_rows else ""
    return tag("footer", tag("p", f"{made} This page is one file and asks nothing of any other place.{rows}"))


def _chosen(lines: Sequence[Line]) -> list[Line]:
    """The winner, the best baseline and the original, each once; without any of them the first row that is done."""
    found: list[Line] = []
    for line in (winner_of(lines), best_control_of(lines), original_of(lines)):
        if line is not None and line.key not in [other.key for other in found]:
            found.append(line)
    return found or [line for line in lines if line.done][:1]


def _key(lines: Sequence[Line]) -> Safe:
    """Which mark is whose, drawn as in the charts."""
    shapes = {
        "control": tag("path", d="M0 7L6 1L12 7L6 13Z", class_="dot"),
        "winner": tag("circle", cx=6, cy=7, r=5, class_="dot winner"),
        "other": tag("circle", cx=6, cy=7, r=5, class_="dot other"),
    }
    items = []
    for line in lines:
        look = charts.look_of(line)
        drawn = tag(
            "svg", tag("g", shapes[look], class_=look), width=12, height=14, class_="plot-key plot", aria_hidden="true"
        )
        items.append(
            tag(
                "li",
                drawn,
                tag("bdi", shown(line.title)),
                {"winner": ", winner", "control": ", best baseline"}.get(look, ""),
            )
        )
    return tag("ul", *items, class_="key")


def _labelled(to: str, text: str, field: Safe, *, look: str | None = None) -> Safe:
    return tag("div", tag("label", text, for_=to), field, class_=look)


def _method(material: Material) -> Iterator[tuple[str, str | None]]:
    """(what, how it was done), a None where nothing is known."""
    data, provenance = material.data, material.provenance
    yield "Splits", "Training rows fit, validation rows choose, test rows report. No test row influenced a choice."
    yield "Test set", f"{material.contract['test_id'][:16]}…, opened {times(material.contract['test_openings'])}."
    checked = [line for line in material.lines if line.row["reload"] is not None]
    if checked and all(line.row["reload"]["verified"] for line in checked):
        yield (
            "Reload",
            (
                "Every figure of a tuned row comes from its saved adapter, loaded again in a fresh process; its logits "
                "were held against those from before saving."
            ),
        )
    yield "Intervals", "Wilson score intervals at 95 %; they tell the chance of the test rows, not of the seed."
    yield "Seeds", few_seeds(material.lines)
    files = [f"{fact['file']} ({fact['rows']:,} rows)" for fact in data.get("files", [])]
    yield "Files", ", ".join(shown(name) for name in files[:_LISTED]) + (" …" if len(files) > _LISTED else "") or None
    columns = {key: value["name"] for key, value in (data.get("columns") or {}).items()}
    yield "Columns", ", ".join(f"{key}: {shown(str(name))}" for key, name in columns.items()) or None
    yield (
        "Classes",
        ", ".join(shown(name, 40) for name in material.classes[:_LISTED])
        + (" …" if len(material.classes) > _LISTED else ""),
    )
    packages = provenance.get("packages") or {}
    yield "Versions", ", ".join(f"{name} {version}" for name, version in packages.items() if version) or None
    yield "Processor", provenance.get("processor")
    gpu = (provenance.get("device") or {}).get("gpu")
    if gpu is not None:
        yield "Tuned on", f"{shown(gpu)}; every evaluation on the processor."
    training = "Products of training without padding in bfloat16." if provenance.get("precision") == "bfloat16" else ""
    yield "Precision", " ".join(filter(None, [training, computed_in(material.contract["rows"])])) or None
    spent = material.contract["step_seconds"]
    yield "Time of all steps", seconds(sum(spent.values())) if spent else None
    most = material.contract["peak_bytes"]
    yield "Memory", f"{megabytes(most)} at most, of the command and a row's process together." if most else None
