"""The parameters that are tuned, by name, and their way from the device back to the model on the CPU."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def trained(model: Any) -> dict[str, nn.Parameter]:
    """The parameters of a model that are tuned, by their full names."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def take_over(model: Any, named: Mapping[str, torch.Tensor]) -> None:
    """Give the model's tuned parameters the values of `named`, wherever those lie; the model's own stay as they are."""
    with torch.no_grad():
        for name, parameter in trained(model).items():
            if parameter is not named[name]:
                parameter.copy_(named[name])
