"""The winner is checked a second time, in a new interpreter: a stop in that check leaves a run that goes on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from silent import SILENT

from finetooth.errors import Interrupted
from finetooth.files import read_json
from finetooth.proof import model_rows
from finetooth.proof.task import Context
from finetooth.runs import finished


@pytest.mark.parametrize("part", ["certificate.prove", "latency.record", "keep_predictions"])
def test_a_stop_in_the_second_check_leaves_a_row_that_is_scored_again(
    begin: Callable[..., Callable[..., Context]], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    context = begin(baselines=["majority"], training={"epochs": 1})("fit", "r4", "validation")
    model_rows.fit(context, SILENT)
    finished.record(context.folder, finished.FITTED, run_id="a")
    model_rows.score(replace(context, task=replace(context.task, new_interpreter=False)), SILENT)
    assert set(finished.SCORED) <= finished.settle(context.folder, run_id="a")

    def stop(*given: Any, **named: Any) -> None:
        if part == "certificate.prove":
            prove(*given, **named)
        raise Interrupted("stopped by the test")

    prove = model_rows.certificate.prove
    with monkeypatch.context() as stopped, pytest.raises(Interrupted):
        stopped.setattr(f"finetooth.proof.model_rows.{part}", stop)
        model_rows.score(context, SILENT)
    kept = finished.settle(context.folder, run_id="a")
    assert "curve.json" in kept and not kept & set(finished.SCORED)
    model_rows.score(context, SILENT)
    assert set(finished.SCORED) <= finished.settle(context.folder, run_id="a")
    assert read_json(context.folder.verify)["new_interpreter"]
