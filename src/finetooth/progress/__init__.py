"""How work says what it is doing. The library is silent, but in a notebook, or where it is handed a Progress."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol


class Step(Protocol):
    """One step under way."""

    def advance(self, count: int = 1, *, note: str = "") -> None:
        """Say that `count` more units are done; `note` (a loss, a file) replaces the note before."""


class Progress(Protocol):
    """Where steps are announced: any object with these two methods can be handed to run, check, evaluate and others.

    step: opens a step; what its block is given has one method, advance(count, note=…). say: shows one line.
    """

    def step(self, title: str, *, total: int | None = None, unit: str = "") -> AbstractContextManager[Step]:
        """Open a step that is shown until the block ends. title: its name. total: how many of `unit`, if known; the
        unit ends in " at most" where there may be fewer."""

    def say(self, line: str) -> None:
        """Show one quiet line that stays."""


class _SilentStep:
    def advance(self, count: int = 1, *, note: str = "") -> None:
        """Nothing is shown."""


class Silent:
    """A Progress that shows nothing."""

    @contextmanager
    def step(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator[Step]:
        yield _SilentStep()

    def say(self, line: str) -> None:
        """Nothing is shown."""


def progress_for(progress: Progress | bool | None) -> Progress:
    """The Progress that a `progress` argument stands for.

    A Progress stands for itself, and False for none. True: lines on stderr, or in a notebook below the cell. None: the
    latter in a notebook, and none elsewhere.
    """
    if not isinstance(progress, bool) and progress is not None:
        return progress
    display = _notebook_display()
    if progress is False or (progress is None and display is None):
        return Silent()
    if display is not None:
        from finetooth.progress.notebook_lines import NotebookLines

        return NotebookLines(display)
    from finetooth.progress.log_lines import PlainLines

    return PlainLines(sys.stderr)


def _notebook_display() -> Any:
    """IPython's display function where this process is the kernel of a notebook, else None."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if getattr(shell, "kernel", None) is None:  # a terminal's IPython has none
        return None
    return getattr(sys.modules.get("IPython.core.display_functions"), "display", None)
