"""Progress below the cell of a notebook: one plain-text output that is updated."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from finetooth.progress.log_lines import Clock, Count, calm

_REDRAW_SECONDS = 0.25


class NotebookLines:
    """A Progress for a notebook: a line for each finished step and message, and below them the running steps.

    display: IPython's. The same output is updated, so that a saved notebook contains only its last state.
    """

    def __init__(self, display: Callable[..., Any], *, clock: Clock = time.monotonic) -> None:
        self._display = display
        self._clock = clock
        self._lines: list[str] = []
        self._under_way: list[Count] = []
        self._output: Any = None
        self._drawn = -_REDRAW_SECONDS

    @contextmanager
    def step(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator[Count]:
        count = Count(title, total=total, unit=unit, clock=self._clock, advanced=self._redraw_if_due)
        self._under_way.append(count)
        self._draw()
        try:
            yield count
        except BaseException:
            self._under_way.remove(count)
            self.say(count.stopped())
            raise
        self._under_way.remove(count)
        if count.is_worth_a_line:
            self._lines.append(count.finished())
        self._draw()

    def say(self, line: str) -> None:
        """Show one line that stays."""
        self._lines.append(calm(line))
        self._draw()

    def _redraw_if_due(self, _: Count) -> None:
        if self._clock() - self._drawn >= _REDRAW_SECONDS:
            self._draw()

    def _draw(self) -> None:
        self._drawn = self._clock()
        content = {"text/plain": "\n".join([*self._lines, *(count.line() for count in self._under_way)])}
        if self._output is None:
            self._output = self._display(content, raw=True, display_id=True)
        else:
            self._output.update(content, raw=True)
