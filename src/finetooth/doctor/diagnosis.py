"""The result of an examination: findings, the diagnosis of a folder, and its text for the terminal."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from finetooth.wording import counted, wrapped


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


def render(diagnosis: Diagnosis) -> str:
    """The diagnosis as plain text, 80 columns wide; a command has a line of its own, unbroken."""
    faults = sum(finding.kind == "fault" for finding in diagnosis.findings)
    notes = len(diagnosis.findings) - faults
    lines = [wrapped(f"{diagnosis.name}: {_what(diagnosis.adapter)}")]
    for finding in diagnosis.findings:
        lines += ["", *_finding(finding)]
    verdict = "Passed" if diagnosis.passed else "Failed"
    return "\n".join([*lines, "", f"{verdict}: {counted(faults, 'fault')}, {counted(notes, 'note')}."])


def _what(adapter: dict[str, Any]) -> str:
    layers, family = adapter["layers"], adapter["family"]
    parts = [
        adapter["peft_type"],
        f"rank {adapter['rank']}" if adapter["rank"] is not None else None,
        counted(layers, "layer") + (f" of a {family}" if family else "") if layers else None,
        adapter["task_type"],
        f"base {adapter['base_model_name_or_path']}" if adapter["base_model_name_or_path"] else None,
        f"{counted(adapter['tensors'], 'tensor')}, {adapter['values']:,} values" if adapter["tensors"] else None,
    ]
    return ", ".join(part for part in parts if part) or "no readable configuration or weights"


def _finding(finding: Finding) -> list[str]:
    first = f"{finding.kind:<5}  {finding.about:<9}"
    indent = " " * len(first)
    lines = [
        wrapped(finding.what, first=first, rest=indent),
        wrapped(f"Fix: {finding.fix}", first=indent, rest=indent),
    ]
    return [*lines, f"{indent}{finding.command}"] if finding.command else lines
