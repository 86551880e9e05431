"""The test rows that only one of the winner and another row has right, for the browser of the report."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.report.material import Material
from finetooth.report.view import RowView
from finetooth.wording import shown

MOST_ROWS = 1_000
MOST_CHARACTERS = 2_000
MOST_BYTES = 3_000_000  # of texts: rows after this are left out, so that the page stays under 5 MB in any script

Rows = npt.NDArray[np.int64]


def disagreements(material: Material) -> dict[str, Any] | None:
    """What the browser shows, as JSON; None without a winner or without another row to compare it with.

    rows: those that only one of the two has right, at most MOST_ROWS; if there are more, drawn evenly from each kind.
    others: the number of rows of each kind, for each row compared. Texts are cut to MOST_CHARACTERS.
    """
    winner = material.run.winner
    others = [row for row in material.run.looked_at if row is not winner]
    if winner is None or not others:
        return None
    scores = {line.key: material.answers[line.key].scores for line in (winner, *others)}
    gained = [np.flatnonzero(scores[winner.key] > scores[line.key]) for line in others]
    lost = [np.flatnonzero(scores[winner.key] < scores[line.key]) for line in others]
    chosen = _drawn([part for pair in zip(gained, lost, strict=True) for part in pair])
    rows = _rows(material, [winner, *others], chosen)
    kinds = [
        {"name": line.title, "gained": len(up), "lost": len(down)}
        for line, up, down in zip(others, gained, lost, strict=True)
    ]
    return {
        "winner": winner.title,
        "others": kinds,
        "classes": [shown(name) for name in material.run.classes],
        "total": len(np.unique(np.concatenate([*gained, *lost]))),
        "rows": rows,
    }


def embedded(value: Any) -> str:
    """`value` as JSON without any character that HTML could take for markup."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # In JSON these occur only in strings, where their escapes mean the same. Surrogates, which UTF-8 cannot hold, are
    # escaped too.
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return "".join(f"\\u{ord(mark):04x}" if "\ud800" <= mark <= "\udfff" else mark for mark in text)


def _drawn(kinds: Sequence[Rows]) -> Rows:
    """Row numbers, ascending: all of them, or an even share of each kind, spread evenly over the file."""
    room, chosen = MOST_ROWS, np.empty(0, np.int64)
    for left, rows in zip(range(len(kinds), 0, -1), sorted(kinds, key=len), strict=True):
        share = room // left
        part = rows if len(rows) <= share else rows[np.linspace(0, len(rows) - 1, share).astype(np.int64)]
        chosen = np.union1d(chosen, part)
        room = MOST_ROWS - len(chosen)
    return chosen


def _rows(material: Material, lines: Sequence[RowView], chosen: Rows) -> list[dict[str, Any]]:
    """Each row: id, text, pair, label, and the answer of every line with its confidence."""
    answers = [material.answers[line.key] for line in lines]
    test, rows, size = material.test, [], 0
    for at in chosen.tolist():
        row: dict[str, Any] = {"id": shown(test.ids[at], 200), "label": int(test.labels[at])}
        row |= _cut("text", test.texts[at])
        if test.pairs is not None:
            row |= _cut("pair", test.pairs[at])
        row["answers"] = [[int(one.labels[at]), round(float(one.confidences[at]), 4)] for one in answers]
        size += len(json.dumps(row, ensure_ascii=False).encode(errors="replace"))
        if size > MOST_BYTES:
            break
        rows.append(row)
    return rows


def _cut(name: str, text: str) -> Mapping[str, Any]:
    """The text, and its length if it was cut."""
    if len(text) <= MOST_CHARACTERS:
        return {name: text}
    return {name: text[:MOST_CHARACTERS], f"{name}_characters": len(text)}
