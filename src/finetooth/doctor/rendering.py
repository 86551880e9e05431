"""Render a diagnosis for the terminal, 80 columns wide: the adapter, each finding with its fix, the verdict."""

from typing import Any

from finetooth.doctor.diagnosis import Diagnosis, Finding
from finetooth.wording import counted, wrapped

_ABOUT = 9


def render(diagnosis: Diagnosis) -> str:
    """The diagnosis as plain text; a command has a line of its own, unbroken."""
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
    first = f"{finding.kind:<5}  {finding.about:<{_ABOUT}}"
    indent = " " * len(first)
    lines = [
        wrapped(finding.what, first=first, rest=indent),
        wrapped(f"Fix: {finding.fix}", first=indent, rest=indent),
    ]
    return [*lines, f"{indent}{finding.command}"] if finding.command else lines
