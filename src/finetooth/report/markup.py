"""HTML and SVG that what they show cannot break: texts are escaped where they enter, names and addresses are ours."""

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

VOID = frozenset({"meta", "link", "br", "hr", "input", "col"})
NO_ICON = "data:,"  # the one address besides places on the page: an empty picture
_NAME = re.compile(r"[a-z][A-Za-z0-9-]*")
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "data", "poster", "srcset", "xlink-href"})
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Safe:
    """Markup made by this module; any other text is escaped when it is put into it."""

    text: str


Child = Safe | str | None
Value = str | int | float | bool | None


def tag(name: str, /, *children: Child, **attributes: Value) -> Safe:
    """An element. `class_` and `for_` stand for class and for, `_` inside a name for `-`; None and False leave it out.

    Attributes that could act (style, on…) or fetch (an address outside the page) are refused: a defect of ours.
    """
    assert _NAME.fullmatch(name), name
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        assert not children, name
        return Safe(f"<{name}{written}>")
    return Safe(f"<{name}{written}>{join(*children).text}</{name}>")


def join(*children: Child) -> Safe:
    """The children one after the other."""
    return Safe("".join(_escaped(child) for child in children))


def shown(name: str, most: int = _SHOWN) -> str:
    """A name from the user (label, column, file, row) as one line of at most `most` characters.

    What could turn or hide the text around it (control and bidirectional marks) is shown as U+FFFD.
    """
    calm = "".join(" " if mark.isspace() else _calm(mark) for mark in name)
    return calm if len(calm) <= most else calm[: most - 1] + "…"


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Child]],
    *,
    caption: str,
    words: int = 1,
    marked: int | None = None,
    quiet: bool = False,
    look: str | None = None,
) -> Safe:
    """A table that scrolls inside itself; its first column heads the rows.

    words: columns from the left that hold words, not figures. marked: the row set off. quiet: caption for readers of
    the page by ear only, where a heading beside it says the same. look: a class of the style sheet.
    """
    head = tag(
        "tr", *(tag("th", name, scope="col", class_=None if at < words else "n") for at, name in enumerate(columns))
    )
    body = [
        tag("tr", *(_cell(value, at, words) for at, value in enumerate(row)), class_="marked" if at == marked else None)
        for at, row in enumerate(rows)
    ]
    inside = tag(
        "table",
        tag("caption", caption, class_="unseen" if quiet else None),
        tag("thead", head),
        tag("tbody", *body),
        class_=look,
    )
    return tag("div", inside, class_="wide", tabindex=0, role="region", aria_label=caption)


def details(summary: str, *children: Child) -> Safe:
    """A part that opens on demand."""
    return tag("details", tag("summary", summary), *children)


def _cell(value: Child, at: int, words: int) -> Safe:
    if at == 0:
        return tag("th", value, scope="row")
    return tag("td", value, class_=None if at < words else "n")


def _attribute(key: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    assert _NAME.fullmatch(name) and name != "style" and not name.startswith("on"), name
    if value is True:
        return f" {name}"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    assert name not in _ADDRESSES or text == NO_ICON or re.fullmatch(r"#[a-z0-9-]+", text), f"{name}={text}"
    return f' {name}="{html.escape(_readable(text))}"'


def _escaped(child: Child) -> str:
    if child is None:
        return ""
    return child.text if isinstance(child, Safe) else html.escape(_readable(child))


def _readable(text: str) -> str:
    """`text` without what HTML may not hold: control characters and halves of a character."""
    if text.isprintable():
        return text
    return "".join(
        "\ufffd" if unicodedata.category(mark) in ("Cc", "Cs") and mark not in "\n\t" else mark for mark in text
    )


def _calm(mark: str) -> str:
    # Cf holds the bidirectional marks; the two joiners that scripts and emoji need stay.
    return mark if mark in "\u200c\u200d" or unicodedata.category(mark) not in ("Cc", "Cf", "Cs") else "\ufffd"
