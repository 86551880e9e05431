"""bfloat16 is used where it changes next to nothing on the validation rows, and what was measured stays beside it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from silent import SILENT

from finetooth.errors import ModelError, RunError
from finetooth.files import read_hashed_json, read_json, write_hashed_json
from finetooth.model import agreement, artefact, inference
from finetooth.model.agreement import INFERENCE, Agreement, Measured, compare
from finetooth.model.batching import Tokens
from finetooth.model.packed_inference import InferencePass
from finetooth.pipeline import ending
from finetooth.proof import frozen_rows, model_rows
from finetooth.runs import predictions


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
    found = compare(plain, rounded, labels=(plain.argmax(1), rounded.argmax(1)), truth=np.array([1, 0], dtype=np.int64))
    assert found == Agreement(2, 1, 0.5, 1.0, 1.0)


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
    with pytest.raises(RunError, match="is not as Finetooth wrote it"):
        Measured.load(tmp_path)
    write_hashed_json(tmp_path / INFERENCE, measured.described() | {"fallback_reason": 7})
    with pytest.raises(ModelError, match="fallback_reason"):
        Measured.load(tmp_path)
    (tmp_path / INFERENCE).unlink()
    assert Measured.load(tmp_path) == Measured()


def fitted(begin: Callable[..., Any], **changes: Any) -> Any:
    task = begin(baselines=["majority"], training={"epochs": 1}, **changes)
    model_rows.fit(task("fit", "r4"), SILENT)
    for split in ("validation", "test"):
        model_rows.score(task("score", "r4", split), SILENT)
    return task("score", "r4", "test")


def logits_of(task: Any, precision: str) -> np.ndarray:
    predictor = artefact.load(task.folder.adapter, base_folder=Path(task.base_folder), name="r4")
    tokens = Tokens.open(task.run_folder.work / "tokens" / "test")
    if precision == "plain":
        return predictor.logits(tokens, budget=task.plan()["evaluation_budget"])
    computed = inference.ready(replace(predictor, measured=Measured(None, PASSED)), precision).inference  # type: ignore[arg-type]
    assert computed is not None and computed.precision == precision
    return computed.logits(tokens)


PASSED = Agreement(1000, 0, 0.8, 0.8, 0.0)


@pytest.mark.parametrize("most", [1.0, -1.0])  # any share of flips passes, and none
def test_the_test_rows_are_computed_in_bfloat16_only_if_the_gate_was_passed(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, most: float
) -> None:
    monkeypatch.setattr(agreement, "MOST_FLIPPED", most)
    monkeypatch.setattr(agreement, "MOST_ACCURACY_DIFFERENCE", 1.0)
    task = fitted(begin)
    found = predictions.read(task.folder.predictions)
    wanted = "bfloat16" if most > 0 else "float32"
    assert np.array_equal(found["test"].logits, logits_of(task, wanted))
    assert np.abs(found["test"].logits - logits_of(task, "plain")).max() > 0
    known = read_hashed_json(task.folder.adapter / INFERENCE)
    assert known["bfloat16"]["rows"] == 20 and known["bfloat16"]["passed"] is (most > 0)
    row = ending._inference(task.plan(), task.folder)
    assert row is not None and row.precision == wanted and row.validation_rows == 20


def test_the_validation_rows_of_the_proof_are_those_of_the_plain_pass(begin: Callable[..., Any]) -> None:
    task = fitted(begin)
    predictor = artefact.load(task.folder.adapter, base_folder=Path(task.base_folder), name="r4")
    tokens = Tokens.open(task.run_folder.work / "tokens" / "validation")
    plain = predictor.logits(tokens, budget=task.plan()["evaluation_budget"])
    assert np.array_equal(predictions.read(task.folder.predictions)["validation"].logits, plain)
    assert read_json(task.folder.verify)["max_abs_logit_difference"] == 0


def test_exact_computes_everything_by_the_plain_pass(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InferencePass, "__init__", None)  # not to be called
    task = fitted(begin, inference="plain")
    assert np.array_equal(predictions.read(task.folder.predictions)["test"].logits, logits_of(task, "plain"))
    row = ending._inference(task.plan(), task.folder)
    assert row is not None and (row.precision, row.flipped) == ("plain", None)


def test_a_model_that_the_pass_cannot_compute_says_why(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("finetooth.model.inference", "finetooth.tuning.validation"):
        monkeypatch.setattr(f"{place}.inference_obstacle", lambda model: "model family 'other'")
    task = fitted(begin)
    row = ending._inference(task.plan(), task.folder)
    assert row is not None and (row.precision, row.fallback_reason) == ("plain", "model family 'other'")
    assert np.array_equal(predictions.read(task.folder.predictions)["test"].logits, logits_of(task, "plain"))


def test_a_pass_that_differs_from_the_plain_one_is_not_used(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = fitted(begin, inference="float32")
    predictor = artefact.load(task.folder.adapter, base_folder=Path(task.base_folder), name="r4")
    real = InferencePass.logits
    monkeypatch.setattr(InferencePass, "logits", lambda *given, **named: real(*given, **named) + 0.01)
    found = inference.ready(predictor, "float32")
    assert found.precision == "plain"
    assert found.measured.fallback_reason == "its logits differ from those of the plain pass by 0.01"


@pytest.mark.parametrize("most", [1.0, -1.0])
def test_the_probe_is_fitted_in_bfloat16_only_if_the_gate_was_passed(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, most: float
) -> None:
    monkeypatch.setattr(agreement, "MOST_FLIPPED", most)
    monkeypatch.setattr(agreement, "MOST_ACCURACY_DIFFERENCE", 1.0)
    task = begin(baselines=["probe"], candidates=[])
    frozen_rows.fit(task("fit", "probe"), SILENT)
    used: list[str] = []
    real = InferencePass.features

    def features(self: InferencePass, *given: Any, **named: Any) -> Any:
        used.append(self.precision)
        return real(self, *given, **named)

    monkeypatch.setattr(InferencePass, "features", features)
    for split in ("validation", "test"):  # the validation rows' logits are compared bitwise, by the plain pass
        frozen_rows.score(task("score", "probe", split), SILENT)
    assert set(used) == {"bfloat16" if most > 0 else "float32"}
    row = ending._inference(task("score", "probe").plan(), task("score", "probe").folder)
    assert row is not None and row.precision == used[0]
