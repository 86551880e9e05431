"""Rates by hand and as transformers has them; an automatic training is bounded, and decided by what is on disk."""

import itertools
import math
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from finetooth.recipe import Training
from finetooth.training import schedule
from finetooth.training.schedule import Schedule

SIZES = [1, 7, 40, 540, 600, 2_000, 5_000, 10_000, 25_000, 500_000]


def of(rows: int, **training: Any) -> Schedule:
    return Schedule.of(Training.model_validate(training), rows)


def walked(made: Schedule, better: set[int]) -> tuple[list[float], list[int], int]:
    """The shares of all steps, those that were evaluated, and where the decay began; only `better` ones improve."""
    shares, evaluated, began, waited, step = list[float](), list[int](), None, 0, 0
    while step < made.end(began):
        shares.append(made.rate_factor(step, began))
        step += 1
        if made.evaluated_at(step, began):
            waited = 0 if not evaluated or step in better else waited + 1
            evaluated.append(step)
        if began is None and made.decays(step, waited=waited, train_accuracy=None):
            began = step
    assert began is not None
    return shares, evaluated, began


def always(made: Schedule) -> set[int]:
    return set(range(made.most + 1))


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("improving", [True, False])
def test_the_rate_rises_stays_and_falls_without_a_leap_to_nearly_zero(rows: int, improving: bool) -> None:
    made = of(rows)
    shares, _, began = walked(made, always(made) if improving else set())
    steps = len(shares) - began
    assert shares[0] == 0.0
    largest = max(1 / made.warmup, 1 / steps)
    assert all(abs(one - two) <= largest + 1e-9 for one, two in itertools.pairwise(shares))
    assert all(share == 1.0 for share in shares[made.warmup : began + 1])
    assert shares[-1] == pytest.approx(1 / steps)


@pytest.mark.parametrize("rows", SIZES)
def test_floor_and_ceiling_hold(rows: int) -> None:
    made = of(rows)
    longest, evaluated, began = walked(made, always(made))
    assert len(longest) <= made.most
    assert len(longest) / made.steps_per_epoch <= schedule.MOST_EPOCHS
    assert len(longest) <= max(schedule.MOST_STEPS, schedule.LARGE_EPOCHS * made.steps_per_epoch)
    assert began == made.latest and evaluated[-1] == len(longest)
    shortest, _, early = walked(made, set())
    assert early >= min(schedule.LEAST_STEPS, made.latest)
    assert len(shortest) <= len(longest)


def test_many_rows_end_within_two_to_three_epochs() -> None:
    for rows in (25_000, 100_000):
        made = of(rows)
        longest, evaluated, _ = walked(made, always(made))
        assert len(longest) == 3 * made.steps_per_epoch
        assert evaluated == [made.steps_per_epoch * epoch for epoch in (1, 2, 3)]
        assert made.warmup == math.ceil(0.06 * 3 * made.steps_per_epoch)


def test_few_rows_are_trained_for_many_epochs_and_scored_every_fifty_steps_or_more() -> None:
    made = of(600)
    _, evaluated, _ = walked(made, always(made))
    assert evaluated[:3] == [76, 152, 228]
    assert made.most == 30 * 38
    assert of(5_000).interval == of(5_000).steps_per_epoch


def test_validation_that_stops_improving_begins_the_decay() -> None:
    made = of(600)
    shares, _, began = walked(made, {76, 152, 228})
    assert (began, len(shares)) == (228 + 76 * 2, 380 + 190)
    assert walked(of(600, patience=4), {76, 152, 228})[2] == 228 + 76 * 4
    assert walked(made, {76})[2] == 228  # the floor


def test_fitted_training_rows_begin_the_decay_but_not_before_the_floor() -> None:
    made = of(600)
    assert not made.decays(228, waited=0, train_accuracy=0.99)
    assert made.decays(228, waited=0, train_accuracy=0.995)
    assert not made.decays(152, waited=0, train_accuracy=1.0)
    assert not of(600, epochs=9).decays(228, waited=9, train_accuracy=1.0)


@pytest.mark.parametrize("rows", SIZES)
def test_what_is_typical_is_the_shortest_course_of_rows_that_are_not_fitted(rows: int) -> None:
    made = of(rows)
    assert made.typical == len(walked(made, set())[0])


def test_a_schedule_gives_the_decay_its_form() -> None:
    assert of(600, schedule="cosine").rate_factor(500, 400) == pytest.approx(0.5)
    assert of(600, schedule="linear").rate_factor(550, 400) == pytest.approx(0.25)


def test_fixed_epochs_are_all_taken_and_patience_is_as_given() -> None:
    made = of(600, epochs=4)
    assert (made.most, made.typical, made.interval, made.patience) == (152, 152, 38, None)
    assert made.end(None) == 152


def factor(step: int, total: int, *, schedule: str, warmup_fraction: float) -> float:
    """The share of the peak rate in a training of `total` steps."""
    settings = {"epochs": total, "batch_size": 1, "schedule": schedule, "warmup_fraction": warmup_fraction}
    return Schedule.of(Training.model_validate(settings), 1).rate_factor(step, None)


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [
        ("linear", [0, 1 / 2, 1, 7 / 8, 3 / 4, 5 / 8, 1 / 2, 3 / 8, 1 / 4, 1 / 8]),
        ("constant", [0, 1 / 2, 1, 1, 1, 1, 1, 1, 1, 1]),
        ("cosine", [0, 1 / 2, 1, 0.961940, 0.853553, 0.691342, 1 / 2, 0.308658, 0.146447, 0.038060]),
    ],
)
def test_shares_by_hand(schedule: str, shares: list[float]) -> None:
    actual = [factor(step, 10, schedule=schedule, warmup_fraction=0.2) for step in range(10)]
    assert actual == pytest.approx(shares, abs=1e-6)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_without_warm_up_it_begins_at_the_peak(schedule: str) -> None:
    assert factor(0, 10, schedule=schedule, warmup_fraction=0) == 1.0


@pytest.mark.parametrize("warmup_fraction", [0.0, 0.06, 0.5])
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_shares_are_those_of_transformers(name: str, warmup_fraction: float) -> None:
    total, warmup = 50, -(-int(100 * warmup_fraction * 50) // 100)
    makers = {
        "linear": transformers.get_linear_schedule_with_warmup,
        "cosine": transformers.get_cosine_schedule_with_warmup,
    }
    rule = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = makers[name](rule, num_warmup_steps=warmup, num_training_steps=total)
    for step in range(total):
        ours = factor(step, total, schedule=name, warmup_fraction=warmup_fraction)
        assert ours == pytest.approx(rule.param_groups[0]["lr"], abs=1e-12)
        rule.step()
        theirs.step()


def test_warm_up_rounds_up() -> None:
    assert [factor(step, 10, schedule="constant", warmup_fraction=0.11) for step in range(3)] == [0, 0.5, 1]
