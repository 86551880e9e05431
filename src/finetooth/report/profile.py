"""Where the time of a run went, as text of at most 80 columns."""

from collections.abc import Mapping
from typing import Any

PARTS = ("prefix", "forward", "backward", "optimizer", "evaluate", "save")


def profile_of(figures: Mapping[str, Any]) -> str:
    """The text, from what `run --json` prints: seconds by part for each tuned row, then seconds of every other step."""
    rows = [row for row in figures["rows"] if row.get("part_seconds")]
    lines = [f"{'seconds of tuning':<24}" + "".join(f"{_short(part, 8):>9}" for part in PARTS)]
    for row in rows:
        spent = row["part_seconds"]
        lines.append(f"{_title(row):<24}" + "".join(f"{spent.get(part, 0.0):>9.1f}" for part in PARTS))
    lines += ["", "seconds of each step, starts of processes included"]
    lines += [f"  {title:<30}{seconds:>9.1f}" for title, seconds in figures["step_seconds"].items()]
    return "\n".join(lines)


def _title(row: Mapping[str, Any]) -> str:
    name = row["name"] if row["seed"] is None else f"{row['name']} seed {row['seed']}"
    return _short(name, 23, "...")


def _short(text: str, most: int, mark: str = ".") -> str:
    return text if len(text) <= most else text[: most - len(mark)] + mark
