"""The contract of a task: what must hold of every task, by the laws of house style; and of rows compared by it."""

import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from tasks import CASES, Case, outputs_of, targets_of

from finetooth.data import splits
from finetooth.errors import DivergedError
from finetooth.evaluation.claim import standing
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.intervals import metric_interval
from finetooth.evaluation.seeds import recipe_difference
from finetooth.evaluation.significance import paired
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.units import Units
from finetooth.files import write_json
from finetooth.recipe import Training
from finetooth.runs import comparison, predictions
from finetooth.runs.predictions import Predictions
from finetooth.tasks import DEFAULT, TASKS, Metric, Outputs
from finetooth.training import loss as losses
from finetooth.training.loss import LOSSES, BatchLoss

COUNT = 120

case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.task.name)
metric_of = pytest.mark.parametrize(
    ("case", "metric"),
    [pytest.param(case, metric, id=f"{case.task.name}-{metric.key}") for case in CASES for metric in case.task.metrics],
)


def test_every_task_is_in_the_suite() -> None:
    assert {case.task.name for case in CASES} >= set(TASKS)
    assert all(TASKS[name].name == name for name in TASKS)
    assert all(task.loss in LOSSES for task in TASKS.values())


def test_a_recipe_may_monitor_each_metric_of_its_task_and_no_other() -> None:
    choices = get_args(Training.model_fields["monitor"].annotation)
    assert set(choices) == {metric.key for metric in DEFAULT.metrics}


@case
def test_metrics_have_stable_keys_and_the_headline_metric_is_a_mean(case: Case) -> None:
    keys = [metric.key for metric in case.task.metrics]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", key) for key in [case.task.name, *keys])
    assert case.task.headline.aggregate is None
    assert [case.task.metric(key) for key in keys] == list(case.task.metrics)


@case
def test_a_name_parses_to_itself(case: Case) -> None:
    for value in case.values:
        name = case.task.parse(value)
        assert case.task.parse(name) == name


@case
def test_what_is_no_label_is_refused_with_the_reason(case: Case) -> None:
    for value in case.no_label:
        with pytest.raises(ValueError, match=r"^is \S"):
            case.task.parse(value)


@case
def test_targets_and_names_lead_to_each_other(case: Case) -> None:
    names = [case.task.parse(value) for value in case.values]
    labels = case.task.resolve(set(names), declared=None)
    targets = labels.encode(names)
    assert case.task.names(targets, labels.classes) == names
    assert np.array_equal(labels.encode(case.task.names(targets, labels.classes)), targets)
    assert labels.classes == case.task.resolve(sorted(names, reverse=True), declared=None).classes


@case
def test_targets_are_one_for_each_name_and_all_known(case: Case) -> None:
    targets, _ = targets_of(case, COUNT)
    assert targets.dtype == case.dtype
    assert len(targets) == COUNT
    assert not case.task.unknown(targets).any()


@case
def test_a_name_that_is_no_label_is_told(case: Case) -> None:
    names = [case.task.parse(value) for value in case.values]
    labels = case.task.resolve(set(names), declared=None)
    if case.unknown is None:
        assert not case.task.unknown(labels.encode(names)).any()
        return
    assert case.task.unknown(labels.encode([*names, case.unknown])).tolist() == [False] * len(names) + [True]


@case
def test_answers_have_the_form_of_targets(case: Case) -> None:
    targets, classes = targets_of(case, COUNT)
    logits = np.random.default_rng(1).normal(0, 3, (COUNT, case.task.outputs(classes))).astype(np.float32)
    answers = case.task.answers(logits)
    assert answers.dtype == targets.dtype
    assert answers.shape == targets.shape
    assert not case.task.unknown(answers).any()
    assert len(case.task.names(answers, classes)) == COUNT


@case
def test_an_answer_does_not_depend_on_the_other_examples(case: Case) -> None:
    _, classes = targets_of(case, COUNT)
    logits = np.random.default_rng(2).normal(0, 3, (COUNT, case.task.outputs(classes))).astype(np.float32)
    one_by_one = [case.task.answers(logits[[row]])[0] for row in range(COUNT)]
    assert np.array_equal(case.task.answers(logits), one_by_one)


@case
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_is_refused(case: Case, value: float) -> None:
    targets, classes = targets_of(case, 5)
    logits = np.zeros((5, case.task.outputs(classes)), np.float32)
    logits[3, 0] = value
    with pytest.raises(DivergedError):
        case.task.answers(logits)
    with pytest.raises(DivergedError):
        case.task.score(logits, targets)


@case
def test_probabilities_lie_between_0_and_1_and_are_flatter_at_a_higher_temperature(case: Case) -> None:
    if case.task.probabilities is None:
        return
    _, classes = targets_of(case, COUNT)
    logits = np.random.default_rng(3).normal(0, 3, (COUNT, case.task.outputs(classes))).astype(np.float32)
    sharp, flat = (case.task.probabilities(logits, temperature) for temperature in (1.0, 5.0))
    for shares in (sharp, flat):
        assert (shares.dtype, shares.shape) == (np.float64, logits.shape)
        assert shares.min() >= 0
        assert shares.max() <= 1
    assert (np.ptp(flat, axis=1) <= np.ptp(sharp, axis=1)).all()


@metric_of
def test_scores_average_to_the_metric_and_lie_in_its_bounds(case: Case, metric: Metric) -> None:
    targets, classes = targets_of(case, COUNT)
    outputs = outputs_of(case, targets, classes, noise=1.0)
    value = metric.value(outputs, targets)
    assert metric.bounds[0] <= value <= metric.bounds[1]
    assert case.task.score(outputs.logits, targets)[metric.key] == value
    scores = metric.each(outputs, targets)
    assert (scores.dtype, scores.shape) == (np.float64, (COUNT,))
    if metric.aggregate is not None:  # values of the jackknife, of which one may lie beyond the bounds
        assert scores.mean() == pytest.approx(value, rel=1e-12)
        return
    assert scores.sum() / COUNT == value
    assert scores.min() >= metric.bounds[0]
    assert scores.max() <= metric.bounds[1]
    if metric.paired_test == "mcnemar":
        assert set(scores) <= {0.0, 1.0}


@metric_of
def test_other_orders_of_the_examples_only_change_the_order_of_the_scores(case: Case, metric: Metric) -> None:
    targets, classes = targets_of(case, COUNT)
    outputs, order = outputs_of(case, targets, classes, noise=1.0), np.random.default_rng(4).permutation(COUNT)
    turned = Outputs(outputs.logits[order], outputs.answers[order])
    assert metric.value(turned, targets[order]) == pytest.approx(metric.value(outputs, targets), rel=1e-12)
    each = metric.each(turned, targets[order])
    if metric.aggregate is None:
        assert np.array_equal(each, metric.each(outputs, targets)[order])
    assert each == pytest.approx(metric.each(outputs, targets)[order], rel=1e-9)


@metric_of
def test_perfect_answers_have_the_best_value_and_worse_ones_a_worse_one(case: Case, metric: Metric) -> None:
    targets, classes = targets_of(case, COUNT)
    values = [metric.value(outputs_of(case, targets, classes, noise=noise), targets) for noise in (0.0, 1.0, 100.0)]
    assert values[0] == pytest.approx(metric.best, abs=1e-6)
    gains = [metric.gain(value) for value in values]
    assert gains[0] > gains[1] > gains[2]


@metric_of
def test_metrics_equal_a_library_on_random_cases(case: Case, metric: Metric) -> None:
    for seed in range(50):
        targets, classes = targets_of(case, 2 + 3 * seed, seed=seed)
        outputs = outputs_of(case, targets, classes, noise=2.0, seed=seed)
        wanted = case.library[metric.key](outputs, targets)
        assert metric.value(outputs, targets) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@metric_of
def test_metrics_equal_what_was_worked_by_hand(case: Case, metric: Metric) -> None:
    logits, targets, values = case.by_hand
    assert metric.value(Outputs(logits, case.task.answers(logits)), targets) == pytest.approx(values[metric.key])


@case
def test_splits_hold_the_strata_in_proportion(case: Case) -> None:
    targets, _ = targets_of(case, 400)
    strata = case.task.strata(targets)
    assert (strata.dtype, strata.shape, strata.min() >= 0) == (np.int64, (400,), True)
    order = np.random.default_rng(5).permutation(400)
    assert np.array_equal(case.task.strata(targets[order]), strata[order])
    rows, random = np.arange(400), np.random.default_rng(6)
    carved = splits.carve(rows, strata=strata, units=rows, count=80, rng=random, spare=True)
    sizes, of_carved = np.bincount(strata), np.bincount(strata[carved], minlength=strata.max() + 1)
    assert of_carved.sum() == 80
    assert (np.abs(of_carved - 80 * sizes / 400) < 1).all()


@case
def test_training_scores_examples_as_the_headline_metric_does(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "LOSSES", {**LOSSES, case.task.loss: case.loss})
    targets, classes = targets_of(case, COUNT)
    outputs = outputs_of(case, targets, classes, noise=1.0)
    loss = BatchLoss(case.task.loss, targets, classes=classes, weights=None, device=torch.device("cpu"))
    logits, rows = torch.from_numpy(outputs.logits).requires_grad_(), np.arange(COUNT)
    share, sums = loss(logits, rows, total_weight=loss.total_weight(rows))
    (gradient,) = torch.autograd.grad(share, logits)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0
    assert float(share.detach()) == pytest.approx(float(sums[0]) / COUNT, rel=1e-6)
    assert float(sums[1]) == pytest.approx(case.task.headline.each(outputs, targets).sum(), rel=1e-9)


@case
def test_targets_are_read_as_they_were_written(case: Case, tmp_path: Path) -> None:
    targets, classes = targets_of(case, COUNT)
    outputs = outputs_of(case, targets, classes, noise=1.0)
    names = tuple(f"a.csv:{row}" for row in range(COUNT))
    predictions.write(tmp_path / "predictions.parquet", {"test": Predictions(names, targets, outputs.logits)})
    again = predictions.read(tmp_path / "predictions.parquet")["test"]
    assert again.labels.dtype == targets.dtype
    assert np.array_equal(again.labels, targets)
    assert case.task.score(again.logits, again.labels) == case.task.score(outputs.logits, targets)


@case
def test_a_row_compared_with_itself_differs_by_nothing(case: Case) -> None:
    targets, classes = targets_of(case, COUNT)
    metric, test = case.task.headline, case.task.headline.paired_test
    near, far = (metric.gains(outputs_of(case, targets, classes, noise=noise, seed=9), targets) for noise in (1.0, 2.0))
    same, ahead, behind = (paired(*rows, test=test) for rows in ((near, near), (near, far), (far, near)))
    assert (same.difference, same.p) == (0.0, 1.0)
    assert ahead.difference == -behind.difference > 0
    assert ahead.p == behind.p
    assert ahead.interval()[0] < ahead.difference < ahead.interval()[1]
    assert ahead.interval() == pytest.approx([-end for end in reversed(behind.interval())])
    assert (ahead.interval()[0] > 0) == (ahead.p < 0.05)


@case
def test_the_better_row_wins_against_every_baseline(case: Case) -> None:
    targets, classes = targets_of(case, COUNT)
    metric = case.task.headline
    good, poor, poorer = (
        metric.gains(outputs_of(case, targets, classes, noise=noise), targets) for noise in (0.0, 2.0, 8.0)
    )
    against = standing(good, [poorer, poor], terms=Terms(units=Units.single(COUNT), metric=metric))
    assert against.best == 1
    assert against.to_best.difference > 0
    assert against.p < 0.001
    seeds = [metric.gains(outputs_of(case, targets, classes, noise=0.5, seed=seed), targets) for seed in range(3)]
    claim = recipe_difference(np.stack(seeds), poorer[None, :], span=metric.span)
    assert claim.interval[0] < claim.difference < claim.interval[1]
    assert claim.p < 0.001


@case
def test_a_run_is_compared_by_the_metrics_of_its_task(case: Case, tmp_path: Path) -> None:
    targets, classes = targets_of(case, COUNT)
    names, decision, outcomes = tuple(f"a.csv:{row}" for row in range(COUNT)), Decision(task=case.task), []
    for name, noise in (("worse", 4.0), ("better", 2.0), ("lora", 0.3)):
        kind = "candidate" if name == "lora" else "baseline"
        outputs = outputs_of(case, targets, classes, noise=noise)
        test = Predictions(names, targets, outputs.logits)
        outcomes.append(comparison.Outcome(name, kind, 1 if name == "lora" else None, test, 10, decision))
    terms = Terms(units=Units.single(COUNT), metric=case.task.headline, margin=0.01)
    found = comparison.compare(outcomes, winner=("lora", 1), terms=terms, task=case.task)
    write_json(tmp_path / "comparison.json", found)  # all of it is finite
    headline, (row, *_) = case.task.headline, reversed(found["rows"])
    assert found["best_baseline"] == {"name": "better", "seed": None}
    assert row[headline.key] == headline.value(decision.outputs(outcomes[2].test.logits), targets)
    assert row["difference"] > 0
    assert row["p_better"] < 0.05
    assert found["verdict"]["worth_it"] is True
    fewest = np.unique(case.task.strata(targets), return_counts=True)[1].min()
    for metric in case.task.metrics[1:]:
        interval = row[f"{metric.key}_interval"]
        assert (interval is not None) == (fewest >= metric.least_per_stratum)
        if interval is not None:
            assert metric.bounds[0] <= interval[0] <= interval[1] <= metric.bounds[1]
        assert metric.gain(row[f"{metric.key}_difference"]) > 0
    low, high = metric_interval(headline, headline.each(decision.outputs(outcomes[0].test.logits), targets))
    assert found["rows"][0]["interval"] == [low, high]
    assert low <= found["rows"][0][headline.key] <= high
