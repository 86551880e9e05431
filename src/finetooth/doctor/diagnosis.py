"""One finding of the doctor, and how values and names are shown in it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """kind: a `fault` changes what the adapter computes or prevents loading it; a `note` is worth knowing.

    about: the topic, in one word. what: a sentence or two. fix: how to correct it. command: a shell command that
    corrects it, or empty.
    """

    kind: Literal["fault", "note"]
    about: str
    what: str
    fix: str
    command: str = ""


def fault(about: str, what: str, fix: str, *, command: str = "") -> Finding:
    """A finding of kind `fault`."""
    return Finding("fault", about, what, fix, command)


def note(about: str, what: str, fix: str) -> Finding:
    """A finding of kind `note`."""
    return Finding("note", about, what, fix)
