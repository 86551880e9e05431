"""Learning rates by hand, and the groups they go to."""

from typing import Any

import pytest
import torch
import transformers
from torch import nn

from finetooth.recipe import Candidate, Training
from finetooth.training.optimizer import adamw
from finetooth.training.schedule import Schedule

HALF = 0.5


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
    assert [factor(step, 10, schedule="constant", warmup_fraction=0.11) for step in range(3)] == [0, HALF, 1]


NAMES = {
    "base_model.model.bert.encoder.layer.0.query.lora_A.default.weight": (4, 32),
    "base_model.model.bert.encoder.layer.0.query.lora_B.default.weight": (32, 4),
    "base_model.model.bert.encoder.layer.0.query.base_layer.bias": (32,),
    "base_model.model.classifier.modules_to_save.default.weight": (2, 32),
    "base_model.model.classifier.modules_to_save.default.bias": (2,),
}


def rates(training: dict[str, Any], candidate: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """(peak rate, weight decay) of each of NAMES."""
    named = {name: nn.Parameter(torch.zeros(shape)) for name, shape in NAMES.items()}
    rule, peaks = adamw(
        named.items(),
        Training.model_validate(training),
        Candidate.model_validate({"name": "c", **candidate}),
    )
    by_parameter = {
        id(parameter): (peak, group["weight_decay"])
        for group, peak in zip(rule.param_groups, peaks, strict=True)
        for parameter in group["params"]
    }
    assert len(by_parameter) == len(named)
    return {name.removeprefix("base_model.model."): by_parameter[id(parameter)] for name, parameter in named.items()}


def test_matrices_decay_and_vectors_do_not() -> None:
    actual = rates({"learning_rate": 1e-3, "weight_decay": 0.1}, {})
    assert actual == {
        "bert.encoder.layer.0.query.lora_A.default.weight": (1e-3, 0.1),
        "bert.encoder.layer.0.query.lora_B.default.weight": (1e-3, 0.1),
        "bert.encoder.layer.0.query.base_layer.bias": (1e-3, 0.0),
        "classifier.modules_to_save.default.weight": (3e-3, 0.1),
        "classifier.modules_to_save.default.bias": (3e-3, 0.0),
    }


def test_b_and_the_head_have_rates_of_their_own() -> None:
    actual = rates({"learning_rate": 1e-3, "head_learning_rate": 5e-4, "weight_decay": 0.0}, {"lora_plus_ratio": 16})
    assert actual == {
        "bert.encoder.layer.0.query.lora_A.default.weight": (1e-3, 0.0),
        "bert.encoder.layer.0.query.lora_B.default.weight": (1.6e-2, 0.0),
        "bert.encoder.layer.0.query.base_layer.bias": (1e-3, 0.0),
        "classifier.modules_to_save.default.weight": (5e-4, 0.0),
        "classifier.modules_to_save.default.bias": (5e-4, 0.0),
    }


def test_without_a_candidate_all_have_the_rate_of_full_fine_tuning() -> None:
    named = {"bert.embeddings.weight": (8, 32), "bert.layer.query.bias": (32,), "classifier.weight": (2, 32)}
    training = Training.model_validate({"full_learning_rate": 3e-5, "head_learning_rate": 1e-2, "weight_decay": 0.1})
    rule, peaks = adamw([(name, nn.Parameter(torch.zeros(shape))) for name, shape in named.items()], training, None)
    assert [(group["weight_decay"], len(group["params"])) for group in rule.param_groups] == [(0.1, 2), (0.0, 1)]
    assert peaks == [3e-5, 3e-5]
    assert Training.model_validate({}).full_learning_rate == 2e-5
