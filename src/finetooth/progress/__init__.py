"""Progress of long steps. By default the library shows it only in a notebook; `progress=` changes that."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol


class Step(Protocol):
    """One running step."""

    def advance(self, count: int = 1, *, note: str = "") -> None:
        """Report that `count` more units are done; `note` (a loss, a file) replaces the previous note."""


class Progress(Protocol):
    """Receives the progress of steps: run, check, evaluate and others accept any object with these two methods.

    step: starts a step; its context manager returns an object with one method, advance(count, note=…). say: shows a
    line.
    """

    def step(self, title: str, *, total: int | None = None, unit: str = "") -> AbstractContextManager[Step]:
        """Start a step that ends with the block. title: its name. total: the number of `unit`, if known; if there may
        be fewer, the unit ends in " at most"."""

    def say(self, line: str) -> None:
        """Show one line that stays."""


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
    """The Progress that a `progress` argument selects.

    A Progress: itself. False: none. True: lines on stderr, or below the cell in a notebook. None: below the cell in a
    notebook, none elsewhere.
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
    """IPython's display function if this process is the kernel of a notebook, else None."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if getattr(shell, "kernel", None) is None:  # a terminal's IPython has none
        return None
    return getattr(sys.modules.get("IPython.core.display_functions"), "display", None)
