"""Progress as lines of text for a log, and the text of a step: how far it is, and how long it will take."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from finetooth.wording import duration, seconds, size

Clock = Callable[[], float]
_PLAIN_LINE_SECONDS = 15.0
_PACE_SECONDS = 60.0
_WORTH_A_LINE_SECONDS = 0.5
AT_MOST = " at most"  # the end of a unit if the step's total is an upper bound


def calm(text: str) -> str:
    """`text` with newlines and tabs, and with every other control character replaced by U+FFFD."""
    if text.isprintable():
        return text
    return "".join(
        mark if mark.isprintable() or mark in "\n\t" else " " if mark.isspace() else "\ufffd" for mark in text
    )


class PlainLines:
    """A Progress for a log: a line when a step starts, one every 15 seconds while it advances, one at its end."""

    def __init__(self, stream: TextIO, *, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    @contextmanager
    def step(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator["Count"]:
        last_line = self._clock()

        def say_if_due(count: Count) -> None:
            nonlocal last_line
            if self._clock() - last_line >= _PLAIN_LINE_SECONDS:
                last_line = self._clock()
                self.say(count.line())

        count = Count(title, total=total, unit=unit, clock=self._clock, advanced=say_if_due)
        self.say(count.line())
        try:
            yield count
        except BaseException:
            self.say(count.stopped())
            raise
        self.say(count.finished())

    def say(self, line: str) -> None:
        self._stream.write(f"{calm(line)}\n")
        self._stream.flush()


class Count:
    """A Step that counts its units and describes how far it is. advanced: called with it after each advance."""

    def __init__(
        self,
        title: str,
        *,
        total: int | None,
        unit: str,
        clock: Clock,
        advanced: "Callable[[Count], None]" = lambda count: None,
    ) -> None:
        self._advanced = advanced
        self._title = title
        self._total = total
        self._unit, self._at_most = unit.removesuffix(AT_MOST), AT_MOST if unit.endswith(AT_MOST) else ""
        self._clock = clock
        self._begun = clock()
        self._done = 0
        self._note = ""
        self._last = self._begun
        self._working = 0.0  # seconds of advances by 1 unit and more; a validation between steps advances by 0
        # (working seconds, units done). The first is recorded at the first advance: a resumed step begins with a jump,
        # which would make the rate too high.
        self._marks: deque[tuple[float, int]] = deque()

    def advance(self, count: int = 1, *, note: str = "") -> None:
        """Count `count` more units; an empty note keeps the previous one."""
        self._done += count
        self._note = note or self._note
        now = self._clock()
        self._working += now - self._last if count else 0.0
        self._last = now
        self._marks.append((self._working, self._done))
        while len(self._marks) > 2 and self._marks[1][0] < self._working - _PACE_SECONDS:
            self._marks.popleft()
        self._advanced(self)

    def line(self) -> str:
        """`lora-r8: 1,200 of 3,600 examples, 41 examples/s, 58 s left, loss 0.412`, without unknown parts."""
        parts = []
        if self._total is not None:
            parts.append(f"{self._amount(self._done, of=self._total)} of {self._amounts(self._total)}{self._at_most}")
        elif self._done:
            parts.append(self._amounts(self._done))
        rate = self._rate()
        if rate:
            parts.append(self._pace(rate))
            if self._total is not None and self._total > self._done:
                parts.append(f"{seconds(max(1.0, (self._total - self._done) / rate))} left{self._at_most}")
        if self._note:
            parts.append(self._note)
        return calm(f"{self._title}: {', '.join(parts)}" if parts else self._title)

    @property
    def is_worth_a_line(self) -> bool:
        """Whether the finished step gets a line: it counted something, or took half a second."""
        return self._done > 0 or self._clock() - self._begun >= _WORTH_A_LINE_SECONDS

    def finished(self) -> str:
        """`lora-r8: 3,600 examples in 87 s`."""
        done = f"{self._amounts(self._done)} in " if self._done else "done in "
        return f"{self._title}: {done}{duration(self._clock() - self._begun)}"

    def stopped(self) -> str:
        """`lora-r8: stopped after 1,200 of 3,600 examples, 29 s`."""
        far = ""
        if self._total is not None:
            far = f"{self._amount(self._done, of=self._total)} of {self._amounts(self._total)}{self._at_most}, "
        return f"{self._title}: stopped after {far}{duration(self._clock() - self._begun)}"

    def _rate(self) -> float | None:
        if len(self._marks) < 2:
            return None
        (begun, before), (now, done) = self._marks[0], self._marks[-1]
        # Under a second of work is too short for a rate.
        return (done - before) / (now - begun) if now - begun >= 1.0 else None

    def _pace(self, rate: float) -> str:
        if self._unit == "bytes":
            return f"{size(rate)}/s"
        figure = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}" if rate >= 1 else f"{rate:.2f}"
        return f"{figure} {self._unit}/s" if self._unit else f"{figure}/s"

    def _amount(self, count: int, *, of: int) -> str:
        return size(count, like=of).split()[0] if self._unit == "bytes" else f"{count:,}"

    def _amounts(self, count: int) -> str:
        if self._unit == "bytes":
            return size(count)
        return f"{count:,} {self._unit}" if self._unit else f"{count:,}"
