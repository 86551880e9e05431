"""HTML from templates that escape whatever is put into them; an unknown name in one is an error."""

import itertools
import re
import unicodedata
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from finetooth.wording import TIE, tied

_MINUS = re.compile(r"(?<!\w)-(?=\d)")


def rendered(template: str, **values: Any) -> str:
    """The text of a template of this package, filled in."""
    return _TEMPLATES.get_template(template).render(values)


def part(name: str) -> str:
    """A style or script of ours, to stand inside its element."""
    # Line ends as a browser reads them, whatever the check-out made of them: the policy's hash is over those.
    text = resources.files("finetooth.report").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")
    assert "</" not in text, f"{name} would end its element"
    return text


def _figure(text: str) -> str:
    """A figure with no-break spaces and the sign of a minus."""
    return _MINUS.sub("\N{MINUS SIGN}", text.rstrip()).replace(" ", TIE)


def _readable(value: Any) -> Any:
    """A text without what HTML may not hold: control characters and halves of a character."""
    if not isinstance(value, str) or hasattr(value, "__html__") or value.isprintable():
        return value
    return "".join(
        "\ufffd" if unicodedata.category(mark) in ("Cc", "Cs") and mark not in "\n\t" else mark for mark in value
    )


_TEMPLATES = Environment(
    loader=PackageLoader("finetooth.report"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_readable,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {"figure": _figure, "tied": tied, "pairwise": lambda values: list(itertools.pairwise(values))}
