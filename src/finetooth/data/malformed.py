"""Malformed rows: what is wrong with each, shown together, counted, and written aside."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Literal, NamedTuple

from finetooth import files
from finetooth.errors import DataError
from finetooth.wording import counted

SHOWN = 5
_ASIDE_CHARACTERS = 10_000


class Fault(NamedTuple):
    """Why a row cannot be used: a kind (faults of one kind share their advice), what was found, how to mend it."""

    kind: str
    what: str
    advice: str


class Malformed(NamedTuple):
    """Stands in for the values of a row that cannot be read."""

    fault: Fault
    content: Any


class Rejects:
    """The malformed rows of a run, in the order they were met."""

    def __init__(self, policy: Literal["stop", "skip"]) -> None:
        self.policy = policy
        self.counts: Counter[str] = Counter()  # by split
        self._lines: list[str] = []
        self._met: dict[str, tuple[Fault, list[str], int]] = {}

    def add(self, fault: Fault, *, split: str, name: str, row: int, content: Any) -> None:
        """Note one malformed row of the file `name`."""
        self.counts[split] += 1
        first, shown, count = self._met.get(fault.kind, (fault, [], 0))
        if len(shown) < SHOWN:
            shown.append(f"{name} row {row}: {fault.what}")
        self._met[fault.kind] = (first, shown, count + 1)
        if self.policy == "skip":
            held = content if isinstance(content, str) else repr(content)
            held = held[:_ASIDE_CHARACTERS].encode(errors="backslashreplace").decode()
            line = {"id": f"{name}:{row}", "split": split, "kind": fault.kind, "why": fault.what, "row": held}
            self._lines.append(json.dumps(line, ensure_ascii=False).encode(errors="backslashreplace").decode() + "\n")

    def stop_if_any(self) -> None:
        """Raise what was met, if the policy is to stop.

        Raises: DataError naming file and row of the first faults of each kind, their number and the cure.
        """
        if self.policy == "skip" or not self._met:
            return
        parts = []
        for fault, shown, count in self._met.values():
            more = [f"... and {count - len(shown):,} more rows like these."] if count > len(shown) else []
            parts.append("\n".join([*shown, *more, fault.advice]))
        total = sum(self.counts.values())
        rows = counted(total, "malformed row")
        parts.append(f"{rows} in all. To leave such rows out, counted and written aside: data.on_bad_row: skip")
        raise DataError("\n".join(parts))

    def kinds(self) -> dict[str, int]:
        """How many rows of each kind of fault."""
        return {kind: count for kind, (_, _, count) in self._met.items()}

    def write(self, path: Path | None) -> None:
        """Put the rejected rows at `path` as JSON lines; without any, no file, not even an older one."""
        if path is None:
            return
        if self._lines:
            files.write_file(path, "".join(self._lines).encode())
        else:
            path.unlink(missing_ok=True)
