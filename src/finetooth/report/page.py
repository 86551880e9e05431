"""report.html: one file that needs no other, of what a run measured and of the rows that tell its rows apart."""

import base64
import hashlib
from importlib import resources

from finetooth.report import sections
from finetooth.report.disagreements import disagreements, embedded
from finetooth.report.lines import abstains_below
from finetooth.report.listing import rows_section
from finetooth.report.markup import NO_ICON, Safe, join, shown, tag
from finetooth.report.material import Material


def page(material: Material) -> str:
    """The whole page as text."""
    style, script = part("style.css"), part("script.js")
    found = disagreements(material)
    parts = [
        ("rows", "All rows", rows_section(material)),
        ("costs", "What it cost", sections.costs_section(material)),
    ]
    if any(line.row["curve"] for line in material.lines):
        parts.append(("tuning", "How tuning went", sections.curves_section(material)))
    if material.said:
        parts.append(("answers", "Right and wrong", sections.confusions_section(material)))
        parts.append(("slices", "Slices", sections.slices_section(material)))
    if found is not None:
        parts.append(("browse", "Row by row", sections.browser_section(found, below=abstains_below(material.lines))))
    parts.append(("method", "How it was measured", sections.method_section(material)))
    body = [
        tag("a", "Skip to the table", href="#rows", class_="skip"),
        tag(
            "main",
            sections.opening(material, [(key, heading) for key, heading, _ in parts]),
            *(
                tag(
                    "section", tag("h2", heading, id=f"{key}-heading"), inside, id=key, aria_labelledby=f"{key}-heading"
                )
                for key, heading, inside in parts
            ),
        ),
        sections.closing(material, holds_rows=found is not None),
    ]
    if found is not None:
        # The data is not run by a browser; what could end its element or begin another is escaped in it.
        body.append(tag("script", Safe(embedded(found)), type="application/json", id="rows-data"))
        body.append(tag("script", Safe(script)))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href=NO_ICON),  # else a browser asks the page's server for one
        tag("title", f"{shown(material.contract['run'])}: Finetooth report"),
        tag("style", Safe(style)),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', join(*body)), lang='en').text}\n"


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy by which only our one style and one script count, and nothing is fetched."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def part(name: str) -> str:
    """The text of a style or script of ours, to stand inside its element."""
    # Line ends as a browser reads them, whatever the check-out made of them: the policy's hash is over those.
    text = resources.files("finetooth.report").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")
    assert "</" not in text, f"{name} would end its element"
    return text
