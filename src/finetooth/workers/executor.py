"""Who carries out the rows of a run: this machine, one row after the other, or whoever else keeps the contract.

The command alone holds the run's lock and writes the files that rows share; an executor only has each row's work done.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

Key = tuple[str, int | None]  # name and seed of a row
Phase = Literal["fit", "test"]


class RowWork(Protocol):
    """The work on the rows of one run."""

    def carry_out(self, phase: Phase, key: Key) -> None:
        """Do the work of a phase on one row. Done twice, the second time does nothing."""


class Executor(Protocol):
    """EXECUTOR CONTRACT."""

    def each(self, rows: RowWork, phase: Phase, keys: Sequence[Key]) -> None:
        """Have the phase carried out for each row, in any order, one at a time, and return when no work is going on.

        One at a time: all rows of a run folder share its scratch folder and the lock of its one worker process.

        A row may be carried out more than once. One that is lost is no fault: the run says so, and does it when the
        command is given again. Errors of the work are raised as they are.
        """


class Here:
    """This machine, one row after the other in the table's order."""

    def each(self, rows: RowWork, phase: Phase, keys: Sequence[Key]) -> None:
        """As Executor.each."""
        for key in keys:
            rows.carry_out(phase, key)
