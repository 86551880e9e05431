"""Full fine-tuning goes the way of a candidate: tuned, saved, reloaded, proven bitwise, scored."""

from collections.abc import Callable
from typing import Any

from silent import SILENT

from finetooth.files import read_json
from finetooth.model import whole
from finetooth.pipeline import ending
from finetooth.proof import certificate, model_rows


def test_the_whole_model_is_tuned_saved_and_proven(begin: Callable[..., Any]) -> None:
    training = {"epochs": 1, "base_dropout": 0.0, "full_learning_rate": 1e-3}
    task = begin(baselines=["full"], candidates=[], training=training)
    model_rows.fit(task("fit", "full"), SILENT)
    for split in ("validation", "test"):
        model_rows.score(task("score", "full", split), SILENT)
    one = task("score", "full")
    row = ending._row(one.recipe(), one.plan(), one.run_folder, "full", 3)
    assert (row.kind, row.status, row.head) == ("baseline", "done", "new")
    assert row.reload is not None and row.reload.verified and row.reload.max_abs_logit_difference == 0
    assert row.parameters is not None and row.parameters.trainable == row.parameters.total
    assert read_json(one.folder.verify)["compared"]["bitwise"] is True
    costs = ending._costs(one.run_folder, "full", 3)
    assert costs.adapter_bytes == (one.folder.adapter / whole.WEIGHTS).stat().st_size > 4 * row.parameters.total
    assert (
        ending.choose_winner(one.recipe(), one.plan(), one.run_folder, keys=[("full", 3)]) is None
    )  # it ships nothing to win
    certificate.refuse_another(one.folder, name="full")
