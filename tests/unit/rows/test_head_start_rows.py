"""A candidate of `epochs: auto` begins with a solved output layer, also where it was killed after that."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from finetooth.files import read_json, sha256_file
from finetooth.model import adapters
from finetooth.rows import candidate
from finetooth.rows.context import Context
from finetooth.tuning import course, head_start
from finetooth.tuning.loop import Tuning
from silent import SILENT

Begin = Callable[..., Callable[..., Context]]
AUTO = {"epochs": "auto", "base_dropout": 0.0, "evaluate_every": 4, "patience": 1}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LEAST_STEPS": 4, "MOST_STEPS": 12, "LARGE_EPOCHS": 1}.items():
        monkeypatch.setattr(course, name, value)


def bits(context: Context) -> str:
    return sha256_file(context.folder.adapter / adapters.WEIGHTS)


def test_only_an_automatic_training_of_a_new_head_starts_so(begin: Begin) -> None:
    context = begin(baselines=[], training=AUTO)("fit", "r4")
    candidate.fit(context, SILENT)
    assert read_json(context.folder.curve)["head_start"] == head_start.facts()
    costs = read_json(context.folder.costs)
    assert costs["part_seconds"]["prefix"] > 0
    fixed = begin(baselines=[], training={**AUTO, "epochs": 1})("fit", "r4")
    candidate.fit(fixed, SILENT)
    assert read_json(fixed.folder.curve)["head_start"] is None
    assert not fixed.folder.head_start.exists()


def test_killed_after_the_start_it_ends_in_the_same_bits_without_solving_again(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = begin(baselines=[], training=AUTO)("fit", "r4")
    candidate.fit(whole, SILENT)
    expected = bits(whole)

    class Killed(BaseException):
        pass

    def die(self: Any) -> None:
        raise Killed

    context = begin(baselines=[], training=AUTO)("fit", "r4")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Tuning, "run", die)
        candidate.fit(context, SILENT)
    monkeypatch.setattr(head_start, "solution", lambda *_, **__: pytest.fail("it is solved a second time"))
    candidate.fit(context, SILENT)
    assert bits(context) == expected


def test_the_first_state_is_that_of_the_regression(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    real = Tuning.run

    def run(self: Tuning) -> Any:
        seen.extend(value.detach().numpy().copy() for name, value in self.named.items() if "classifier" in name)
        return real(self)

    monkeypatch.setattr(Tuning, "run", run)
    context = begin(baselines=[], training=AUTO)("fit", "r4")
    candidate.fit(context, SILENT)
    assert {value.shape for value in seen} == {(2, 32), (2,)}
    assert all(np.abs(value).max() > 0 for value in seen)  # a drawn layer has a bias of 0
