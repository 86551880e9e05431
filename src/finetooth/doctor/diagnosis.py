"""One thing that the doctor found."""

from dataclasses import dataclass
from typing import Literal


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
