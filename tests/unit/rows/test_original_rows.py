"""The untrained model: a head of its own gives one row; without one, several random heads share a pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tiny
from finetooth.files import read_json
from finetooth.models import agreement, artifact
from finetooth.models.agreement import Measured
from finetooth.models.artifact_files import HEADS, IDENTITY
from finetooth.models.batching import Tokens
from finetooth.models.loading import load_base
from finetooth.models.packed_inference import InferencePass
from finetooth.models.plain_pass import logits
from finetooth.pipeline import finish
from finetooth.rows import original
from finetooth.runs import predictions
from finetooth.tasks import DEFAULT
from silent import SILENT


def done(context: Callable[..., Any]) -> Any:
    original.fit(context("fit", "original"), SILENT)
    for split in ("validation", "test"):
        original.score(context("score", "original", split), SILENT)
    return context("score", "original")


def test_each_head_says_what_a_model_with_that_head_says(begin: Callable[..., Any]) -> None:
    context = done(begin(baselines=["original"], original_heads=3, inference="float32"))
    splits = predictions.read(context.folder.predictions)
    assert list(splits) == [
        "validation",
        "test",
        "test/seed-4",
        "test/seed-5",
        "validation/seed-4",
        "validation/seed-5",
    ]
    tokens, plan = Tokens.open(context.run_folder.work / "tokens" / "test"), context.plan
    for seed, split in ((3, "test"), (4, "test/seed-4"), (5, "test/seed-5")):
        model = load_base(context.base_folder, classes=plan.classes, head_seed=seed).model
        expected = logits(model, tokens, pad_id=0, budget=plan.evaluation_budget)
        assert splits[split].logits == pytest.approx(expected, abs=1e-5)
        assert splits[split].ids == splits["test"].ids
    assert np.abs(splits["test"].logits - splits["test/seed-4"].logits).max() > 1e-3


@pytest.mark.parametrize(
    ("inference", "owner", "name"),
    [
        ("plain", original, "encode"),
        ("float32", InferencePass, "features"),
        ("bfloat16", InferencePass, "features"),
    ],
)
def test_the_heads_share_one_pass_of_the_encoder(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, inference: str, owner: Any, name: str
) -> None:
    context = begin(baselines=["original"], original_heads=5, inference=inference)
    original.fit(context("fit", "original"), SILENT)
    passes: list[int] = []
    real = getattr(owner, name)

    def encode(*arguments: Any, **named: Any) -> Any:
        passes.append(1)
        return real(*arguments, **named)

    monkeypatch.setattr(owner, name, encode)
    original.score(context("score", "original", "test"), SILENT)
    assert len(passes) == 1
    assert len(artifact.heads_of(context("score", "original").folder.adapter)) == 5


def test_the_gate_of_several_heads_leaves_each_as_it_was_drawn(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    heads_by_gate = []
    for rows in (1000, 1):
        monkeypatch.setattr(agreement, "LEAST_ROWS", rows)
        context = begin(baselines=["original"], original_heads=3)("fit", "original")
        original.fit(context, SILENT)
        heads_by_gate.append(artifact.heads_of(context.folder.adapter))
        assert (Measured.load(context.folder.adapter).agreement is None) is (rows == 1000)
    for seed, head in heads_by_gate[0].items():
        assert all(torch.equal(tensor, heads_by_gate[1][seed][name]) for name, tensor in head.items())


def test_the_row_tells_the_mean_and_the_range_of_its_heads(begin: Callable[..., Any]) -> None:
    context = done(begin(baselines=["original"], original_heads=4, candidates=[]))
    splits = predictions.read(context.folder.predictions)
    shares = [
        DEFAULT.score(part.logits, part.labels)["accuracy"]
        for split, part in splits.items()
        if split.startswith("test")
    ]
    row = finish.row_of_results(context.recipe, context.plan, context.run_folder, key=("original", 3))
    assert row.heads is not None and row.test is not None
    assert (row.heads.count, row.heads.lowest, row.heads.highest) == (4, min(shares), max(shares))
    assert row.heads.mean_accuracy == pytest.approx(np.mean(shares))
    assert row.test["accuracy"] == shares[0]
    assert row.head == "new"


@pytest.mark.parametrize("brought", [True, False])
def test_a_head_that_came_with_the_checkpoint_and_a_single_new_one_have_no_range(
    begin: Callable[..., Any], tmp_path: Path, brought: bool
) -> None:
    model = tiny.save_model(tmp_path / "own", labels=["Good", "Bad"] if brought else None)
    context = done(begin(str(model), baselines=["original"], candidates=[], original_heads=5 if brought else 1))
    assert list(predictions.read(context.folder.predictions)) == ["validation", "test"]
    row = finish.row_of_results(context.recipe, context.plan, context.run_folder, key=("original", 3))
    assert (row.head, row.heads) == ("checkpoint" if brought else "new", None)
    assert not (context.folder.adapter / HEADS).exists()
    assert read_json(context.folder.adapter / IDENTITY)["head_seed"] == 3
