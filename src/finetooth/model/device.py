"""What the computation runs on, set the same way in every process of a run."""

import platform
from collections.abc import Mapping
from typing import Any

import torch


def facts() -> dict[str, Any]:
    """What decides the last bit of a result on this machine, to be written into plan.json."""
    return {
        "device": "cpu",
        "precision": "float32",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
    }


def configure(resolved: Mapping[str, Any]) -> None:
    """Set threads and determinism as plan.json says; to be called once, before the first tensor is made."""
    torch.set_num_threads(int(resolved["threads"]))
    torch.use_deterministic_algorithms(True)
