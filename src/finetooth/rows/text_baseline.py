"""Rows without a neural network: fitted and scored without importing torch."""

import time
from typing import Literal

from finetooth import baselines
from finetooth.rows import latency
from finetooth.rows.context import Channel, Context, add_costs, keep_predictions
from finetooth.runs.work import read_examples


def fit(context: Context, channel: Channel) -> None:
    """Fit the baseline on the training split and save it."""
    train = read_examples(context.run_folder, "train")
    context.folder.path.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    control = baselines.fit(_name(context), train, classes=context.plan.of_task().outputs(context.plan.classes))
    seconds = time.perf_counter() - started
    control.save(context.folder.control)
    if context.row == "tfidf":  # majority counts, which no clock here can time
        add_costs(context.folder, train_seconds=seconds, examples_per_second=len(train) / seconds)


def score(context: Context, channel: Channel) -> None:
    """Score a split with the saved control."""
    control = baselines.load(context.folder.control)
    examples = read_examples(context.run_folder, context.split)
    latency.record(context, control.logits)
    keep_predictions(context, control.logits(examples.texts, examples.pairs))


def _name(context: Context) -> Literal["majority", "tfidf"]:
    return "majority" if context.row == "majority" else "tfidf"
