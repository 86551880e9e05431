"""The time of a run by part and step, as text of at most 80 columns."""

from collections.abc import Mapping
from typing import Any

from finetooth.wording import cut, row_title

PARTS = ("frozen_layers", "forward", "backward", "optimizer", "evaluate", "save")


def profile_of(figures: Mapping[str, Any]) -> str:
    """The text: seconds of each part of training for each trained row, then of each step. figures: the contract."""
    rows = [row for row in figures["rows"] if row.get("part_seconds")]
    lines = [f"{'seconds of training':<24}" + "".join(f"{cut(part.removesuffix('_layers'), 8):>9}" for part in PARTS)]
    for row in rows:
        title = cut(row_title(row["name"], row["seed"], several=True), 23)
        lines.append(f"{title:<24}" + "".join(f"{row['part_seconds'].get(part, 0.0):>9.1f}" for part in PARTS))
    lines += ["", "seconds of each step, starts of processes included"]
    lines += [f"  {title:<30}{seconds:>9.1f}" for title, seconds in figures["step_seconds"].items()]
    return "\n".join(lines)
