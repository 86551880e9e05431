"""Progress on stderr: on a terminal, one line per step that is redrawn; in a log, a line every 15 seconds."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from finetooth.cli.output import harmless
from finetooth.progress import Progress
from finetooth.progress.log_lines import Clock, Count, PlainLines


def progress_on(stream: TextIO) -> Progress:
    """A Progress for `stream`: redrawn lines on a terminal that supports them, plain lines otherwise."""
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return LiveLines(stream)
    return PlainLines(stream)


class LiveLines:
    """A Progress for a terminal: each running step is one line that is redrawn."""

    def __init__(self, stream: TextIO, *, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    @contextmanager
    def step(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator["_LiveStep"]:
        step = _LiveStep(Count(title, total=total, unit=unit, clock=self._clock), self._stream)
        try:
            yield step
        except BaseException:
            step.close()
            self.say(step.count.stopped())
            raise
        step.close()
        if step.count.is_worth_a_line:
            self.say(step.count.finished())

    def say(self, line: str) -> None:
        from tqdm import tqdm

        tqdm.write(harmless(line), file=self._stream)


class _LiveStep:
    def __init__(self, count: Count, stream: TextIO) -> None:
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # no monitor thread: lines are redrawn when a step advances
        self.count = count
        # The text is ours; tqdm positions, trims and redraws it.
        self._bar = tqdm(
            file=stream, desc=count.line(), bar_format="{desc}", leave=False, dynamic_ncols=True, mininterval=0.2
        )
        self._bar.set_description_str(count.line())

    def advance(self, count: int = 1, *, note: str = "") -> None:
        self.count.advance(count, note=note)
        self._bar.set_description_str(self.count.line(), refresh=False)
        self._bar.update(count)

    def close(self) -> None:
        self._bar.close()
