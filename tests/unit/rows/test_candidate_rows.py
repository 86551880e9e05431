"""The decision of a candidate: fitted on what the loop measured on validation rows, and verified like its adapter."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

import plans
from finetooth.errors import VerificationError
from finetooth.evaluation.decisions import Decision
from finetooth.files import write_json
from finetooth.recipe import Deciding, load
from finetooth.rows import outputs, trained
from finetooth.rows.context import Context
from finetooth.runs.layout import RunFolder

LABELS = np.random.default_rng(1).integers(0, 2, 50)
LOGITS = (np.random.default_rng(2).normal(0, 3, (50, 2)) + 2 * np.eye(2)[LABELS]).astype(np.float32)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A trained row whose best step gave LOGITS on 50 validation rows."""
    recipe = {"name": "x", "model": "a/b", "data": {"source": "c"}, "decision": {"thresholds": "macro_f1"}}
    scored_row = Context(
        run_folder=RunFolder(tmp_path),
        recipe=load(recipe | {"candidates": [{"name": "r4"}]}),
        plan=plans.plan(classes=("bad", "good")),
        row="r4",
        row_seed=0,
        split="validation",
        base_folder=tmp_path,
    )
    scored_row.folder.path.mkdir(parents=True)
    return scored_row


def cross_entropy(temperature: float) -> float:
    """The mean loss of LABELS at a temperature, by the definition."""
    scaled = LOGITS.astype(np.float64) / temperature
    return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(50), LABELS]).mean())


def test_the_decision_has_the_temperature_and_the_thresholds_that_are_best_on_validation_rows(context: Context) -> None:
    decision = outputs.decide(context, LOGITS, LABELS)
    best = cross_entropy(decision.temperature)
    assert best < min(cross_entropy(decision.temperature * factor) for factor in (0.98, 1.02))
    assert best < cross_entropy(1.0)
    decided, plain = decision.apply(LOGITS).labels, LOGITS.argmax(axis=1)
    assert f1_score(LABELS, decided, average="macro") > f1_score(LABELS, plain, average="macro")


def test_the_decision_has_only_what_the_recipe_asks_for(context: Context) -> None:
    asked = Deciding.model_validate({"temperature": False})
    recipe = context.recipe.model_copy(update={"decision": asked})
    decision = outputs.decide(replace(context, recipe=recipe), LOGITS, LABELS)
    assert (decision.temperature, decision.thresholds, decision.abstention) == (1.0, None, None)


def test_a_reloaded_decision_that_validation_does_not_give_is_refused(context: Context) -> None:
    write_json(context.folder.verify, {"verified": True})
    again = outputs.decide(context, LOGITS, LABELS)
    trained._check_decision(context, again, again=again)
    with pytest.raises(VerificationError) as caught:
        trained._check_decision(context, Decision(temperature=3.0), again=again)
    assert str(caught.value) == (
        "r4: the reloaded decision.json is not what the validation rows give. The run stops here. Delete "
        f"{context.folder.adapter} and run the same command again to rebuild it from the last checkpoint."
    )
    assert not context.folder.verify.exists()
