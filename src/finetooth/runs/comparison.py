"""comparison.json: the interval of each row's test accuracy, and what each candidate gains over the controls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from finetooth.errors import RunError
from finetooth.files import write_json
from finetooth.measure.intervals import wilson
from finetooth.measure.metrics import predicted
from finetooth.measure.significance import Paired, holm, paired
from finetooth.runs.layout import RunFolder
from finetooth.runs.predictions import Predictions

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row that ended well, with its predictions on the test split."""

    name: str
    kind: Literal["baseline", "candidate"]
    seed: int | None
    test: Predictions


@dataclass(frozen=True, slots=True)
class _Marked:
    row: Outcome
    correct: npt.NDArray[np.bool_]


def compare(rows: Sequence[Outcome]) -> dict[str, Any]:
    """comparison.json as a value: shares and differences 0 to 1, intervals at LEVEL, candidates against the baselines.

    `p` of a candidate is the largest exact McNemar p against any control, the test of "better than every control";
    `p_best_control` that against the best control alone. `p_holm` and `p_best_control_holm` are these, adjusted as one
    family over all candidates and seeds. The best control is the one of highest test accuracy, the first among equals.
    Raises: RunError if the rows were not measured on the same examples.
    """
    marked = [_Marked(row, _correct(row, rows[0])) for row in rows]
    controls = [item for item in marked if item.row.kind == "baseline"]
    best = max(controls, key=lambda item: int(item.correct.sum()), default=None)
    found = [_row(item, controls, best) for item in marked]
    judged = [row for row in found if row["p"] is not None]
    for name in ("p", "p_best_control"):
        for row, adjusted in zip(judged, holm([row[name] for row in judged]), strict=True):
            row[f"{name}_holm"] = adjusted
    return {"schema": 1, "level": LEVEL, "best_control": None if best is None else _key(best.row), "rows": found}


def write_comparison(folder: RunFolder, comparison: dict[str, Any]) -> None:
    """Put comparison.json into the run folder, atomically."""
    write_json(folder.comparison, comparison)


def _correct(row: Outcome, first: Outcome) -> npt.NDArray[np.bool_]:
    if row.test.ids != first.test.ids or not np.array_equal(row.test.labels, first.test.labels):
        raise RunError(
            f"rows {_title(first)} and {_title(row)} were not measured on the same test examples: "
            "delete the row folder that is not of this run and give the same command again."
        )
    return np.asarray(predicted(row.test.logits) == row.test.labels)


def _row(item: _Marked, controls: Sequence[_Marked], best: _Marked | None) -> dict[str, Any]:
    right, count = int(item.correct.sum()), len(item.correct)
    row: dict[str, Any] = {
        **_key(item.row),
        "kind": item.row.kind,
        "examples": count,
        "correct": right,
        "accuracy": right / count,
        "interval": list(wilson(right, count, LEVEL)),
    }
    against = [(control, paired(item.correct, control.correct)) for control in controls]
    if item.row.kind != "candidate" or best is None:
        return row | dict.fromkeys(
            (
                "difference",
                "only_row",
                "only_control",
                "p_best_control",
                "p_best_control_holm",
                "p",
                "p_against",
                "p_holm",
            )
        )
    to_best = next(pair for control, pair in against if control is best)
    hardest, pair = max(against, key=lambda entry: entry[1].p)
    return row | _against_best(to_best) | {"p": pair.p, "p_against": _key(hardest.row), "p_holm": None}


def _against_best(pair: Paired) -> dict[str, Any]:
    return {
        "difference": pair.difference,
        "only_row": pair.only_a,
        "only_control": pair.only_b,
        "p_best_control": pair.p,
        "p_best_control_holm": None,
    }


def _key(row: Outcome) -> dict[str, Any]:
    return {"name": row.name, "seed": row.seed}


def _title(row: Outcome) -> str:
    return row.name if row.seed is None else f"{row.name} (seed {row.seed})"
