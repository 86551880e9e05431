"""comparison.json: intervals of the figures, differences of candidates to the baselines, and the verdict."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from finetooth.errors import RunError
from finetooth.evaluation import verdict
from finetooth.evaluation.calibration import Bin, calibrated_limit, calibration_error, reliability
from finetooth.evaluation.claim import Standing
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.intervals import interval_as_json, metric_interval
from finetooth.evaluation.judged import Judged
from finetooth.evaluation.learning import Learning
from finetooth.evaluation.seeds import LEAST_SEEDS, pool, recipe_difference
from finetooth.evaluation.significance import Paired, holm, paired
from finetooth.evaluation.terms import Terms
from finetooth.files import write_json
from finetooth.row_kinds import Role, row_kind
from finetooth.runs.layout import RunFolder
from finetooth.runs.predictions import Predictions
from finetooth.tasks import DEFAULT, Metric, Outputs, Scores, Targets, Task
from finetooth.wording import row_title

LEVEL = 0.95
_DIFFERENCES = ("difference", "difference_interval")  # from the best baseline
_OF_CANDIDATES = (
    "difference", "difference_interval", "only_row", "only_baseline", "p_best_baseline", "p_behind", "p", "p_against",
    "p_better",
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
    """An outcome with its answers. gains: (N,) of the examples by the metric of the terms, higher is better."""

    row: Outcome
    outputs: Outputs
    gains: Scores

    @property
    def pair(self) -> tuple[Outputs, Targets]:
        """The arguments of a metric."""
        return self.outputs, self.row.test.labels


def compare(
    rows: Sequence[Outcome],
    *,
    winner: tuple[str, int] | None,
    terms: Terms,
    failed: Sequence[str] = (),
    failed_baselines: Sequence[str] = (),
    task: Task = DEFAULT,
) -> dict[str, Any]:
    """The content of comparison.json: figures and differences, intervals at LEVEL, candidates against the baselines.

    terms: rows are compared by its metric; the other metrics of the task get intervals too. winner: name and seed,
    chosen by validation. failed, failed_baselines: titles of the candidates and baselines that did not end well. Each
    seed of a baseline counts as a baseline. A reference is no baseline; like a candidate, it is compared with the
    winner.
    `p` of a candidate is the largest p of the paired test against any baseline, that of "better than every baseline";
    `p_best_baseline` is that against the best baseline only. `p_better` is `p`, or 1 if the candidate is not ahead of
    every baseline. `p_behind` is `p_best_baseline` times the number of baselines, because these rows chose the best
    one, or 1 if the candidate is not behind. Of candidates other than the winner, which validation did not choose, the
    last two are Holm-corrected over these candidates and their seeds.
    The best baseline has the best value of the metric on the test rows; the first among equals.
    Raises: RunError if the rows were not measured on the same examples.
    """
    scored = _scored_outcomes(rows, terms.metric)
    baselines = [item for item in scored if item.row.role == "baseline"]
    candidates = [item for item in scored if item.row.role == "candidate"]
    metrics = task.metrics if terms.metric in task.metrics else (*task.metrics, terms.metric)
    others = [metric for metric in metrics if metric is not terms.metric]
    of_candidates = [*_OF_CANDIDATES, *(f"{metric.key}_{what}" for metric in others for what in _DIFFERENCES)]
    empty = dict.fromkeys(of_candidates) | {"against_winner": None}
    entries = {id(item): _row(item, metrics, task, terms) | empty for item in scored}
    judged = [_judged(item) for item in scored]
    standings = verdict.standings_of(judged, terms)
    for item, standing in zip(candidates if baselines else (), standings, strict=True):
        entries[id(item)] |= _against_baselines(item, standing, baselines, others=others, terms=terms)
    winning = next((item for item in candidates if (item.row.name, item.row.seed) == winner), None)
    _correct([entries[id(item)] for item in candidates if item is not winning and baselines])
    for item in scored:
        if winning is not None and item is not winning and item.row.role != "baseline":
            entries[id(item)]["against_winner"] = _against_winner(item, winning, terms)
    best = max(baselines, key=lambda item: float(item.gains.sum()), default=None)
    judgement = verdict.judge(
        judged, winner=winner, terms=terms, standings=standings, failed=failed, failed_baselines=failed_baselines
    )
    return {
        "schema": 1,
        "level": LEVEL,
        "metric": terms.metric.key,
        "gain": terms.gain,
        "margin": terms.margin,
        "looks": terms.looks,
        "alpha": terms.alpha,
        "examples": len(terms.units),
        "units": terms.units.count,
        "group": terms.group,
        "best_baseline": None if best is None else _key(best.row),
        "verdict": asdict(judgement),
        "pooled": _pooled(scored, best, terms),
        "rows": list(entries.values()),
    }


def write_comparison(folder: RunFolder, comparison: dict[str, Any]) -> None:
    """Write comparison.json into the run folder, atomically."""
    write_json(folder.comparison, comparison)


def _scored_outcomes(rows: Sequence[Outcome], metric: Metric) -> list[_ScoredOutcome]:
    for row in rows:
        _refuse_other_examples(row, rows[0])
    outputs = [row.decision.outputs(row.test.logits) for row in rows]
    return [
        _ScoredOutcome(row, one, metric.gains(one, row.test.labels)) for row, one in zip(rows, outputs, strict=True)
    ]


def _correct(entries: Sequence[dict[str, Any]]) -> None:
    """Holm-correct p_better and p_behind over these candidates."""
    for key in ("p_better", "p_behind"):
        for entry, adjusted in zip(entries, holm([entry[key] for entry in entries]), strict=True):
            entry[key] = adjusted


def _refuse_other_examples(row: Outcome, first: Outcome) -> None:
    if row.test.ids != first.test.ids or not np.array_equal(row.test.labels, first.test.labels):
        titles = [row_title(one.name, one.seed, several=True) for one in (first, row)]
        raise RunError(
            f"rows {' and '.join(titles)} were not measured on the same test examples: "
            "delete the row folder that is not of this run and run the same command again."
        )


def _row(item: _ScoredOutcome, metrics: Sequence[Metric], task: Task, terms: Terms) -> dict[str, Any]:
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
        "interval": interval_as_json(metric_interval(headline, scores, units=terms.units, level=LEVEL)),
        **{metric.key: metric.value(*item.pair) for metric in metrics},
        **{f"{metric.key}_interval": _interval_of(metric, item, terms) for metric in metrics[1:]},
        "calibration_error": calibration_error(bins) if bins else None,
        "calibration_error_limit": calibrated_limit(bins) if bins else None,
        "reliability": [asdict(one) for one in bins],
    }


def _interval_of(metric: Metric, item: _ScoredOutcome, terms: Terms) -> list[float] | None:
    """The interval of a row's figure; None if too few rows of a class are tested, or an end is infinite."""
    if terms.fewest is not None and terms.fewest < metric.least_per_stratum:
        return None
    return interval_as_json(metric_interval(metric, metric.each(*item.pair), units=terms.units, level=LEVEL))


def _against_baselines(
    item: _ScoredOutcome,
    standing: Standing,
    baselines: Sequence[_ScoredOutcome],
    *,
    others: Sequence[Metric],
    terms: Terms,
) -> dict[str, Any]:
    """A candidate's differences to the best baseline, and its p values against it and against the hardest to beat."""
    pair, best = standing.to_best, baselines[standing.best]
    differences = {
        "difference": pair.difference,
        "difference_interval": _interval(pair) if terms.has_intervals else None,
        "only_row": pair.only_a if pair.test == "mcnemar" else None,
        "only_baseline": pair.only_b if pair.test == "mcnemar" else None,
    }
    for metric in others:
        own, other = (metric.each(*row.pair) for row in (item, best))
        of_metric = paired(own, other, test=metric.paired_test, units=terms.units)
        enough = terms.fewest is None or terms.fewest >= metric.least_per_stratum
        differences[f"{metric.key}_difference"] = of_metric.difference
        differences[f"{metric.key}_difference_interval"] = _interval(of_metric) if enough else None
    return differences | {
        "p_best_baseline": pair.p,
        "p_behind": standing.p_behind,
        "p": standing.to_hardest.p,
        "p_against": _key(baselines[standing.hardest].row),
        "p_better": standing.p,
    }


def _against_winner(item: _ScoredOutcome, winning: _ScoredOutcome, terms: Terms) -> dict[str, Any]:
    """The difference of a candidate or a reference to the winner."""
    pair = paired(item.gains, winning.gains, test=terms.metric.paired_test, units=terms.units)
    interval = _interval(pair) if terms.has_intervals else None
    return {"difference": pair.difference, "interval": interval, "p": pair.p}


def _interval(pair: Paired) -> list[float] | None:
    return interval_as_json(pair.interval(level=LEVEL))


def _pooled(scored: Sequence[_ScoredOutcome], best: _ScoredOutcome | None, terms: Terms) -> list[dict[str, Any]]:
    """Each name with several seeds; candidates with LEAST_SEEDS or more are also compared with the best baseline."""
    names = dict.fromkeys(item.row.name for item in scored)
    groups = {name: [item for item in scored if item.row.name == name] for name in names}
    entries = []
    for name, items in groups.items():
        if len(items) < 2:
            continue
        gains = np.stack([item.gains for item in items])
        values = [terms.metric.value(*item.pair) for item in items]
        pooled: dict[str, Any] = {"name": name, **asdict(pool(values))}
        has_spread = len(items) >= LEAST_SEEDS and terms.units.count > 1 and terms.has_intervals
        if items[0].row.role == "candidate" and best is not None and has_spread:
            others = np.stack([item.gains for item in groups[best.row.name]])
            span = terms.metric.span
            pooled |= asdict(recipe_difference(gains, others, units=terms.units, span=span, level=LEVEL))
            pooled["interval"] = interval_as_json(pooled["interval"])
        else:
            pooled |= dict.fromkeys(("difference", "interval", "p"))
        entries.append(pooled)
    return entries


def _judged(item: _ScoredOutcome) -> Judged:
    row = item.row
    return Judged(row.name, row.role, row.seed, item.gains, row.trained, row.chance, row.learning, item.outputs.answers)


def _key(row: Outcome) -> dict[str, Any]:
    return {"name": row.name, "seed": row.seed}
