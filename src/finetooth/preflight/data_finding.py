"""A finding on the data: what is wrong, how severe it is, which rows it concerns, and what to do."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Severity = Literal["stop", "warn", "note"]
SEVERITIES: tuple[Severity, ...] = ("stop", "warn", "note")
SPLITS = ("train", "validation", "test")
# The name of a split before the word "row".
OF_SPLIT = {"train": "training", "validation": "validation", "test": "test"}


class FlaggedRow(NamedTuple):
    """A row that a finding names. advice: what to do with it; label: the suggested label, or None."""

    id: str
    split: str
    advice: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding. code: stable, snake_case. says: one sentence with counts. advice: what to do. rows: all it concerns.

    severity: stop: a run would be meaningless and is refused. warn: the results or the model will be worse. note: for
    information.
    """

    code: str
    severity: Severity
    says: str
    advice: str
    rows: tuple[FlaggedRow, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The finding in the form of `check --json` (docs/check.md)."""
        return {**self.in_short(), "rows": [row._asdict() for row in self.rows]}

    def in_short(self) -> dict[str, Any]:
        """The finding in the form of a run's data.json: with the number of rows instead of the rows."""
        return {
            "code": self.code, "severity": self.severity, "says": self.says, "advice": self.advice,
            "rows_named": len(self.rows),
        }  # fmt: skip


def file_and_number(row_id: str) -> tuple[str, int]:
    """The file and the row number of an id `file:row`, as a sort key that puts row 9 before row 10."""
    file, _, number = row_id.rpartition(":")
    return file, int(number)
