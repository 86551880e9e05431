"""The trainable parameters of a model, by name, and how they are copied from the device to the model on the CPU."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def trainable_parameters(model: Any) -> dict[str, nn.Parameter]:
    """The parameters of a model that are trained, by their full names."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def copy_values(named: Mapping[str, torch.Tensor], model: Any) -> None:
    """Give the model's trainable parameters the values of `named`, from whichever device these are on.

    The model keeps its own parameters; only their values change.
    """
    with torch.no_grad():
        for name, parameter in trainable_parameters(model).items():
            if parameter is not named[name]:
                parameter.copy_(named[name])
