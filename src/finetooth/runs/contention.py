"""How long a process waited for the processor because others used it, as counted by Linux."""

from dataclasses import dataclass
from pathlib import Path

_THREADS = Path("/proc/self/task")


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """Nanoseconds of all threads of this process: on the processor, and ready to run but waiting for it."""

    ran: int
    waited: int

    @classmethod
    def now(cls) -> "ProcessorTime | None":
        """The counts so far; None if the system does not count them."""
        ran = waited = 0
        try:
            for thread in _THREADS.iterdir():
                fields = (thread / "schedstat").read_text().split()
                ran, waited = ran + int(fields[0]), waited + int(fields[1])
        except (OSError, ValueError, IndexError):
            return None
        return cls(ran, waited)


def waited_share(before: ProcessorTime | None) -> float | None:
    """The share of waiting in the running and waiting time of this process since `before`, 0 to 1; None: unknown."""
    after = ProcessorTime.now()
    if before is None or after is None:
        return None
    ran, waited = max(0, after.ran - before.ran), max(0, after.waited - before.waited)
    return waited / (ran + waited) if ran + waited else 0.0
