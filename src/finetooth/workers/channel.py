"""The worker's end of the channel to its command: progress and answers on stdout, SIGTERM to stop.

{"event": "advance", "count": n, "note": str}
{"event": "done"} or {"event": "error", "type": str, "message": str}
"""

import json
import signal
import time
from types import FrameType
from typing import Any

REPORT_EVERY_SECONDS = 0.2


class Reporter:
    """Reports progress a few times a second, however small the micro-batches are."""

    def __init__(self) -> None:
        self.count = 0
        self.note = self.reported_note = ""
        self.reported_at = 0.0

    def advance(self, count: int, note: str) -> None:
        """Add progress, and report it if the last report is old enough."""
        self.count += count
        self.note = note
        if time.monotonic() - self.reported_at >= REPORT_EVERY_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Report the progress that was not reported yet."""
        if self.count or self.note != self.reported_note:
            send({"event": "advance", "count": self.count, "note": self.note})
        self.count, self.reported_note, self.reported_at = 0, self.note, time.monotonic()


class Stopping:
    """Remembers SIGTERM from the first call of signal_received on, so that the loop can stop at its next safe point.

    Before that call, SIGTERM ends the process, which has nothing to save.
    """

    def __init__(self) -> None:
        self.listening = False
        self.signal_number: int | None = None

    def __call__(self, signal_number: int, frame: FrameType | None) -> None:
        self.signal_number = signal_number

    def signal_received(self) -> int | None:
        """The signal received, or None; from now on signals are remembered."""
        if not self.listening:
            signal.signal(signal.SIGTERM, self)
            self.listening = True
        return self.signal_number


def send(message: dict[str, Any]) -> None:
    """Write one line of JSON to stdout."""
    print(json.dumps(message), flush=True)
