"""Full fine-tuning goes the way of a candidate: trained, saved, reloaded, verified bitwise, scored."""

from collections.abc import Callable
from typing import Any

import pytest

from finetooth.errors import SourceError
from finetooth.evaluation import decision_file
from finetooth.files import read_json
from finetooth.models.artifact_files import MODEL_WEIGHTS
from finetooth.pipeline import finish, trained_model
from finetooth.pipeline.run_verification import verify
from finetooth.rows import original, row_of
from finetooth.verification import reload_check
from silent import SILENT


def test_the_whole_model_is_trained_saved_and_verified(begin: Callable[..., Any]) -> None:
    training = {"epochs": 1, "base_dropout": 0.0, "full_learning_rate": 1e-3}
    context = begin(baselines=["full"], candidates=[], training=training)
    row_of("full").fit(context("fit", "full"), SILENT)
    for split in ("validation", "test"):
        row_of("full").score(context("score", "full", split), SILENT)
    one = context("score", "full")
    row = finish.row_of_results(one.recipe, one.plan, one.run_folder, key=("full", 3))
    assert (row.kind, row.status, row.head) == ("baseline", "done", "new")
    assert row.decision == decision_file.describe(finish.decision_of(one.plan, one.folder), one.plan.classes)
    assert (one.folder.adapter / decision_file.DECISION).is_file() and row.decision["validation"] is not None
    assert row.reload is not None and row.reload.verified and row.reload.max_abs_logit_difference == 0
    assert row.parameters is not None and row.parameters.trainable == row.parameters.total
    assert read_json(one.folder.verify)["compared"]["bitwise"] is True
    costs = finish._costs(one.run_folder, "full", 3)
    assert costs.adapter_bytes == (one.folder.adapter / MODEL_WEIGHTS).stat().st_size > 4 * row.parameters.total
    assert (
        finish.choose_winner(one.recipe, one.plan, one.run_folder, keys=[("full", 3)]) is None
    )  # it ships nothing to win
    reload_check.refuse_another(one.folder, name="full")
    _reloads(one)
    assert finish._costs(one.run_folder, "full", 3).latency_seconds > 0


def test_an_original_model_can_be_verified_again_too(begin: Callable[..., Any]) -> None:
    context = begin(baselines=["original"], candidates=[], original_heads=2)
    original.fit(context("fit", "original"), SILENT)
    original.score(context("score", "original", "test"), SILENT)
    _reloads(context("score", "original"))


def _reloads(context: Any) -> None:
    """Its artifact is verified as an adapter is, bitwise, and predicts; a changed bit or a lost file is named."""
    verification = verify(context.folder.adapter, base=str(context.base_folder))
    (checked,) = verification.rows
    assert verification.verified and checked.reference_outputs is not None
    assert (checked.reference_outputs.off, checked.reference_outputs.allowed) == (0.0, 0.0)
    predictor = trained_model.load(context.folder.adapter, base=str(context.base_folder))
    answers = predictor.predict(["a fine film", "no"])
    assert [set(one["probabilities"]) for one in answers] == [set(context.plan.classes)] * 2
    weights = next(file for file in context.folder.adapter.iterdir() if file.suffix == ".safetensors")
    whole_bytes = weights.read_bytes()
    weights.write_bytes(whole_bytes[:-1] + bytes([whole_bytes[-1] ^ 1]))
    assert not verify(context.folder.adapter, base=str(context.base_folder)).verified
    with pytest.raises(SourceError, match="has changed since it was saved"):
        trained_model.load(context.folder.adapter, base=str(context.base_folder))
    weights.unlink()
    with pytest.raises(SourceError, match="is missing"):
        trained_model.load(context.folder.adapter, base=str(context.base_folder))
