"""comparison.json: intervals of the figures, differences of candidates to the baselines, and the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from finetooth.errors import RunError
from finetooth.evaluation import verdict
from finetooth.evaluation.bootstrap import Draws, percentile_interval, resampled_means, resampled_whole
from finetooth.evaluation.calibration import Bin, calibrated_limit, calibration_error, reliability
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.intervals import interval_as_json, metric_interval
from finetooth.evaluation.learning import Learning
from finetooth.evaluation.seeds import LEAST_SEEDS, pool, recipe_difference
from finetooth.evaluation.significance import Paired, Standing, paired
from finetooth.files import write_json
from finetooth.row_kinds import Role, row_kind
from finetooth.runs.layout import RunFolder
from finetooth.runs.predictions import Predictions
from finetooth.tasks import DEFAULT, Metric, Outputs, Scores, Targets, Task
from finetooth.wording import row_title

LEVEL = 0.95
_DIFFERENCES = ("difference", "difference_interval")  # from the best baseline
_OF_CANDIDATES = (
    "difference", "difference_interval", "only_row", "only_baseline", "p_best_baseline", "p_best_baseline_holm",
    "p", "p_against", "p_holm",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row that ended well, with its predictions on the test split and the decision that makes labels of them.

    role: a reference (full fine-tuning) is shown beside the winner and is no baseline. trained: number of trained
    parameters. chance: whether it is a baseline that learnt nothing from a text. learning: the signs that a candidate
    has not learned.
    """

    name: str
    role: Role
    seed: int | None
    test: Predictions
    trained: int = 0
    decision: Decision = field(default_factory=Decision)
    chance: bool = False
    learning: Learning = field(default_factory=Learning)


@dataclass(frozen=True, slots=True)
class _ScoredOutcome:
    """An outcome with its answers and scores.

    gains: (N,) of the examples by the headline metric, higher is better. drawn: resampled figures of the other metrics
    that are means over examples, by key; all rows are resampled alike.
    """

    row: Outcome
    outputs: Outputs
    gains: Scores
    drawn: Mapping[str, Draws]

    @property
    def pair(self) -> tuple[Outputs, Targets]:
        """The arguments of a metric."""
        return self.outputs, self.row.test.labels


def compare(
    rows: Sequence[Outcome],
    *,
    winner: tuple[str, int] | None,
    margin: float,
    failed: Sequence[str] = (),
    failed_baselines: Sequence[str] = (),
    task: Task = DEFAULT,
) -> dict[str, Any]:
    """The content of comparison.json: figures and differences, intervals at LEVEL, candidates against the baselines.

    task: rows are compared by its headline metric; its other metrics get intervals. winner: name and seed, chosen by
    validation. margin: the share that a smaller candidate may lose. failed, failed_baselines: titles of the candidates
    and baselines that did not end well. Each seed of a baseline counts as a baseline. A reference is no baseline: like
    a candidate it is compared with the winner.
    `p` of a candidate is the largest p of the paired test against any baseline, that of "better than every baseline";
    `p_best_baseline` is that against the best baseline only. `p_holm` and `p_best_baseline_holm` are these, adjusted as
    one family over all candidates and seeds. For `p_holm`, a candidate that is not ahead of every baseline counts with
    1. `p_best_baseline_holm` is first multiplied by the number of baselines, because these rows chose the best one,
    and a candidate that is not behind counts with 1.
    The best baseline has the best headline metric on the test rows; the first among equals.
    Raises: RunError if the rows were not measured on the same examples.
    """
    scored, test = _scored_outcomes(rows, task), task.headline.paired_test
    assert test is not None, "a headline metric has a paired test"
    baselines = [item for item in scored if item.row.role == "baseline"]
    candidates = [item for item in scored if item.row.role == "candidate"]
    of_candidates = [*_OF_CANDIDATES, *(f"{metric.key}_{what}" for metric in _others(task) for what in _DIFFERENCES)]
    entries = {id(item): _row(item, task) | dict.fromkeys(of_candidates) | {"against_winner": None} for item in scored}
    judged = [_judged(item, task.headline) for item in scored]
    standings = verdict.standings_of(judged)
    for item, standing in zip(candidates if baselines else (), standings, strict=True):
        entries[id(item)] |= _against_baselines(item, standing, baselines, task)
    winning = next((item for item in candidates if (item.row.name, item.row.seed) == winner), None)
    for item in scored:
        if winning is not None and item is not winning and item.row.role != "baseline":
            pair = paired(item.gains, winning.gains, test=test)
            against = {"difference": pair.difference, "interval": _interval(pair), "p": pair.p}
            entries[id(item)]["against_winner"] = against
    best = max(baselines, key=lambda item: float(item.gains.sum()), default=None)
    judgement = verdict.judge(
        judged, winner=winner, margin=margin, standings=standings, failed=failed, failed_baselines=failed_baselines
    )
    return {
        "schema": 1,
        "level": LEVEL,
        "margin": margin,
        "best_baseline": None if best is None else _key(best.row),
        "verdict": asdict(judgement),
        "pooled": _pooled(scored, best, task),
        "rows": list(entries.values()),
    }


def write_comparison(folder: RunFolder, comparison: dict[str, Any]) -> None:
    """Write comparison.json into the run folder, atomically."""
    write_json(folder.comparison, comparison)


def _others(task: Task) -> list[Metric]:
    """The metrics other than the headline metric."""
    return [metric for metric in task.metrics if metric is not task.headline]


def _scored_outcomes(rows: Sequence[Outcome], task: Task) -> list[_ScoredOutcome]:
    if not rows:
        return []
    for row in rows:
        _refuse_other_examples(row, rows[0])
    outputs = [row.decision.outputs(row.test.logits) for row in rows]
    pairs = [(one, row.test.labels) for one, row in zip(outputs, rows, strict=True)]
    # All rows see the same draws, so that differences between them are paired.
    drawn = {
        metric.key: resampled_means(np.stack([metric.each(*pair) for pair in pairs], axis=1))
        for metric in _others(task)
        if metric.scores is not None
    }
    return [
        _ScoredOutcome(
            row, pair[0], task.headline.gains(*pair), {key: draws[:, column] for key, draws in drawn.items()}
        )
        for column, (row, pair) in enumerate(zip(rows, pairs, strict=True))
    ]


def _refuse_other_examples(row: Outcome, first: Outcome) -> None:
    if row.test.ids != first.test.ids or not np.array_equal(row.test.labels, first.test.labels):
        titles = [row_title(one.name, one.seed, several=True) for one in (first, row)]
        raise RunError(
            f"rows {' and '.join(titles)} were not measured on the same test examples: "
            "delete the row folder that is not of this run and run the same command again."
        )


def _row(item: _ScoredOutcome, task: Task) -> dict[str, Any]:
    headline, row = task.headline, item.row
    scores = headline.each(*item.pair)
    counts = {"correct": int(scores.sum())} if headline.paired_test == "mcnemar" else {}
    bins: list[Bin] = []
    if task.probabilities is not None:
        bins = reliability(row.decision.confidences(item.outputs.logits, item.outputs.answers), scores)
    return {
        **_key(row),
        "kind": row_kind(row.name).contract_kind,
        "examples": len(scores),
        **counts,
        headline.key: headline.value(*item.pair),
        "interval": interval_as_json(metric_interval(headline, scores, level=LEVEL)),
        **{f"{metric.key}_interval": _percentiles(_draws(metric, [item])[0]) for metric in _others(task)},
        "calibration_error": calibration_error(bins) if bins else None,
        "calibration_error_limit": calibrated_limit(bins) if bins else None,
        "reliability": [asdict(one) for one in bins],
    }


def _draws(metric: Metric, items: Sequence[_ScoredOutcome]) -> list[Draws]:
    """The resampled figures of rows, (resamples,) each, paired."""
    if metric.scores is not None:
        return [item.drawn[metric.key] for item in items]
    return list(resampled_whole(metric, [item.outputs for item in items], items[0].row.test.labels).T)


def _percentiles(draws: Draws) -> list[float]:
    return list(percentile_interval(draws, level=LEVEL))


def _against_baselines(
    item: _ScoredOutcome, standing: Standing, baselines: Sequence[_ScoredOutcome], task: Task
) -> dict[str, Any]:
    """A candidate's differences to the best baseline, and its p values against it and against the hardest to beat."""
    pair, best = standing.to_best, baselines[standing.best]
    differences = {
        "difference": pair.difference,
        "difference_interval": _interval(pair),
        "only_row": pair.only_a,
        "only_baseline": pair.only_b,
    }
    for metric in _others(task):
        own, other = _draws(metric, [item, best])
        differences[f"{metric.key}_difference"] = metric.value(*item.pair) - metric.value(*best.pair)
        differences[f"{metric.key}_difference_interval"] = _percentiles(own - other)
    return differences | {
        "p_best_baseline": pair.p,
        "p_best_baseline_holm": standing.p_best_holm,
        "p": standing.to_hardest.p,
        "p_against": _key(baselines[standing.hardest].row),
        "p_holm": standing.p_holm,
    }


def _interval(pair: Paired) -> list[float] | None:
    return interval_as_json(pair.interval(level=LEVEL))


def _pooled(scored: Sequence[_ScoredOutcome], best: _ScoredOutcome | None, task: Task) -> list[dict[str, Any]]:
    """Each name with several seeds; candidates with LEAST_SEEDS or more are also compared with the best baseline."""
    names = dict.fromkeys(item.row.name for item in scored)
    groups = {name: [item for item in scored if item.row.name == name] for name in names}
    entries = []
    for name, items in groups.items():
        if len(items) < 2:
            continue
        gains = np.stack([item.gains for item in items])
        values = [task.headline.value(*item.pair) for item in items]
        pooled: dict[str, Any] = {"name": name, **asdict(pool(values))}
        is_candidate = items[0].row.role == "candidate"
        if is_candidate and best is not None and len(items) >= LEAST_SEEDS and gains.shape[1] > 1:
            others = np.stack([item.gains for item in groups[best.row.name]])
            pooled |= asdict(recipe_difference(gains, others, span=task.headline.span, level=LEVEL))
            pooled["interval"] = list(pooled["interval"])
        else:
            pooled |= dict.fromkeys(("difference", "interval", "p"))
        entries.append(pooled)
    return entries


def _judged(item: _ScoredOutcome, metric: Metric) -> verdict.Judged:
    row = item.row
    return verdict.Judged(
        row.name, row.role, row.seed, item.gains, row.trained, row.chance, row.learning, metric=metric
    )


def _key(row: Outcome) -> dict[str, Any]:
    return {"name": row.name, "seed": row.seed}
