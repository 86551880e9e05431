"""How work tells what it is doing. The command line renders it; the library stays silent unless handed a Progress."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Step(Protocol):
    """One step under way."""

    def advance(self, count: int = 1, *, note: str = "") -> None:
        """Say that `count` more units are done; `note` (a loss, a file) replaces the note before."""


class Progress(Protocol):
    """Where steps are announced."""

    def step(self, title: str, *, total: int | None = None, unit: str = "") -> AbstractContextManager[Step]:
        """Open a step of `total` units (None: not known), shown until the block ends."""

    def say(self, line: str) -> None:
        """One quiet line that stays."""


class _SilentStep:
    def advance(self, count: int = 1, *, note: str = "") -> None:
        """Nothing is shown."""


class Silent:
    """A Progress that shows nothing: the library's default."""

    @contextmanager
    def step(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator[Step]:
        yield _SilentStep()

    def say(self, line: str) -> None:
        """Nothing is shown."""
