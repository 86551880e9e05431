"""Entry of the fresh process: one task on the first line of stdin, JSON lines on stdout.

    {"event": "advance", "count": n, "note": str}
    {"event": "done"} or {"event": "error", "type": str, "message": str}

It ends at once when stdin closes, which is how it notices that its command was killed.
"""

import gc
import json
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, NoReturn, Protocol

from finetooth.errors import FinetoothError
from finetooth.files import discard
from finetooth.recipe import is_probe
from finetooth.rows.context import Channel, Context, Task, add_costs
from finetooth.runs import finished
from finetooth.runs.disk import disk_faults
from finetooth.runs.lock import RunLock
from finetooth.runs.memory import peak_bytes, ran_out

SAY_EVERY_SECONDS = 0.2


def main(*, forked: bool = False) -> NoReturn:
    """Do the task and exit 0; exit with the error's code after saying it.

    forked: not a new interpreter, but forked from one that has only imported what rows need.
    """
    gc.disable()  # what imports make stays: to look for garbage among it takes a sixth of a process's start
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_die_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command passes on what the user means
    speaker = _Speaker()
    try:
        task = Task(**order, new_interpreter=not forked)
        with disk_faults(task.run_folder), RunLock(task.run_folder).worker():
            _work(task, speaker)
    except FinetoothError as error:
        _say({"event": "error", "type": type(error).__name__, "message": str(error)})
        sys.exit(error.exit_code)
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        _say({"event": "error", "type": "RunError", "message": _OUT_OF_MEMORY})
        sys.exit(1)
    _say({"event": "done"})
    sys.exit(0)


_OUT_OF_MEMORY = (
    "memory ran out; close other programs and give the same command again, or begin another run with --out and a lower "
    "training.token_budget or max_tokens."
)


def _work(task: Task, speaker: "_Speaker") -> None:
    rows, context = _rows_of(task), Context.of(task)
    gc.freeze()
    gc.enable()
    stopping = _Stopping()
    channel = Channel(speaker.advance, stopping.asked)
    if task.action == "fit":
        row = task.folder
        for earlier in (row.finished, row.adapter, row.control, row.curve, row.predictions, row.verify):
            discard(earlier)
        rows.fit(context, channel)
        finished.record(row, finished.FITTED, run_id=context.plan.run_id)
    elif task.action == "probe":
        from finetooth.rows.step_costs import probe

        probe(context)
    else:
        rows.score(context, channel)
    speaker.flush()
    add_costs(task.folder, peak_bytes=peak_bytes())


class _Rows(Protocol):
    """What a kind of row can be asked for."""

    def fit(self, context: Context, channel: Channel) -> None:
        """Make the row's artifact and save it."""

    def score(self, context: Context, channel: Channel) -> None:
        """Score the task's split from what was saved."""


def import_libraries() -> None:
    """Import what any row may need, and compute nothing."""
    from finetooth.baselines import logistic
    from finetooth.model import adapters, loading
    from finetooth.rows import candidate, original, probe, step_costs, text_baseline  # noqa: F401

    loading.import_library()
    adapters.import_library()
    logistic.import_library()


def _rows_of(task: Task) -> _Rows:
    """The module that makes the row; those that need torch are imported only for rows that need it."""
    if task.row in ("majority", "tfidf"):
        from finetooth.rows import text_baseline

        return text_baseline
    from finetooth.model import adapters, loading

    loading.import_library()
    if is_probe(task.row):
        from finetooth.rows import probe

        return probe
    if task.row == "original":
        from finetooth.rows import original

        return original
    from finetooth.rows import candidate

    adapters.import_library()
    return candidate


class _Stopping:
    """From the first question on, remembers SIGTERM, for the loop to obey at its next safe point.

    Before it, and in work that never asks, there is nothing to save: the signal ends the process.
    """

    def __init__(self) -> None:
        self.listening = False
        self.signal_number: int | None = None

    def __call__(self, signal_number: int, frame: FrameType | None) -> None:
        self.signal_number = signal_number

    def asked(self) -> int | None:
        if not self.listening:
            signal.signal(signal.SIGTERM, self)
            self.listening = True
        return self.signal_number


class _Speaker:
    """Says progress a few times a second, however small the micro-batches are."""

    def __init__(self) -> None:
        self.count = 0
        self.note = self.said_note = ""
        self.said = 0.0

    def advance(self, count: int, note: str) -> None:
        self.count += count
        self.note = note
        if time.monotonic() - self.said >= SAY_EVERY_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Say what has not been said yet."""
        if self.count or self.note != self.said_note:
            _say({"event": "advance", "count": self.count, "note": self.note})
        self.count, self.said_note, self.said = 0, self.note, time.monotonic()


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def _die_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)  # the command is gone: its lock is free, and nothing may be written after it


if __name__ == "__main__":
    main()
