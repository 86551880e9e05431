"""The winner is checked a second time, in a new interpreter: after a stop in that check the run can be continued."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from finetooth.errors import Interrupted
from finetooth.files import read_json
from finetooth.rows import row_of, trained
from finetooth.rows.context import Context
from finetooth.runs import finished
from silent import SILENT


@pytest.mark.parametrize("part", ["reload_check.verify", "latency.record", "keep_predictions"])
def test_a_stop_in_the_second_check_leaves_a_row_that_is_scored_again(
    begin: Callable[..., Callable[..., Context]], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    context = begin(baselines=["majority"], training={"epochs": 1})("fit", "r4", "validation")
    row_of("r4").fit(context, SILENT)
    finished.record(context.folder, finished.FITTED, run_id="a")
    row_of("r4").score(replace(context, new_interpreter=False), SILENT)
    scored = set(finished.SCORED) - {finished.DECISION}  # a trained row has its decision in the adapter
    assert scored <= finished.settle(context.folder, run_id="a")

    def stop(*arguments: Any, **named: Any) -> None:
        if part == "reload_check.verify":
            verify(*arguments, **named)
        raise Interrupted("stopped by the test")

    verify = trained.reload_check.verify
    with monkeypatch.context() as stopped, pytest.raises(Interrupted):
        stopped.setattr(f"finetooth.rows.trained.{part}", stop)
        row_of("r4").score(context, SILENT)
    finished_files = finished.settle(context.folder, run_id="a")
    assert "curve.json" in finished_files and not finished_files & set(finished.SCORED)
    row_of("r4").score(context, SILENT)
    assert scored <= finished.settle(context.folder, run_id="a")
    assert read_json(context.folder.verify)["new_interpreter"]
