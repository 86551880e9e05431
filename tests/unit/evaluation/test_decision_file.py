import json

import numpy as np
import pytest

from finetooth.errors import ModelError
from finetooth.evaluation import deciding
from finetooth.evaluation.decision_file import DECISION, SCHEMA, describe, load
from finetooth.evaluation.decisions import Decision
from finetooth.files import write_json
from finetooth.recipe import Deciding

CLASSES = ("bad", "good", "so.so")


def fitted(**settings):
    random = np.random.default_rng(1)
    labels = random.choice(3, 400, p=[0.7, 0.2, 0.1])
    logits = (random.normal(0, 2, (400, 3)) + 2 * np.eye(3)[labels]).astype(np.float32)
    return deciding.fit(logits, labels, classes=CLASSES, settings=Deciding.model_validate(settings))


DECISIONS = [
    Decision(),
    fitted(),
    fitted(temperature=False, thresholds="macro_f1"),
    fitted(costs={"good": {"bad": 5.5, "so.so": 0}}, abstain={"accuracy": 0.9}),
    fitted(thresholds="macro_f1", abstain={"coverage": 0.8}),
    fitted(abstain={"accuracy": 0.999}),
    Decision(costs=((0, 1, 3.0), (2, 0, 1e6))),
]


def saved(folder, value):
    write_json(folder / DECISION, value)
    return folder


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda item: "")
def test_reloaded_is_what_was_saved_exactly(tmp_path, decision):
    content = {"schema": SCHEMA, **describe(decision, CLASSES)}
    assert load(saved(tmp_path, content), classes=CLASSES, name="r4") == decision


def test_an_artifact_without_one_says_its_largest_logit(tmp_path):
    assert load(tmp_path, classes=CLASSES, name="r4") == Decision()


def test_classes_go_by_their_names_and_not_by_their_places(tmp_path):
    decision = Decision(thresholds=(0.5, 0.3, 0.2))
    turned = load(saved(tmp_path, {"schema": SCHEMA, **describe(decision, CLASSES)}), classes=CLASSES[::-1], name="r4")
    assert turned.thresholds == (0.2, 0.3, 0.5)


def test_what_is_not_done_is_null():
    assert describe(Decision(), CLASSES) == {
        "temperature": 1.0, "thresholds": None, "costs": None, "abstain": None, "validation": None
    }  # fmt: skip
    content = describe(Decision(costs=((1, 0, 5.0),)), CLASSES)
    assert content["costs"] == {"good": {"bad": 5.0}}
    abstain = describe(DECISIONS[4], CLASSES)["abstain"]
    assert abstain["wanted"] == {"coverage": 0.8} and abstain["coverage"] == pytest.approx(0.8, abs=1 / 400)
    assert abstain["curve"][-1]["coverage"] == 1.0


WHOLE = {"schema": SCHEMA, **describe(DECISIONS[4], CLASSES)}
POINT = {"coverage": 0.5, "risk": 0.1, "threshold": 0.7}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"schema": 2}, "schema is 2; this version reads schema 1."),
        ({"schema": True}, "schema is True; this version reads schema 1."),
        ({"temperatur": 1.0}, "unknown key 'temperatur'. Did you mean 'temperature'?"),
        ({"temperature": None}, "temperature is None; a number from 0.05 to 20 is needed."),
        ({"temperature": 0}, "temperature is 0; a number from 0.05 to 20 is needed."),
        ({"temperature": True}, "temperature is True; a number from 0.05 to 20 is needed."),
        ({"temperature": "1"}, "temperature is '1'; a number from 0.05 to 20 is needed."),
        (
            {"temperature": 10**400},
            "temperature is 1000000000000000000000000000000000000...; a number from 0.05 to 20 is needed.",
        ),
        ({"thresholds": [0.5, 0.3, 0.2]}, "thresholds is [0.5, 0.3, 0.2]; a mapping is needed."),
        ({"thresholds": {"bad": 0.5, "good": 0.5}}, "key 'thresholds.so.so' is missing."),
        (
            {"thresholds": {"bad": 0.5, "good": 0.3, "so.so": 0.2, "god": 0.1}},
            "unknown key 'thresholds.god'. Did you mean 'good'?",
        ),
        (
            {"thresholds": {"bad": 0.5, "good": -0.3, "so.so": 0.2}},
            "thresholds.good is -0.3; a number from 0 to 1 is needed.",
        ),
        (
            {"thresholds": {"bad": 0.5, "good": 0.5, "so.so": 0}},
            "thresholds.so.so is 0; a number above 0 is needed.",
        ),
        ({"thresholds": {"bad": 0.5, "good": 0.5, "so.so": 0.5}}, "thresholds sum to 1.5, not 1."),
        (
            {"costs": {"good": {"bad": 5}}},
            "thresholds and costs are both given; a label is decided by one of them.",
        ),
        ({"thresholds": None, "costs": {"god": {}}}, "unknown key 'costs.god'. Did you mean 'good'?"),
        ({"thresholds": None, "costs": {"good": {"bd": 2}}}, "unknown key 'costs.good.bd'. Did you mean 'bad'?"),
        (
            {"thresholds": None, "costs": {"good": {"good": 2}}},
            "costs.good.good is the cost of a right label, which costs nothing.",
        ),
        (
            {"thresholds": None, "costs": {"good": {"bad": -2}}},
            "costs.good.bad is -2; a number from 0 to 1e+06 is needed.",
        ),
        ({"abstain": 0.5}, "abstain is 0.5; a mapping is needed."),
        ({"abstain": {}}, "key 'abstain.wanted' is missing."),
        (
            {"abstain": {**WHOLE["abstain"], "wanted": {"coverage": 0.8, "accuracy": 0.9}}},
            "abstain.wanted must name exactly one of coverage and accuracy.",
        ),
        (
            {"abstain": {**WHOLE["abstain"], "below": 1.5}},
            "abstain.below is 1.5; a number from 0 to 1.001 is needed.",
        ),
        (
            {"abstain": {**WHOLE["abstain"], "curve": [POINT] * 102}},
            "abstain.curve is no list of at most 101 points.",
        ),
        (
            {"abstain": {**WHOLE["abstain"], "curve": [POINT, {**POINT, "risk": 2}]}},
            "abstain.curve.1.risk is 2; a number from 0 to 1 is needed.",
        ),
        (
            {"validation": {**WHOLE["validation"], "loss_before": -1}},
            "validation.loss_before is -1; a number from 0 is needed.",
        ),
    ],
)
def test_a_decision_that_is_not_ours_is_refused_by_name(tmp_path, change, fault):
    with pytest.raises(ModelError) as error:
        load(saved(tmp_path, WHOLE | change), classes=CLASSES, name="runs/mine")
    assert str(error.value) == f"runs/mine: decision.json: {fault} Take it from its run or a backup again."


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "it is not readable as JSON."),
        ("[" * 100_000, "it is not readable as JSON."),
        ("[]", "it is []; a mapping is needed."),
        ("{}", "key 'schema' is missing."),
        (json.dumps(WHOLE | {"temperature": float("nan")}), "temperature is nan; a number from 0.05 to 20 is needed."),
        (json.dumps(WHOLE | {"temperature": float("inf")}), "temperature is inf; a number from 0.05 to 20 is needed."),
    ],
)
def test_a_broken_file_is_refused(tmp_path, text, fault):
    (tmp_path / DECISION).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError) as error:
        load(tmp_path, classes=CLASSES, name="runs/mine")
    assert str(error.value) == f"runs/mine: decision.json: {fault} Take it from its run or a backup again."
