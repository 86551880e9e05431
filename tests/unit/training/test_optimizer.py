"""The groups of parameters, with peak learning rate and weight decay by hand."""

from typing import Any

import torch
from torch import nn

from finetooth.recipe import Candidate, Training
from finetooth.training.optimizer import adamw

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
