"""What the doctor found: one finding, and the diagnosis of a folder."""

from dataclasses import asdict, dataclass
from typing import Any, Literal


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


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The findings, faults first. name: of the folder. adapter: what its files say about it."""

    name: str
    adapter: dict[str, Any]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether there is no fault; notes are allowed."""
        return all(finding.kind != "fault" for finding in self.findings)

    def report(self) -> dict[str, Any]:
        """The diagnosis as JSON."""
        return {
            "schema": 1,
            "name": self.name,
            "passed": self.passed,
            "adapter": self.adapter,
            "findings": [asdict(finding) for finding in self.findings],
        }


def fault(about: str, what: str, fix: str, *, command: str = "") -> Finding:
    """A finding of kind `fault`."""
    return Finding("fault", about, what, fix, command)


def note(about: str, what: str, fix: str) -> Finding:
    """A finding of kind `note`."""
    return Finding("note", about, what, fix)
