"""Every row of the table has a decision, fitted on its validation rows as the recipe sets it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from finetooth.evaluation import deciding, decision_file
from finetooth.evaluation.calibration import calibration_error, reliability
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.units import Units
from finetooth.files import read_json
from finetooth.pipeline import finish
from finetooth.rows import row_of
from finetooth.runs import comparison, finished, predictions
from silent import SILENT


def scored(begin: Callable[..., Any], name: str, **settings: Any) -> Any:
    context = begin(baselines=["majority", "original", "tfidf", "nb_words", "probe"], candidates=[], **settings)
    row_of(name).fit(context("fit", name), SILENT)
    for split in ("validation", "test"):
        row_of(name).score(context("score", name, split), SILENT)
    one = context("score", name)
    finished.record(one.folder, finished.FITTED, run_id=one.plan.run_id)
    return context("score", name)


@pytest.mark.parametrize("name", ["majority", "original", "tfidf", "nb_words", "probe"])
def test_the_decision_of_a_baseline_is_that_of_its_validation_rows(begin: Callable[..., Any], name: str) -> None:
    context = scored(begin, name)
    part = predictions.read(context.folder.predictions)["validation"]
    refitted = deciding.fit(part.logits, part.labels, classes=context.plan.classes, settings=context.recipe.decision)
    assert finish.decision_of(context.plan, context.folder) == refitted
    row = finish.row_of_results(context.recipe, context.plan, context.run_folder, key=(name, context.row_seed))
    assert row.decision == decision_file.describe(refitted, context.plan.classes)
    assert finished.DECISION in finished.settle(context.folder, run_id=context.plan.run_id)


def test_the_temperature_of_a_baseline_changes_its_loss_and_its_calibration(begin: Callable[..., Any]) -> None:
    context = scored(begin, "probe")  # tfidf answers every validation row correctly, and so has no temperature
    test, decision = (
        predictions.read(context.folder.predictions)["test"],
        finish.decision_of(context.plan, context.folder),
    )
    row = finish.row_of_results(context.recipe, context.plan, context.run_folder, key=("probe", None))

    def error(one: Decision) -> float:
        answers = test.logits.argmax(axis=1)
        return calibration_error(reliability(one.confidences(test.logits, answers), answers == test.labels))

    assert row.test is not None and decision.validation is not None
    assert abs(decision.temperature - 1.0) > 0.1
    assert decision.validation.loss_after < decision.validation.loss_before
    assert row.test["loss"] == decision.score(test.logits, test.labels)["loss"]
    assert row.test["loss"] != Decision().score(test.logits, test.labels)["loss"]
    terms = Terms(units=Units.single(len(test.labels)))
    compared = comparison.compare([finish._outcome(context.plan, context.run_folder, row)], winner=None, terms=terms)
    assert compared["rows"][0]["calibration_error"] == pytest.approx(error(decision))
    assert error(decision) != pytest.approx(error(Decision()))


def test_costs_decide_the_labels_of_every_baseline(begin: Callable[..., Any]) -> None:
    classes = begin(candidates=[])("fit", "majority").plan.classes
    costs = {classes[0]: {classes[1]: 1000.0}}  # the second class is never worth its risk
    context = scored(begin, "tfidf", decision={"costs": costs, "temperature": False})
    decision, part = finish.decision_of(context.plan, context.folder), predictions.read(context.folder.predictions)
    assert not decision.labels(part["test"].logits).any()
    row = finish.row_of_results(context.recipe, context.plan, context.run_folder, key=("tfidf", None))
    assert row.test is not None and row.test["accuracy"] == (part["test"].labels == 0).mean()
    assert row.test["accuracy"] != (part["test"].logits.argmax(axis=1) == part["test"].labels).mean()


def test_each_untrained_head_is_scored_by_its_own_decision(begin: Callable[..., Any]) -> None:
    context = scored(begin, "original", original_heads=3, decision={"thresholds": "macro_f1"})
    parts = predictions.read(context.folder.predictions)

    def accuracy(head: str) -> float:
        part, test = parts[f"validation{head}"], parts[f"test{head}"]
        settings = context.recipe.decision
        own = deciding.fit(part.logits, part.labels, classes=context.plan.classes, settings=settings)
        return float(own.score(test.logits, test.labels)["accuracy"])

    values = [accuracy(head) for head in ("", f"/seed-{context.row_seed + 1}", f"/seed-{context.row_seed + 2}")]
    row = finish.row_of_results(context.recipe, context.plan, context.run_folder, key=("original", context.row_seed))
    assert row.heads is not None
    assert (row.heads.lowest, row.heads.highest) == (min(values), max(values))


def test_a_lost_decision_is_made_again_with_the_predictions(begin: Callable[..., Any]) -> None:
    context = scored(begin, "majority")
    before = read_json(context.folder.decision)
    context.folder.decision.unlink()
    assert not {finished.DECISION, finished.PREDICTIONS} & finished.settle(context.folder, run_id=context.plan.run_id)
    row_of("majority").score(replace(context, split="validation"), SILENT)
    assert read_json(context.folder.decision) == before
