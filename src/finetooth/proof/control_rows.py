"""Rows without a neural network: fitted and scored without importing torch."""

import time
from typing import Literal

from finetooth import controls
from finetooth.proof import latency
from finetooth.proof.task import Channel, Task, add_costs, keep_predictions
from finetooth.runs.work import read_examples


def fit(task: Task, channel: Channel) -> None:
    """Fit the baseline on the training split and save it."""
    train = read_examples(task.run_folder, "train")
    task.folder.path.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    control = controls.fit(_name(task), train, classes=len(task.plan()["classes"]))
    seconds = time.perf_counter() - started
    control.save(task.folder.control)
    if task.row == "tfidf":  # majority counts, which no clock here can time
        add_costs(task, train_seconds=seconds, examples_per_second=len(train) / seconds)


def score(task: Task, channel: Channel) -> None:
    """Score a split with the saved control."""
    control = controls.load(task.folder.control)
    examples = read_examples(task.run_folder, task.split)
    latency.record(task, control.logits)
    keep_predictions(task, control.logits(examples.texts, examples.pairs))


def _name(task: Task) -> Literal["majority", "tfidf"]:
    return "majority" if task.row == "majority" else "tfidf"
