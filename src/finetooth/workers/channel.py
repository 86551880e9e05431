"""The worker's end of the line to its command: progress and answers on stdout, SIGTERM as an order to stop.

{"event": "advance", "count": n, "note": str}
{"event": "done"} or {"event": "error", "type": str, "message": str}
"""

import json
import signal
import time
from types import FrameType
from typing import Any

SAY_EVERY_SECONDS = 0.2


class Speaker:
    """Says progress a few times a second, however small the micro-batches are."""

    def __init__(self) -> None:
        self.count = 0
        self.note = self.said_note = ""
        self.said = 0.0

    def advance(self, count: int, note: str) -> None:
        """Add what was done, and say it if it is time to."""
        self.count += count
        self.note = note
        if time.monotonic() - self.said >= SAY_EVERY_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Say what has not been said yet."""
        if self.count or self.note != self.said_note:
            say({"event": "advance", "count": self.count, "note": self.note})
        self.count, self.said_note, self.said = 0, self.note, time.monotonic()


class Stopping:
    """From the first question on, remembers SIGTERM, for the loop to obey at its next safe point.

    Before it, and in work that never asks, there is nothing to save: the signal ends the process.
    """

    def __init__(self) -> None:
        self.listening = False
        self.signal_number: int | None = None

    def __call__(self, signal_number: int, frame: FrameType | None) -> None:
        self.signal_number = signal_number

    def signal_received(self) -> int | None:
        """The signal that came, or None; from now on signals are remembered."""
        if not self.listening:
            signal.signal(signal.SIGTERM, self)
            self.listening = True
        return self.signal_number


def say(message: dict[str, Any]) -> None:
    """Put one line of JSON on stdout."""
    print(json.dumps(message), flush=True)
