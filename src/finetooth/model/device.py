"""What the computation runs on, set the same way in every process of a run."""

import platform
from collections.abc import Mapping
from pathlib import Path
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


def peak_bytes() -> int:
    """The most memory this process has held, in bytes.

    VmHWM where Linux gives it: ru_maxrss of a child starts at the size of the process that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024
