"""comparison.json: how sure each figure is, what each candidate gains over the baselines, and the verdict."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from finetooth.errors import RunError
from finetooth.files import write_json
from finetooth.measure import verdict
from finetooth.measure.bootstrap import percentile_interval, resampled_macro_f1, resampled_means
from finetooth.measure.calibration import calibration_error, reliability
from finetooth.measure.decisions import Decision
from finetooth.measure.intervals import wilson
from finetooth.measure.learning import Learning
from finetooth.measure.metrics import losses, macro_f1
from finetooth.measure.score_interval import score_interval
from finetooth.measure.seeds import LEAST_SEEDS, pool, recipe_difference
from finetooth.measure.significance import Paired, paired
from finetooth.measure.standing import Standing, standings
from finetooth.runs.layout import RunFolder
from finetooth.runs.predictions import Predictions
from finetooth.wording import row_title

LEVEL = 0.95
_OF_CANDIDATES = (
    "difference", "difference_interval", "only_row", "only_control", "p_best_control", "p_best_control_holm",
    "p", "p_against", "p_holm",
    "loss_difference", "loss_difference_interval", "macro_f1_difference", "macro_f1_difference_interval",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row that ended well, with its predictions on the test split and what makes labels of them.

    trained: parameters that it trains. chance: whether it is a baseline that learnt nothing from a text. yardstick:
    whether it is full fine-tuning, which is shown beside and is no control. learning: of a candidate, the signs that it
    has not learned.
    """

    name: str
    kind: Literal["baseline", "candidate"]
    seed: int | None
    test: Predictions
    trained: int = 0
    decision: Decision = field(default_factory=Decision)
    chance: bool = False
    yardstick: bool = False
    learning: Learning = field(default_factory=Learning)

    @property
    def losses(self) -> npt.NDArray[np.float64]:
        """Cross-entropy (N,) of the row's probabilities."""
        return losses(self.test.logits, self.test.labels, temperature=self.decision.temperature)


@dataclass(frozen=True, slots=True)
class _Marked:
    """An outcome with what follows from it: guesses (N,), right or wrong (N,), resampled losses (resamples,)."""

    row: Outcome
    guesses: npt.NDArray[np.int64]
    correct: npt.NDArray[np.bool_]
    losses: npt.NDArray[np.float64]


def compare(
    rows: Sequence[Outcome],
    *,
    winner: tuple[str, int] | None,
    margin: float,
    failed: Sequence[str] = (),
    failed_controls: Sequence[str] = (),
) -> dict[str, Any]:
    """comparison.json as a value: shares and differences 0 to 1, intervals at LEVEL, candidates against the controls.

    winner: name and seed, by validation; margin: what a smaller candidate may lose, a share; failed, failed_controls:
    titles of the candidates and controls that did not end well. Every baseline counts, each seed of it by itself,
    but for a yardstick, which like a candidate is compared with the winner.
    `p` of a candidate is the largest exact McNemar p against any baseline, the test of "better than every baseline";
    `p_best_control` that against the best baseline alone. `p_holm` and `p_best_control_holm` are these, adjusted as one
    family over all candidates and seeds; for `p_holm`, a candidate that is not ahead of every baseline counts with 1.
    `p_best_control_holm` is first multiplied by the number of controls, of which the best was chosen by these rows, and
    counts a candidate that is not behind with 1.
    The best baseline is the one of highest test accuracy, the first among equals.
    Raises: RunError if the rows were not measured on the same examples.
    """
    marked = _marked(rows)
    controls = [item for item in marked if item.row.kind == "baseline" and not item.row.yardstick]
    candidates = [item for item in marked if item.row.kind == "candidate"]
    found = {id(item): _row(item) | dict.fromkeys(_OF_CANDIDATES) | {"against_winner": None} for item in marked}
    best = None
    if controls:
        best = max(controls, key=lambda item: int(item.correct.sum()))
        judged = standings([item.correct for item in candidates], [item.correct for item in controls])
        for item, standing in zip(candidates, judged, strict=True):
            found[id(item)] |= _against_best(item, best) | _p_values(standing, controls[standing.hardest].row)
    first = next((item for item in candidates if (item.row.name, item.row.seed) == winner), None)
    for item in marked:
        compared = item.row.kind == "candidate" or item.row.yardstick
        if first is not None and item is not first and compared:
            found[id(item)]["against_winner"] = _against_winner(paired(item.correct, first.correct))
    return {
        "schema": 1,
        "level": LEVEL,
        "margin": margin,
        "best_control": None if best is None else _key(best.row),
        "verdict": verdict.judge(
            [_judged(item) for item in marked],
            winner=winner,
            margin=margin,
            failed=failed,
            failed_controls=failed_controls,
        ),
        "pooled": _pooled(marked, best),
        "rows": list(found.values()),
    }


def write_comparison(folder: RunFolder, comparison: dict[str, Any]) -> None:
    """Put comparison.json into the run folder, atomically."""
    write_json(folder.comparison, comparison)


def _marked(rows: Sequence[Outcome]) -> list[_Marked]:
    if not rows:
        return []
    for row in rows:
        _refuse_other_examples(row, rows[0])
    guesses = [row.decision.labels(row.test.logits) for row in rows]
    # All rows see the same draws, so that differences between them are paired.
    drawn = resampled_means(np.stack([row.losses for row in rows], axis=1))
    return [
        _Marked(row, guess, np.asarray(guess == row.test.labels), drawn[:, place])
        for place, (row, guess) in enumerate(zip(rows, guesses, strict=True))
    ]


def _refuse_other_examples(row: Outcome, first: Outcome) -> None:
    if row.test.ids != first.test.ids or not np.array_equal(row.test.labels, first.test.labels):
        titles = [row_title(one.name, one.seed, several=True) for one in (first, row)]
        raise RunError(
            f"rows {' and '.join(titles)} were not measured on the same test examples: "
            "delete the row folder that is not of this run and give the same command again."
        )


def _row(item: _Marked) -> dict[str, Any]:
    right, count = int(item.correct.sum()), len(item.correct)
    bins = reliability(item.row.decision.confidences(item.row.test.logits, item.guesses), item.correct)
    of_f1 = resampled_macro_f1([item.guesses], item.row.test.labels)[:, 0]
    return {
        **_key(item.row),
        "kind": item.row.kind,
        "examples": count,
        "correct": right,
        "accuracy": right / count,
        "interval": list(wilson(right, count, LEVEL)),
        "macro_f1_interval": list(percentile_interval(of_f1, level=LEVEL)),
        "loss_interval": list(percentile_interval(item.losses, level=LEVEL)),
        "calibration_error": calibration_error(bins),
        "reliability": [asdict(one) for one in bins],
    }


def _against_best(item: _Marked, best: _Marked) -> dict[str, Any]:
    pair, labels = paired(item.correct, best.correct), item.row.test.labels
    of_f1 = resampled_macro_f1([item.guesses, best.guesses], labels)
    mean_losses = [float(each.row.losses.mean()) for each in (item, best)]
    return {
        "difference": pair.difference,
        "difference_interval": _interval(pair),
        "only_row": pair.only_a,
        "only_control": pair.only_b,
        "loss_difference": mean_losses[0] - mean_losses[1],
        "loss_difference_interval": list(percentile_interval(item.losses - best.losses, level=LEVEL)),
        "macro_f1_difference": macro_f1(item.guesses, labels) - macro_f1(best.guesses, labels),
        "macro_f1_difference_interval": list(percentile_interval(of_f1[:, 0] - of_f1[:, 1], level=LEVEL)),
    }


def _p_values(standing: Standing, hardest: Outcome) -> dict[str, Any]:
    return {
        "p_best_control": standing.to_best.p,
        "p_best_control_holm": standing.p_best_holm,
        "p": standing.to_hardest.p,
        "p_against": _key(hardest),
        "p_holm": standing.p_holm,
    }


def _against_winner(pair: Paired) -> dict[str, Any]:
    return {"difference": pair.difference, "interval": _interval(pair), "p": pair.p}


def _interval(pair: Paired) -> list[float]:
    return list(score_interval(pair.only_a, pair.only_b, pair.examples, level=LEVEL))


def _pooled(marked: Sequence[_Marked], best: _Marked | None) -> list[dict[str, Any]]:
    """Rows of several seeds by name; candidates of three and more also against the best baseline, as recipes."""
    names = dict.fromkeys(item.row.name for item in marked)
    groups = {name: [item for item in marked if item.row.name == name] for name in names}
    found = []
    for name, items in groups.items():
        if len(items) < 2:
            continue
        right = np.stack([item.correct for item in items])
        pooled: dict[str, Any] = {"name": name, **asdict(pool(right.mean(axis=1).tolist()))}
        is_candidate = items[0].row.kind == "candidate"
        if is_candidate and best is not None and len(items) >= LEAST_SEEDS and right.shape[1] > 1:
            controls = np.stack([item.correct for item in groups[best.row.name]])
            pooled |= asdict(recipe_difference(right, controls, level=LEVEL))
            pooled["interval"] = list(pooled["interval"])
        else:
            pooled |= dict.fromkeys(("difference", "interval", "p"))
        found.append(pooled)
    return found


def _judged(item: _Marked) -> verdict.Judged:
    row = item.row
    return verdict.Judged(
        row.name, row.kind, row.seed, item.correct, row.trained, row.chance, row.yardstick, row.learning
    )


def _key(row: Outcome) -> dict[str, Any]:
    return {"name": row.name, "seed": row.seed}
