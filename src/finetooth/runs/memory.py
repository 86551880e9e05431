"""How much memory this process has held."""

import platform
from pathlib import Path


def peak_bytes() -> int:
    """The most memory this process has held, in bytes.

    VmHWM where Linux gives it: ru_maxrss of a child starts at the size of the process that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource  # not on Windows, and only needed where /proc is not

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024
