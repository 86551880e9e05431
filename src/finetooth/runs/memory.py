"""How much memory this process has held, how much is free, and whether memory ran out."""

import ctypes
import platform
from pathlib import Path

import pyarrow

_CONTAINER = Path("/sys/fs/cgroup")
_TEXTS = ("can't allocate memory", "not enough memory", "std::bad_alloc", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
# Where the kernel counts its kills: for the whole machine, and for the container by either kind of control group.
_KILLS = (Path("/proc/vmstat"), _CONTAINER / "memory.events", _CONTAINER / "memory" / "memory.oom_control")


def ran_out(error: BaseException) -> bool:
    """Whether an error means that memory ran out, in the words of Python or of torch."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in _TEXTS)
    )


def kernel_kills() -> int:
    """A number that rises with each process that the kernel kills because memory ran out, if it counts them."""
    kills = 0
    for path in _KILLS:
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue  # another kind of control group, or not readable
        kills += sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    return kills


def free_bytes() -> int | None:
    """Bytes of memory that are free on this machine and in its container; None: unknown."""
    counts = []
    machine = Path("/proc/meminfo")
    if machine.exists():
        counts += [int(line.split()[1]) * 1024 for line in machine.read_text().splitlines() if "MemAvailable" in line]
    most, used, parts = (_CONTAINER / name for name in ("memory.max", "memory.current", "memory.stat"))
    if most.exists() and used.exists() and most.read_text().strip() != "max":
        # The cache of files counts as used, and is freed when memory is needed.
        lines = parts.read_text().splitlines() if parts.exists() else []
        cached = sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
        counts.append(int(most.read_text()) - int(used.read_text()) + cached)
    return max(0, min(counts)) if counts else None


def give_back() -> None:
    """Return freed memory to the system: glibc keeps it in fragments that fit badly, and Arrow keeps that of tables."""
    pyarrow.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if platform.system() == "Linux" else None
    if trim is not None:
        trim(0)


def held_bytes() -> int:
    """Bytes that this process holds now and shares with no other; if unknown, the most it has held."""
    resident = _status("RssAnon")
    return peak_bytes() if resident is None else resident


def peak_bytes() -> int:
    """The most memory this process has held, in bytes.

    On Linux from VmHWM, because ru_maxrss of a child starts at the size of its parent.
    """
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    try:
        import resource  # only needed where /proc is not
    except ImportError:  # Windows
        import psutil

        usage = psutil.Process().memory_info()
        return int(getattr(usage, "peak_wset", usage.rss))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def _status(name: str) -> int | None:
    """Bytes that Linux reports for this process under that name; None if it reports none, as on other systems."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    values = [line.split()[1] for line in status.read_text().splitlines() if line.startswith(f"{name}:")]
    return int(values[0]) * 1024 if values else None
