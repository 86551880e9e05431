"""One thing that the doctor found."""

import reprlib
from dataclasses import dataclass
from typing import Any, Literal

_SHOWN = 60
_REPR = reprlib.Repr()  # bounded in depth and breadth: the value is a stranger's
_REPR.maxlevel = _REPR.maxdict = _REPR.maxlist = 8
_REPR.maxstring = _REPR.maxlong = _REPR.maxother = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """kind: a `fault` changes what the adapter computes or keeps it from being loaded; a `note` is worth knowing.

    about: what it concerns, in one word. what: a sentence or two. mend: how to put it right. command: a shell command
    that does so, or empty.
    """

    kind: Literal["fault", "note"]
    about: str
    what: str
    mend: str
    command: str = ""


def fault(about: str, what: str, mend: str, *, command: str = "") -> Finding:
    """A finding that makes the adapter not whole."""
    return Finding("fault", about, what, mend, command)


def note(about: str, what: str, mend: str) -> Finding:
    """A finding that leaves the adapter whole."""
    return Finding("note", about, what, mend)


def shown(value: Any) -> str:
    """A stranger's value, short enough for a sentence."""
    text = _REPR.repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def listed(names: list[str], most: int = 3) -> str:
    """The first of `names`, and how many more there are: `a, b, c and 4 more`."""
    some = ", ".join(name if len(name) <= 2 * _SHOWN else f"{name[: 2 * _SHOWN]}..." for name in names[:most])
    return f"{some} and {len(names) - most:,} more" if len(names) > most else some


def count(number: int, thing: str) -> str:
    """`1 tensor`, `2 tensors`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
