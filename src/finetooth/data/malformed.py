"""Malformed rows: what is wrong with each. They are counted, and reported together or written to a file."""

import json
from collections import Counter
from pathlib import Path
from typing import Literal, NamedTuple

from finetooth import files
from finetooth.errors import DataError
from finetooth.wording import counted

SHOWN = 5
_WRITTEN_CHARACTERS = 10_000


class Fault(NamedTuple):
    """Why a row cannot be used. kind: faults of one kind share their advice. what: the fault, as a clause."""

    kind: str
    what: str
    advice: str


class Malformed(NamedTuple):
    """A row that cannot be read: why, and its content."""

    fault: Fault
    content: object


class Rejects:
    """The malformed rows of a run, in the order in which they were read."""

    def __init__(self, policy: Literal["stop", "skip"]) -> None:
        self.policy = policy
        self.counts: Counter[str] = Counter()  # by split
        self._lines: list[str] = []
        self._faults: dict[str, tuple[Fault, list[str], int]] = {}  # by kind: the first, lines to show, count

    def add(self, fault: Fault, *, split: str, name: str, row: int, content: object) -> None:
        """Record one malformed row of the file `name`."""
        self.counts[split] += 1
        first, shown, count = self._faults.get(fault.kind, (fault, [], 0))
        if len(shown) < SHOWN:
            shown.append(f"{name} row {row}: {fault.what}")
        self._faults[fault.kind] = (first, shown, count + 1)
        if self.policy == "skip":
            row_text = content if isinstance(content, str) else repr(content)
            row_text = row_text[:_WRITTEN_CHARACTERS].encode(errors="backslashreplace").decode()
            line = {"id": f"{name}:{row}", "split": split, "kind": fault.kind, "why": fault.what, "row": row_text}
            self._lines.append(json.dumps(line, ensure_ascii=False).encode(errors="backslashreplace").decode() + "\n")

    def check(self) -> None:
        """Check that no row is malformed, unless the policy is to skip such rows.

        Raises: DataError with the file and row of the first faults of each kind, their number and what to do.
        """
        if self.policy == "skip" or not self._faults:
            return
        parts = []
        for fault, shown, count in self._faults.values():
            more = [f"... and {count - len(shown):,} more rows like these."] if count > len(shown) else []
            parts.append("\n".join([*shown, *more, fault.advice]))
        total = sum(self.counts.values())
        parts.append(
            f"{counted(total, 'malformed row')} in all. To skip such rows, count them and write them to a file: "
            "data.on_bad_row: skip"
        )
        raise DataError("\n".join(parts))

    def kinds(self) -> dict[str, int]:
        """The number of rows with each kind of fault."""
        return {kind: count for kind, (_, _, count) in self._faults.items()}

    def write(self, path: Path | None) -> None:
        """Write the malformed rows to `path` as JSON lines. If there are none, remove an older file at `path`."""
        if path is None:
            return
        if self._lines:
            files.write_file(path, "".join(self._lines).encode())
        else:
            path.unlink(missing_ok=True)
