"""Threads and determinism of the computation, equal in every process of a run; and the GPU, if one is used."""

import copy
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import torch

from finetooth.runs.provenance import processor

# The libraries, besides torch, that take part in computing a figure of the table.
_DECIDING = ("transformers", "peft", "tokenizers", "safetensors", "numpy", "scipy", "scikit-learn")
_MOST_THREADS = 1024
LEAST_CAPABILITY = (8, 0)  # of a GPU, for products and attention in bfloat16


def facts() -> dict[str, Any]:
    """Everything that decides the last bit of a result on this machine, for plan.json."""
    return {
        "device": "cpu",
        "precision": "float32",  # of evaluations; that of training is in plan.json
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "processor": processor(),
        "mkl_cbwr": os.environ.get("MKL_CBWR", "AUTO"),  # set for the processes of a run (ADR 5)
        "versions": {name: metadata.version(name) for name in _DECIDING},
    }


def gpu_facts() -> dict[str, Any]:
    """Everything besides facts() that decides the last bit of training on this machine's GPU."""
    return {
        "gpu": torch.cuda.get_device_name(),
        "cuda": torch.version.cuda,
        "cublas_workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),  # as mkl_cbwr (ADR 11)
    }


def gpu_obstacle() -> str | None:
    """Why a GPU cannot be used for training here, in words; None: it can."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} finds no GPU here"
    capability = torch.cuda.get_device_capability()
    if capability < LEAST_CAPABILITY:
        return f"{torch.cuda.get_device_name()} has compute capability {'.'.join(map(str, capability))}"
    return None


def gpu_bytes() -> int:
    """Bytes of memory of the GPU. (To ask how many are free would take some of them.)"""
    return torch.cuda.get_device_properties().total_memory


def gpu_peak_bytes() -> int:
    """The most bytes of the GPU's memory that tensors of this process used at a time."""
    return torch.cuda.max_memory_allocated()


def placed(model: Any, device: str) -> Any:
    """The model itself for "cpu", else a copy of it on the device."""
    return model if device == "cpu" else copy.deepcopy(model).to(device)


def configure(resolved: Mapping[str, Any]) -> None:
    """Set threads and determinism as plan.json says. Call it once, before the first tensor is made."""
    torch.set_num_threads(int(resolved["threads"]))
    torch.use_deterministic_algorithms(True)
    if "gpu" in resolved:  # products in bfloat16 add up in float32, as on a CPU
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    # It would write every new tensor twice.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # set by its class


@contextmanager
def configured(resolved: Mapping[str, Any]) -> Iterator[None]:
    """A block with the threads and determinism of `resolved`; the former settings are restored after it.

    resolved: facts() as recorded, maybe by a stranger: a number of threads that no machine has is ignored.
    """
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    count = resolved.get("threads")
    try:
        configure({"threads": count if isinstance(count, int) and 0 < count <= _MOST_THREADS else threads})
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)
        torch.utils.deterministic.fill_uninitialized_memory = filling  # type: ignore[attr-defined]
