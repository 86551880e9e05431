"""Where the rows of a run are worked on: this machine, row by row, or any other executor that fulfils the contract.

Only the command holds the run's lock and writes the files that rows share; an executor only calls each row's work.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

Key = tuple[str, int | None]  # name and seed of a row
Phase = Literal["fit", "test"]


class RowWork(Protocol):
    """The work on the rows of one run."""

    def carry_out(self, phase: Phase, key: Key) -> None:
        """Do the work of a phase on one row. A second call does nothing."""


class Executor(Protocol):
    """EXECUTOR CONTRACT."""

    def each(self, rows: RowWork, phase: Phase, keys: Sequence[Key]) -> None:
        """Carry out the phase for each row, in any order, and return when all work has ended.

        A row may be carried out more than once. A lost row is no error of the executor: the run reports it, and the
        same command does it later. Errors of the work are raised unchanged.
        """


class RowByRow:
    """This machine, one row after the other in the table's order."""

    def each(self, rows: RowWork, phase: Phase, keys: Sequence[Key]) -> None:
        """As Executor.each."""
        for key in keys:
            rows.carry_out(phase, key)


ROW_BY_ROW = RowByRow()
