"""One thing that was found in the data: what it is, how bad, which rows, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Severity = Literal["stop", "warn", "note"]
SEVERITIES: tuple[Severity, ...] = ("stop", "warn", "note")
SPLITS = ("train", "validation", "test")
# How a split is called before the word "row".
OF_SPLIT = {"train": "training", "validation": "validation", "test": "test"}


class Row(NamedTuple):
    """A row that a finding names. advice: what could be done with it; label: the one suggested for it, where one is."""

    id: str
    split: str
    advice: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """code: stable, snake_case. says: one sentence with counts. advice: what to do. rows: those it names, all of them.

    stop: a run would be without meaning and is refused. warn: figures or the model will suffer. note: good to know.
    """

    code: str
    severity: Severity
    says: str
    advice: str
    rows: tuple[Row, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The finding as `check --json` gives it (docs/check.md)."""
        rows = [{"id": row.id, "split": row.split, "advice": row.advice, "label": row.label} for row in self.rows]
        return {**self.in_short(), "rows": rows}

    def in_short(self) -> dict[str, Any]:
        """The finding as data.json of a run holds it: with the number of rows in their place."""
        return {
            "code": self.code,
            "severity": self.severity,
            "says": self.says,
            "advice": self.advice,
            "rows_named": len(self.rows),
        }


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by severity; those of one severity stay in their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def place(row_id: str) -> tuple[str, int]:
    """File and row number of an id `file:row`, so that row 9 comes before row 10."""
    file, _, number = row_id.rpartition(":")
    return file, int(number)
