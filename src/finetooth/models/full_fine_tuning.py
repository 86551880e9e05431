"""Full fine-tuning: every parameter of the model is trained, and the whole model is saved."""

from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from finetooth.files import json_bytes
from finetooth.models.adapters import has_adapter
from finetooth.models.artifact_files import MODEL_CONFIG, MODEL_WEIGHTS
from finetooth.models.loading import Base, head_tensors
from finetooth.runs.results import Parameters


def release(base: Base) -> Any:
    """The model of the base with all parameters trainable, in train mode."""
    return base.model.requires_grad_(True).train()


def is_released(model: Any) -> bool:
    """Whether `release` made the model: its own parameters were trained."""
    return not has_adapter(model) and any(parameter.requires_grad for parameter in model.parameters())


def parameters(base: Base) -> Parameters:
    """How many values are trained: those of the head and those of the base, which are all."""
    total = sum(parameter.numel() for parameter in base.model.parameters())
    head = sum(tensor.numel() for tensor in head_tensors(base).values())
    return Parameters(adapter=0, head=head, bias=0, base=total - head, total=total)


def save(model: Any, folder: Path) -> None:
    """Write the two files that plain transformers loads a model from into `folder`; equal models give equal bytes."""
    tensors = {name: tensor.detach().contiguous() for name, tensor in sorted(model.state_dict().items())}
    save_file(tensors, folder / MODEL_WEIGHTS, metadata={"format": "pt"})
    values = model.config.to_diff_dict()
    values["architectures"] = [type(model).__name__]
    values.pop("_name_or_path", None)  # a path of this machine
    (folder / MODEL_CONFIG).write_bytes(json_bytes({key: values[key] for key in sorted(values)}))
