"""HTML from templates that escape every value; an unknown name in a template is an error."""

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
    """A style sheet or script of this package, to be put inside its element."""
    # Line ends as a browser reads them, because the policy holds a hash of the text.
    text = resources.files("finetooth.report").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")
    assert "</" not in text, f"{name} would end its element"
    return text


def _figure(text: str) -> str:
    """A figure with no-break spaces and true minus signs."""
    return _MINUS.sub("\N{MINUS SIGN}", text.rstrip()).replace(" ", TIE)


def _readable(value: Any) -> Any:
    """A text without what HTML may not hold: control characters and surrogates."""
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
