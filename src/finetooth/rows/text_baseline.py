"""The rows majority and tfidf: baselines that read texts, fitted and scored without importing torch."""

import time
from dataclasses import replace

from finetooth import baselines
from finetooth.row_kinds import MAJORITY, TFIDF, row_kind
from finetooth.rows import latency
from finetooth.rows.context import Channel, Context
from finetooth.rows.contract import Estimates, Row, ScoredRow
from finetooth.rows.outputs import add_costs, keep_predictions
from finetooth.runs.results import ResultsRow
from finetooth.runs.work import read_examples

TFIDF_SECONDS_PER_MILLION = 1.2  # characters of training text, as measured on IMDB


def fit(context: Context, channel: Channel) -> None:
    """Fit the baseline on the training split and save it."""
    train = read_examples(context.run_folder, "train")
    context.folder.path.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    baseline = baselines.fit(context.row, train, classes=context.plan.of_task().outputs(context.plan.classes))
    seconds = time.perf_counter() - started
    baseline.save(context.folder.baseline)
    if row_kind(context.row).fitted:  # the majority baseline only counts, which is too fast to time
        add_costs(context.folder, train_seconds=seconds, examples_per_second=len(train) / seconds)


def score(context: Context, channel: Channel) -> None:
    """Score a split with the saved baseline."""
    baseline = baselines.load(context.folder.baseline)
    examples = read_examples(context.run_folder, context.split)
    latency.record(context, baseline.logits)
    keep_predictions(context, baseline.logits(examples.texts, examples.pairs))


def facts(scored: ScoredRow, row: ResultsRow) -> ResultsRow:
    """The row with the warnings of the baseline."""
    return replace(row, warnings=baselines.load(scored.folder.baseline).warnings)


def _tfidf_seconds(estimates: Estimates, name: str) -> float:
    return TFIDF_SECONDS_PER_MILLION * estimates.characters / 1e6


ROWS = (
    Row(kind=MAJORITY, fit=fit, score=score, facts=facts, seconds=lambda estimates, name: 0.0),
    Row(kind=TFIDF, fit=fit, score=score, facts=facts, seconds=_tfidf_seconds),
)
