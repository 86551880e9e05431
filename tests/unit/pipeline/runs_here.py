"""Runs of the tiny model in this process: the rows' work is done here, and stopped where a test wants it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tiny
from finetooth.errors import Interrupted
from finetooth.files import sha256_file
from finetooth.models import device
from finetooth.pipeline import run_recipe
from finetooth.rows.context import Action, Context
from finetooth.workers import channel, entry_point
from finetooth.workers.executor import ROW_BY_ROW, Executor
from finetooth.workers.supervisor import Supervisor

# Measured times, and what is made of them: their bytes differ from run to run.
TIMED = {"costs.json", "log.jsonl", "report.html", "README.md", "COMPLETE", "plan.json", "provenance.json"}


def recipe_in(parent: Path, **changes: Any) -> dict[str, Any]:
    """A recipe of three rows over a tiny model and 60 reviews in `place`, made when they are not there."""
    if not (parent / "model").exists():
        tiny.save_model(parent / "model")
        tiny.save_reviews(parent / "reviews.csv", 60)
    training = {"epochs": 1, "checkpoint_every": 2, "evaluate_every": 2} | changes.pop("training", {})
    values = tiny.recipe(parent / "model", parent / "reviews.csv", training=training)
    values["data"] |= {"validation": 12, "test": 14}
    return values | {"baselines": ["majority", "original"]} | changes


class Here:
    """Does the work of rows in this process. stop_after: calls done before one is refused as a signal would; None: all.

    stop_at_step: training step after which the fit of a candidate is stopped, its state saved.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stop_after: int | None = None
        self.stop_at_step: int | None = None
        self.calls: list[tuple[str, str, str]] = []
        monkeypatch.setattr(device, "configure", lambda resolved: None)
        monkeypatch.setattr(channel, "send", lambda message: None)
        monkeypatch.setattr(entry_point, "Stopping", lambda: self)
        monkeypatch.setattr(Supervisor, "warm", lambda supervisor: None)
        monkeypatch.setattr(
            Supervisor, "call", lambda command, action, context, step, **how: self.call(action, context)
        )

    def signal_received(self) -> int | None:
        """The signal to obey, which the training loop asks for before each micro-batch."""
        steps = self._steps() if self.stop_at_step is not None else []
        return 15 if steps and steps[-1] >= (self.stop_at_step or 0) else None

    def call(self, action: Action, context: Context) -> None:
        """What the command asks its child for."""
        if self.stop_after is not None and len(self.calls) >= self.stop_after:
            raise Interrupted("stopped by the test")
        self._steps: Callable[[], list[int]] = lambda: [
            int(item.name.split("-")[1]) for item in sorted(context.folder.checkpoints.glob("step-*"))
        ]
        self.calls.append((action, context.row, context.split))
        entry_point.work(context.job(action), new_interpreter=True)


def finish(values: dict[str, Any], out: Path, executor: Executor = ROW_BY_ROW) -> None:
    """The run to its end."""
    run_recipe.run(values, out=out, executor=executor)


def measured(out: Path) -> dict[str, str]:
    """SHA-256 of every file of a complete run that the inputs determine, locks left out."""
    return {
        item.relative_to(out).as_posix(): sha256_file(item)
        for item in sorted(out.rglob("*"))
        if item.is_file() and item.name not in TIMED | {"finished.json"} and not item.name.startswith(".")
    }
