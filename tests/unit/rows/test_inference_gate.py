"""bfloat16 is used where it changes next to nothing on the validation rows, and what was measured stays beside it."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetooth.errors import ModelError, RunError
from finetooth.evaluation.decisions import Abstention, Decision
from finetooth.files import read_hashed_json, read_json, write_hashed_json
from finetooth.models import agreement, artifact, inference
from finetooth.models.agreement import INFERENCE, Agreement, Measured, compare, worst
from finetooth.models.batching import Tokens, tokenize
from finetooth.models.loading import load_base
from finetooth.models.packed_inference import InferencePass
from finetooth.models.tokenizer import load_tokenizer
from finetooth.pipeline import finish
from finetooth.row_kinds import PROBE, row_kind
from finetooth.rows import probe, row_of
from finetooth.rows.context import Channel
from finetooth.rows.facts import inference_of
from finetooth.runs import predictions
from finetooth.training.job import Split
from finetooth.training.validation import validation_logits
from silent import SILENT


@pytest.mark.parametrize(
    ("flipped", "accuracy", "passed"),
    [(0, 0.8, True), (3, 0.8, True), (4, 0.8, False), (2, 0.801, True), (2, 0.802, False), (2, 0.798, False)],
)
def test_the_gate_lets_pass_three_flips_of_a_thousand_and_a_tenth_of_a_point(
    flipped: int, accuracy: float, passed: bool
) -> None:
    assert Agreement(1000, flipped, accuracy, 0.8, 0.1).passed is passed


def test_flips_and_accuracies_are_counted() -> None:
    plain, rounded = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), np.array([[0.5, 0.0], [1.0, 0.25]], np.float32)
    counted = compare(plain, rounded, decision=Decision(), truth=np.array([1, 0], dtype=np.int64))
    assert counted == Agreement(2, 1, 0.5, 1.0, 1.0)


def test_to_abstain_where_the_plain_pass_answers_is_a_flip() -> None:
    plain, rounded = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), np.array([[0.0, 0.1], [1.0, 0.0]], np.float32)
    abstaining = Decision(abstention=Abstention("coverage", 0.5, 0.6, 0.5, 1.0, ()))
    truth = np.array([1, 0], dtype=np.int64)
    assert compare(plain, rounded, decision=Decision(), truth=truth).flipped == 0
    assert compare(plain, rounded, decision=abstaining, truth=truth).flipped == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_not_finite_does_not_pass_and_is_saved(tmp_path: Path, value: float) -> None:
    plain = np.eye(2, dtype=np.float32)[np.arange(200) % 2]
    rounded = plain.copy()
    rounded[7, 1] = value
    truth = plain.argmax(1)
    result = compare(plain, rounded, decision=Decision(), truth=truth)
    assert result == Agreement(200, 200, 0.0, 1.0, None) and not result.passed
    assert compare(plain, plain, decision=Decision(), truth=truth).passed
    Measured(None, result).save(tmp_path)
    assert Measured.load(tmp_path) == Measured(None, result)


def test_few_validation_rows_do_not_pass() -> None:
    assert not Agreement(99, 0, 0.8, 0.8, 0.0).passed
    assert Agreement(100, 0, 0.8, 0.8, 0.0).passed


def test_of_several_heads_the_one_that_changes_most_decides() -> None:
    still, moved, failed = (
        Agreement(1000, flips, 0.8, accuracy, 0.1) for flips, accuracy in ((0, 0.8), (3, 0.8), (1, 0.9))
    )
    assert worst([still, moved]) == moved
    assert worst([still, failed, moved]) == failed


def test_what_was_measured_decides_how_texts_are_computed() -> None:
    good, bad = Agreement(1000, 0, 0.8, 0.8, 0.01), Agreement(1000, 9, 0.8, 0.8, 0.01)
    assert Measured(None, good).precision("bfloat16") == "bfloat16"
    assert Measured(None, good).precision("float32") == "float32"
    assert Measured(None, good).precision("plain") == "plain"
    assert Measured(None, bad).precision("bfloat16") == "float32"
    assert Measured(None, None).precision("bfloat16") == "float32"
    assert Measured("activation 'relu'", good).precision("bfloat16") == "plain"


def test_the_file_gives_back_what_was_saved_and_is_refused_when_changed(tmp_path: Path) -> None:
    measured = Measured(None, Agreement(1000, 2, 0.8, 0.801, 0.01))
    measured.save(tmp_path)
    assert Measured.load(tmp_path) == measured
    (tmp_path / INFERENCE).write_text((tmp_path / INFERENCE).read_text().replace('"flipped": 2', '"flipped": 1'))
    with pytest.raises(RunError, match="was changed after Finetooth wrote it"):
        Measured.load(tmp_path)
    write_hashed_json(tmp_path / INFERENCE, measured.described() | {"fallback_reason": 7})
    with pytest.raises(ModelError, match="fallback_reason"):
        Measured.load(tmp_path)
    (tmp_path / INFERENCE).unlink()
    with pytest.raises(ModelError, match=r"holds no inference\.json"):
        Measured.load(tmp_path)


def fitted(begin: Callable[..., Any], **changes: Any) -> Any:
    context = begin(baselines=["majority"], training={"epochs": 1}, **changes)
    row_of("r4").fit(context("fit", "r4"), SILENT)
    for split in ("validation", "test"):
        row_of("r4").score(context("score", "r4", split), SILENT)
    return context("score", "r4", "test")


def logits_of(context: Any, precision: str) -> np.ndarray:
    predictor = artifact.load(context.folder.adapter, base_folder=context.base_folder, name="r4")
    tokens = Tokens.open(context.run_folder.work / "tokens" / "test")
    if precision == "plain":
        return predictor.logits(tokens, budget=context.plan.evaluation_budget)
    computed = inference.ready(replace(predictor, measured=Measured(None, PASSED)), precision)  # type: ignore[arg-type]
    assert computed.precision == precision
    return computed.infer_tokens(tokens)


PASSED = Agreement(1000, 0, 0.8, 0.8, 0.0)


@pytest.fixture(params=[1.0, -1.0])
def most(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """The share of flips up to which the gate is passed: any share passes, or none."""
    share: float = request.param
    monkeypatch.setattr(agreement, "LEAST_ROWS", 1)
    monkeypatch.setattr(agreement, "MOST_FLIPPED", share)
    monkeypatch.setattr(agreement, "MOST_ACCURACY_DIFFERENCE", 1.0)
    return share


def test_the_test_rows_are_computed_in_bfloat16_only_if_the_gate_was_passed(
    begin: Callable[..., Any], most: float
) -> None:
    context = fitted(begin)
    splits = predictions.read(context.folder.predictions)
    precision = "bfloat16" if most > 0 else "float32"
    assert np.array_equal(splits["test"].logits, logits_of(context, precision))
    assert np.abs(splits["test"].logits - logits_of(context, "plain")).max() > 0
    known = read_hashed_json(context.folder.adapter / INFERENCE)
    assert known["bfloat16"]["rows"] == 20 and known["bfloat16"]["passed"] is (most > 0)
    row = inference_of(context.plan, context.folder, row_kind(context.row))
    assert row is not None and row.precision == precision and row.validation_rows == 20


def test_the_validation_rows_of_the_reload_check_are_those_of_the_plain_pass(begin: Callable[..., Any]) -> None:
    context = fitted(begin)
    predictor = artifact.load(context.folder.adapter, base_folder=context.base_folder, name="r4")
    tokens = Tokens.open(context.run_folder.work / "tokens" / "validation")
    plain = predictor.logits(tokens, budget=context.plan.evaluation_budget)
    assert np.array_equal(predictions.read(context.folder.predictions)["validation"].logits, plain)
    assert read_json(context.folder.verify)["max_abs_logit_difference"] == 0


def test_exact_computes_everything_by_the_plain_pass(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InferencePass, "__init__", None)  # not to be called
    context = fitted(begin, inference="plain")
    assert np.array_equal(predictions.read(context.folder.predictions)["test"].logits, logits_of(context, "plain"))
    row = inference_of(context.plan, context.folder, row_kind(context.row))
    assert row is not None and (row.precision, row.flipped) == ("plain", None)


def test_a_model_that_the_pass_cannot_compute_says_why(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("finetooth.models.inference", "finetooth.training.validation"):
        monkeypatch.setattr(f"{module}.inference_obstacle", lambda model: "model family 'other'")
    context = fitted(begin)
    row = inference_of(context.plan, context.folder, row_kind(context.row))
    assert row is not None and (row.precision, row.fallback_reason) == ("plain", "model family 'other'")
    assert np.array_equal(predictions.read(context.folder.predictions)["test"].logits, logits_of(context, "plain"))


def test_a_pass_that_differs_from_the_plain_one_is_not_used(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = fitted(begin, inference="float32")
    predictor = artifact.load(context.folder.adapter, base_folder=context.base_folder, name="r4")
    real = InferencePass.split_logits
    monkeypatch.setattr(InferencePass, "split_logits", lambda *arguments, **named: real(*arguments, **named) + 0.01)
    ready = inference.ready(predictor, "float32")
    assert ready.precision == "plain"
    reason = "its logits differ from those of the plain pass by 0.01"
    assert ready.measured.fallback_reason == reason
    row_of("r4").score(context, SILENT)
    row = inference_of(context.plan, context.folder, row_kind(context.row))  # what was computed, not what was planned
    assert row is not None and (row.precision, row.fallback_reason) == ("plain", reason)
    assert finish._costs(context.run_folder, "r4", 3).name == "r4"


def test_the_probe_is_fitted_in_bfloat16_only_if_the_gate_was_passed(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, most: float
) -> None:
    context = begin(baselines=["probe"], candidates=[])
    probe.fit(context("fit", "probe"), SILENT)
    used: list[str] = []
    real = InferencePass.features

    def features(self: InferencePass, *arguments: Any, **named: Any) -> Any:
        used.append(self.precision)
        return real(self, *arguments, **named)

    monkeypatch.setattr(InferencePass, "features", features)
    for split in ("validation", "test"):  # the validation rows' logits are compared bitwise, by the plain pass
        probe.score(context("score", "probe", split), SILENT)
    assert set(used) == {"bfloat16" if most > 0 else "float32"}
    row = inference_of(context("score", "probe").plan, context("score", "probe").folder, PROBE)
    assert row is not None and row.precision == used[0]


def test_a_probe_whose_training_rows_are_not_finite_in_bfloat16_is_fitted_in_float32(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "LEAST_ROWS", 1)
    real = InferencePass.features

    def features(self: InferencePass, *arguments: Any, **named: Any) -> Any:
        encoded = real(self, *arguments, **named)
        return {name: rows * (math.nan if self.precision == "bfloat16" else 1.0) for name, rows in encoded.items()}

    monkeypatch.setattr(InferencePass, "features", features)
    context = begin(baselines=["probe"], candidates=[])
    counted: list[int] = []
    probe.fit(context("fit", "probe"), Channel(lambda count, note: counted.append(count), lambda: None))
    for split in ("validation", "test"):
        probe.score(context("score", "probe", split), SILENT)
    row = inference_of(context("score", "probe").plan, context("score", "probe").folder, PROBE)
    assert row is not None and row.precision == "float32"
    counts = context("fit", "probe").plan.counts
    assert sum(counted) == counts["train"] + counts["validation"]


def test_a_validation_logit_that_is_not_finite_in_bfloat16_is_computed_in_float32(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = InferencePass.split_logits

    def split_logits(self: InferencePass, *arguments: Any, **named: Any) -> Any:
        return real(self, *arguments, **named) * (math.inf if self.precision == "bfloat16" else 1.0)

    monkeypatch.setattr(InferencePass, "split_logits", split_logits)
    model = load_base(sources / "model", classes=("bad", "good"), head_seed=0).model
    tokens = tokenize(load_tokenizer(sources / "model"), ["a dull film", "clever"], max_tokens=16, truncation="head")
    split = Split(("a.csv:2", "a.csv:3"), tokens, np.array([0, 1]))
    settings: dict[str, Any] = {"pad_id": 0, "budget": 64}
    counted: list[int] = []
    validation = validation_logits(model, split, precision="bfloat16", advance=counted.append, **settings)
    assert np.array_equal(
        validation, validation_logits(model, split, precision="float32", advance=lambda count: None, **settings)
    )
    assert sum(counted) == 2
