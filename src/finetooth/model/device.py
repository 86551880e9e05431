"""What the computation runs on, set the same way in every process of a run."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import torch

from finetooth.runs.provenance import processor

# Besides torch, what takes part in computing a figure of the table.
_DECIDING = ("transformers", "peft", "tokenizers", "safetensors", "numpy", "scipy", "scikit-learn")
_MOST_THREADS = 1024


def facts() -> dict[str, Any]:
    """What decides the last bit of a result on this machine, to be written into plan.json."""
    return {
        "device": "cpu",
        "precision": "float32",  # of what is evaluated; that of tuning stands in the plan
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "processor": processor(),
        "mkl_cbwr": os.environ.get("MKL_CBWR", "AUTO"),  # the mode that a run's processes are given (ADR 5)
        "versions": {name: metadata.version(name) for name in _DECIDING},
    }


def configure(resolved: Mapping[str, Any]) -> None:
    """Set threads and determinism as plan.json says; to be called once, before the first tensor is made."""
    torch.set_num_threads(int(resolved["threads"]))
    torch.use_deterministic_algorithms(True)
    # It would write every new tensor twice. (A property of the module's own class, which mypy does not see.)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@contextmanager
def configured(resolved: Mapping[str, Any]) -> Iterator[None]:
    """A block with the threads and determinism that `resolved` tells, and after it those from before.

    resolved: facts() as they were recorded, maybe by a stranger: a thread count that no machine has is left alone.
    """
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    wanted = resolved.get("threads")
    try:
        configure({"threads": wanted if isinstance(wanted, int) and 0 < wanted <= _MOST_THREADS else threads})
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)
        torch.utils.deterministic.fill_uninitialized_memory = filling  # type: ignore[attr-defined]
