"""What is trained of a model: its parameters, in groups with peak learning rates."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from finetooth.models.adapters import kind
from finetooth.recipe import Candidate, Training


def trainable_parameters(model: Any) -> dict[str, nn.Parameter]:
    """The parameters of a model that are trained, by their full names."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def adamw(
    named: Iterable[tuple[str, nn.Parameter]], training: Training, candidate: Candidate | None
) -> tuple[torch.optim.AdamW, list[float]]:
    """AdamW over the trainable parameters, and the peak learning rate of each of its groups.

    B of LoRA gets lora_plus_ratio times the rate of A (LoRA+, Hayou et al. 2024, arXiv 2402.12354), and the head its
    own rate. Without a candidate (full fine-tuning) all get full_learning_rate. Vectors have no weight decay.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in named:
        rate = training.learning_rate
        if candidate is None:
            rate = training.full_learning_rate
        elif kind(name) == "head":
            rate = training.head_learning_rate
        elif ".lora_B." in name:
            rate *= candidate.lora_plus_ratio
        decay = training.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    listed: list[dict[str, Any]] = [
        {"params": parameters, "lr": rate, "weight_decay": decay} for (rate, decay), parameters in groups.items()
    ]
    return torch.optim.AdamW(listed, fused=True), [rate for rate, _ in groups]
