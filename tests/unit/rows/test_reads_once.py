"""The process of a row reads the plan and the recipe of its run once."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from finetooth.rows.context import Action, Context
from finetooth.workers import channel, entry_point

OPENED: list[str] | None = None


def note(event: str, arguments: tuple[Any, ...]) -> None:
    if OPENED is not None and event == "open" and isinstance(arguments[0], str | Path):
        OPENED.append(Path(arguments[0]).name)


sys.addaudithook(note)  # a hook cannot be removed: outside of a test it does nothing


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Counter[str]]]:
    """A function that gives how often each file was opened since it was last asked, by name."""
    names = list[str]()
    monkeypatch.setattr(sys.modules[__name__], "OPENED", names)
    monkeypatch.setattr(channel, "send", lambda message: None)
    monkeypatch.setattr(entry_point.Stopping, "signal_received", lambda self: None)

    def since() -> Counter[str]:
        counts = Counter(names)
        names.clear()
        return counts

    yield since


@pytest.mark.parametrize("row", ["r4", "original", "probe", "tfidf"])
def test_plan_and_recipe_are_read_once(
    begin: Callable[..., Callable[..., Context]], opened: Callable[[], Counter[str]], row: str
) -> None:
    context = begin(baselines=["tfidf", "original", "probe"], training={"epochs": 1})
    works: tuple[tuple[Action, str], ...] = (("fit", "train"), ("score", "validation"), ("score", "test"))
    for action, split in works:
        worked_on = context(action, row, split)
        job = worked_on.job(action)
        opened()
        entry_point.work(job, new_interpreter=True)
        counts = opened()
        assert (counts["plan.json"], counts["recipe.yaml"]) == (1, 1)
    assert worked_on.folder.predictions.is_file()
