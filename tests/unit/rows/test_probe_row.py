"""The probe is scored from what was saved, on features computed again, and refuses whatever has changed."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny
from finetooth.baselines import Probe
from finetooth.errors import DivergedError, VerificationError
from finetooth.files import discard, read_json, seal, write_json
from finetooth.models import agreement
from finetooth.models.batching import Tokens
from finetooth.models.packed_inference import InferencePass
from finetooth.rows import probe
from finetooth.rows.context import Context
from finetooth.runs import predictions
from finetooth.tasks import DEFAULT
from silent import SILENT


def changed(context: Context, **facts: Any) -> None:
    """The saved probe with other facts in its baseline.json, and a manifest that agrees."""
    settings_file = context.folder.baseline / "baseline.json"
    write_json(settings_file, read_json(settings_file) | facts)
    (context.folder.baseline / "MANIFEST.json").unlink()
    seal(context.folder.baseline)


def refusal(context: Context) -> str:
    with pytest.raises(VerificationError) as error:
        probe.score(context, SILENT)
    return str(error.value)


def test_its_figures_on_the_validation_rows_are_those_it_was_chosen_by(begin: Callable[..., Any]) -> None:
    context = begin(baselines=["probe"])
    probe.fit(context("fit", "probe"), SILENT)
    for split in ("validation", "test"):
        probe.score(context("score", "probe", split), SILENT)
    folder = context("score", "probe").folder
    splits, saved = predictions.read(folder.predictions), read_json(folder.baseline / "baseline.json")
    figures = DEFAULT.score(splits["validation"].logits, splits["validation"].labels)
    assert (saved["chosen"]["accuracy"], saved["chosen"]["loss"]) == (figures["accuracy"], figures["loss"])
    digest = hashlib.sha256(np.ascontiguousarray(splits["validation"].logits).data).hexdigest()
    assert saved["validation_logits_sha256"] == digest
    assert {trial["feature"] for trial in saved["tried"]} == {"pooler", "mean"}
    assert len(splits["test"].ids) == 20
    assert figures["accuracy"] >= 0.6  # learnable: 20 rows, half of each class


def test_no_row_of_the_test_split_is_read_to_fit_it(begin: Callable[..., Any]) -> None:
    context = begin(baselines=["probe"])
    probe.fit(context("fit", "probe"), SILENT)
    saved = context("fit", "probe").folder.baseline
    first = (saved / "MANIFEST.json").read_bytes()
    discard(saved)
    work = context("fit", "probe").run_folder.work
    discard(work / "tokens" / "test")
    discard(work / "examples" / "test.parquet")
    probe.fit(context("fit", "probe"), SILENT)
    assert (saved / "MANIFEST.json").read_bytes() == first


def test_its_parameters_are_its_weights_and_biases_beside_the_encoders(begin: Callable[..., Any]) -> None:
    context = begin(baselines=["probe"])
    probe.fit(context("fit", "probe"), SILENT)
    counts = read_json(context("fit", "probe").folder.baseline / "baseline.json")["parameters"]
    assert counts["head"] == 2 * 32 + 2
    assert Probe.load(context("fit", "probe").folder.baseline).parameters == counts["head"]
    assert counts["total"] > counts["head"] * 100


@pytest.mark.parametrize(
    ("field", "title", "value"),
    [
        ("tokenizer_sha256", "tokenizer", "0" * 64),
        ("labels_sha256", "labels", "0" * 64),
        ("input", "input", {"max_tokens": 47, "truncation": "head", "pairs": False}),
        ("base", "base", {"id": "owner/name"}),
    ],
)
def test_another_identity_is_refused_by_name(begin: Callable[..., Any], field: str, title: str, value: Any) -> None:
    context = begin(baselines=["probe"])
    probe.fit(context("fit", "probe"), SILENT)
    one = context("score", "probe", "validation")
    changed(one, identity=read_json(one.folder.baseline / "baseline.json")["identity"] | {field: value})
    assert refusal(one) == (
        f"probe: {title} is not what the probe was fitted with. Delete {one.folder.path} and run the same command "
        "again to refit it."
    )
    assert not one.folder.predictions.exists()


def test_a_bit_of_the_validation_logits_that_differs_fails_the_run(begin: Callable[..., Any]) -> None:
    context = begin(baselines=["probe"])
    probe.fit(context("fit", "probe"), SILENT)
    one = context("score", "probe", "validation")
    changed(one, validation_logits_sha256="0" * 64)
    assert refusal(one) == (
        "probe: the reloaded probe is not the one measured: its validation logits differ. The run stops here. Delete "
        f"{one.folder.path} and run the same command again to refit it."
    )
    inexact = replace(one.plan, inexact=("threads was 2, is 1",))
    probe.score(replace(one, plan=inexact), SILENT)  # marked inexact: other bits are allowed
    assert one.folder.predictions.is_file()


def test_another_base_than_the_planned_one_is_refused(
    begin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = begin(baselines=["probe"])
    one = context("fit", "probe")
    other = replace(one, base_folder=tiny.save_model(tmp_path / "other", seed=9))
    with pytest.raises(VerificationError) as error:
        probe.fit(other, SILENT)
    assert str(error.value) == (
        "probe: the weights of the base have changed since the run was planned. Restore them, or start "
        "another run with --out."
    )


def test_the_probe_of_another_model_reads_that_model_and_its_tokens(begin: Callable[..., Any], tmp_path: Path) -> None:
    other = tiny.save_model(tmp_path / "distil", "distilbert", seed=5)
    context = begin(baselines=["probe", {"probe": str(other)}], max_tokens=20)
    for row in ("probe", "probe-distil"):
        probe.fit(context("fit", row), SILENT)
        probe.score(context("score", row, "validation"), SILENT)
    own, other = (context("score", row).folder for row in ("probe", "probe-distil"))
    settings = read_json(other.baseline / "baseline.json")
    planned = context("fit", "probe").plan.other_bases["probe-distil"].base
    assert settings["identity"]["base"]["id"] == planned.id == "distil"
    assert settings["identity"]["base"]["weights_sha256"] == planned.weights_sha256
    assert {trial["feature"] for trial in settings["tried"]} == {"first_token", "mean"}  # a DistilBERT has no pooler
    logits = [predictions.read(folder.predictions)["validation"].logits for folder in (own, other)]
    assert not np.array_equal(*logits)
    discard(context("fit", "probe").run_folder.tokens("probe"))  # not read for the other
    probe.score(context("score", "probe-distil", "test"), SILENT)


def test_the_base_of_another_row_is_refused(begin: Callable[..., Any], tmp_path: Path) -> None:
    other = tiny.save_model(tmp_path / "other", seed=5)
    context = begin(baselines=["probe", {"probe": str(other)}])
    one, wrong = context("fit", "probe-other"), context("fit", "probe").base_folder
    with pytest.raises(VerificationError) as error:
        probe.fit(replace(one, base_folder=wrong), SILENT)
    assert str(error.value) == (
        "probe-other: the weights of the base have changed since the run was planned. Restore them, or start "
        "another run with --out."
    )


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Number format of each call of the inference pass; a validation split of any size may pass the gate."""
    monkeypatch.setattr(agreement, "LEAST_ROWS", 1)
    calls: list[str] = []
    real = InferencePass.features

    def features(computed: InferencePass, tokens: Tokens, **named: Any) -> Any:
        calls.append(computed.precision)
        return real(computed, tokens, **named)

    monkeypatch.setattr(InferencePass, "features", features)
    return calls


def test_where_its_gate_fails_the_training_rows_are_still_encoded_once(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, passes: list[str]
) -> None:
    context = begin(baselines=["probe"], inference="bfloat16")
    monkeypatch.setattr(agreement, "MOST_FLIPPED", -1.0)
    probe.fit(context("fit", "probe"), SILENT)
    assert passes == ["bfloat16", "bfloat16"]  # validation, then training rows
    settings = read_json(context("score", "probe").folder.baseline / "baseline.json")
    assert settings["inference"]["bfloat16"]["passed"] is False
    passes.clear()
    probe.score(context("score", "probe", "test"), SILENT)
    assert set(passes) == {"float32"}


def test_training_rows_are_encoded_in_float32_where_bfloat16_is_far_off(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, passes: list[str]
) -> None:
    context = begin(baselines=["probe"], inference="bfloat16")
    monkeypatch.setattr(probe, "MOST_FEATURE_DIFFERENCE", 1e-9)
    probe.fit(context("fit", "probe"), SILENT)
    assert passes == ["bfloat16", "float32"]
    assert read_json(context("score", "probe").folder.baseline / "baseline.json")["inference"]["bfloat16"] is None


@pytest.mark.parametrize(
    ("inference", "owner", "name", "split"),
    [
        ("plain", probe, "encode", "validation"),
        ("float32", InferencePass, "features", "train"),
        ("bfloat16", InferencePass, "features", "train"),
    ],
)
def test_a_hidden_state_that_is_not_finite_fails_the_row(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, inference: str, owner: Any, name: str, split: str
) -> None:
    context = begin(baselines=["probe"], inference=inference)
    real = getattr(owner, name)

    def encode(*arguments: Any, **named: Any) -> Any:
        encoded = real(*arguments, **named)
        encoded["mean"][3, 5] = np.inf
        return encoded

    monkeypatch.setattr(owner, name, encode)
    with pytest.raises(DivergedError) as error:
        probe.fit(context("fit", "probe"), SILENT)
    row = probe.read_labels(context("fit", "probe").run_folder, split)[0][3]
    assert (
        str(error.value) == f"a value of mean of the {split} rows is not finite (rows {row}); try another base model."
    )
