"""The rows majority, tfidf and nb_words: baselines that read texts, fitted and scored without importing torch."""

import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from finetooth import baselines
from finetooth.baselines import FittedBaseline
from finetooth.data import Examples
from finetooth.evaluation.learning_curve import FRACTIONS
from finetooth.row_kinds import MAJORITY, NB_WORDS, TFIDF, row_kind
from finetooth.rows import latency
from finetooth.rows.context import Channel, Context
from finetooth.rows.contract import Estimates, Row, ScoredRow
from finetooth.rows.outputs import add_costs, keep_learning_curve, keep_predictions
from finetooth.rows.verdict_metric import figure_of
from finetooth.runs.results import ResultsRow
from finetooth.runs.work import read_examples

# Seconds per million characters of training text and row of weights, as measured on IMDB.
TFIDF_SECONDS_PER_MILLION = 4.0
NB_WORDS_SECONDS_PER_MILLION = 1.5


def fit(context: Context, channel: Channel) -> None:
    """Fit the baseline on the training split, choose its settings on the validation split, and save it."""
    train, validation = (read_examples(context.run_folder, split) for split in ("train", "validation"))
    task = context.plan.of_task()
    context.folder.path.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    classes = task.outputs(context.plan.classes)

    def fitted_on(part: Examples) -> FittedBaseline:
        return baselines.fit(
            context.row, part, validation=validation, classes=classes, task=task, figure=figure_of(context)
        )

    baseline = fitted_on(train)
    seconds = time.perf_counter() - started
    if row_kind(context.row).fitted:  # the majority baseline only counts, which is too fast to time
        add_costs(context.folder, train_seconds=seconds, examples_per_second=len(train) / seconds)

        def accuracy(fitted: FittedBaseline) -> float:
            logits = fitted.logits(validation.texts, validation.pairs)
            return float(task.score(logits, validation.labels)[task.headline.key])

        def accuracy_of(rows: npt.NDArray[np.int64]) -> float:
            return accuracy(fitted_on(train.select(rows.tolist())))

        keep_learning_curve(
            context, channel, task.strata(train.labels), accuracy_of=accuracy_of, of_all=accuracy(baseline)
        )
    baseline.save(context.folder.baseline)


def score(context: Context, channel: Channel) -> None:
    """Score a split with the saved baseline."""
    baseline = baselines.load(context.folder.baseline)
    examples = read_examples(context.run_folder, context.split)
    latency.record(context, baseline.logits)
    keep_predictions(context, baseline.logits(examples.texts, examples.pairs))


def facts(scored: ScoredRow, row: ResultsRow) -> ResultsRow:
    """The row with the warnings of the baseline and the number of settings that were tried."""
    baseline = baselines.load(scored.folder.baseline)
    return replace(row, warnings=baseline.warnings, settings_tried=baseline.settings_tried)


def _tfidf_seconds(estimates: Estimates, name: str) -> float:
    return TFIDF_SECONDS_PER_MILLION * _million_characters(estimates)


def _nb_words_seconds(estimates: Estimates, name: str) -> float:
    return NB_WORDS_SECONDS_PER_MILLION * _million_characters(estimates)


def _million_characters(estimates: Estimates) -> float:
    """Characters of the texts that are fitted, in millions; times the number of rows of weights that are fitted.

    These are the training texts, and the parts of them for the learning curve.
    """
    classes = len(estimates.plan.classes)
    return estimates.characters * (1 + sum(FRACTIONS)) / 1e6 * (classes if classes > 2 else 1)


ROWS = (
    Row(kind=MAJORITY, fit=fit, score=score, facts=facts, seconds=lambda estimates, name: 0.0),
    Row(kind=TFIDF, fit=fit, score=score, facts=facts, seconds=_tfidf_seconds),
    Row(kind=NB_WORDS, fit=fit, score=score, facts=facts, seconds=_nb_words_seconds),
)
