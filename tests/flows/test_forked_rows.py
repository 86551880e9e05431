"""A forked process makes of each row what a new interpreter makes of it, to the bit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from begun_runs import begin, sources  # noqa: F401
from finetooth.files import discard, read_json
from finetooth.progress import Silent
from finetooth.rows.context import Action, Context
from finetooth.workers.process import can_fork
from finetooth.workers.supervisor import Supervisor

pytestmark = pytest.mark.skipif(not can_fork(), reason="rows are forked on Linux only")


@pytest.fixture
def command() -> Iterator[Supervisor]:
    """A command with a fork server."""
    working = Supervisor()
    with working.serving():
        working.warm()
        yield working


def done(command: Supervisor, context: Context, action: Action, *, new_interpreter: bool) -> None:
    with Silent().step("x") as step:
        command.call(action, context, step, new_interpreter=new_interpreter)


def files_of(folder: Path) -> dict[str, bytes]:
    return {item.relative_to(folder).as_posix(): item.read_bytes() for item in folder.rglob("*") if item.is_file()}


def test_every_row_is_that_of_a_new_interpreter_to_the_bit(begin: Any, command: Supervisor) -> None:  # noqa: F811
    context = begin(training={"epochs": 1}, candidates=[{"name": "r4", "rank": 4, "bias": "lora_only"}])
    for row in ("r4", "original", "probe", "tfidf"):
        results = []
        for new_interpreter in (False, True):
            folder = context("fit", row).folder
            done(command, context("fit", row), "fit", new_interpreter=new_interpreter)
            done(command, context("score", row, "validation"), "score", new_interpreter=new_interpreter)
            saved = folder.adapter if folder.adapter.is_dir() else folder.baseline
            results.append((files_of(saved), folder.predictions.read_bytes()))
            if row == "r4":
                verified = read_json(folder.verify)
                assert verified["new_interpreter"] is new_interpreter
                assert verified["compared"]["bitwise"] is True
            discard(folder.path)
        assert results[0] == results[1], row
