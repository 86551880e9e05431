"""Every error a user can meet, and the exit code each one ends the command with.

FinetoothError                1   something the user can mend; the message says what, where and how
├── RecipeError               2   the recipe or an option is wrong
├── SourceError               1   a model or data source cannot be brought or is not what its hash says
├── DataError                 1   the rows cannot be read, labelled or split as asked
├── ModelError                1   the model, tokenizer or adapter cannot be loaded or does not fit
├── DivergedError             1   a loss or gradient was not finite; that candidate becomes a failed row
├── VerificationError         1   a saved artefact is not what was measured
├── RunError                  1   the run folder cannot be used as asked
│   ├── LockedError           1   another process works in the run folder
│   ├── KilledError           1   the system ended a process of the run for want of memory
│   └── ChangedError          1   recipe, data, threads or versions differ from the run being resumed
└── Interrupted       130 / 143   SIGINT or SIGTERM; the state is saved, the same command goes on
"""

import difflib
import signal
from collections.abc import Iterable


class FinetoothError(Exception):
    """Base of all errors that are shown to the user as one plain message, never as a traceback."""

    exit_code = 1


class RecipeError(FinetoothError):
    """The recipe or a command-line value is wrong."""

    exit_code = 2


class SourceError(FinetoothError):
    """A model or data source cannot be brought, or is not what its hash says."""


class DataError(FinetoothError):
    """The rows cannot be read, labelled or split as asked."""


class ModelError(FinetoothError):
    """The model, tokenizer or adapter cannot be loaded or does not fit."""


class DivergedError(FinetoothError):
    """A loss or gradient was not finite; raised before the step is taken."""


class VerificationError(FinetoothError):
    """A saved artefact, reloaded in a fresh process, is not what was measured."""


class RunError(FinetoothError):
    """The run folder cannot be used as asked."""


class LockedError(RunError):
    """Another process works in the run folder."""


class KilledError(RunError):
    """The system ended a process of the run because memory ran out."""


class ChangedError(RunError):
    """Something that decides the results differs from the run being resumed."""


class Interrupted(FinetoothError):
    """The process was asked to stop; everything needed to go on is saved."""

    def __init__(self, message: str, *, signal_number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """The sentence ` Did you mean 'x'?` (with its leading space) for the nearest known name, or an empty string."""
    near = difflib.get_close_matches(value, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
