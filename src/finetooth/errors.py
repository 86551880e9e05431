"""Every error that a user can meet, and its exit code.

Each class has a stable `code`, which programs compare and `--json` prints (docs/errors.md).

FinetoothError                1   something the user can fix; the message says what, where and how
├── RecipeError               2   the recipe or an option is wrong
├── SourceError               1   a model or data source cannot be fetched, is damaged or is refused
├── DataError                 1   the data cannot be read, labelled or split as the recipe says
├── ModelError                1   the model, tokenizer or adapter cannot be loaded or does not match
├── DivergedError             1   a loss or gradient is not finite; the candidate becomes a failed row
├── VerificationError         1   a saved adapter or baseline differs from what was measured
├── RunError                  1   the run folder cannot be used
│   ├── LockedError           1   another process works in the run folder
│   ├── KilledError           1   the system killed a process of the run because memory ran out
│   └── ChangedError          1   recipe, data, threads or versions differ from those of the run to resume
└── Interrupted       130 / 143   SIGINT or SIGTERM; the state is saved, the same command continues
"""

import difflib
import signal
from collections.abc import Iterable


class FinetoothError(Exception):
    """Any other error that you can fix. In Python, the base class of all of them."""

    code = "failed"
    exit_code = 1


class RecipeError(FinetoothError):
    """The recipe or a command-line value is wrong."""

    code = "recipe_invalid"
    exit_code = 2


class SourceError(FinetoothError):
    """A model or data source cannot be fetched, is damaged or is refused."""

    code = "source_unavailable"


class DataError(FinetoothError):
    """The data cannot be read, labelled or split as the recipe says."""

    code = "data_invalid"


class ModelError(FinetoothError):
    """The model, tokenizer or adapter cannot be loaded or does not match."""

    code = "model_invalid"


class DivergedError(FinetoothError):
    """A loss or gradient is not finite; raised before the optimizer step."""

    code = "training_diverged"


class VerificationError(FinetoothError):
    """A saved adapter or baseline, loaded in another process, differs from what was measured."""

    code = "verification_failed"


class RunError(FinetoothError):
    """The run folder cannot be used."""

    code = "run_unusable"


class LockedError(RunError):
    """Another process is working in the run folder."""

    code = "run_locked"


class KilledError(RunError):
    """The system killed a process of the run because memory ran out."""

    code = "out_of_memory"


class ChangedError(RunError):
    """Something that affects the results differs from the run to resume."""

    code = "run_changed"


class Interrupted(FinetoothError):
    """The process was asked to stop; everything needed to continue is saved."""

    code = "interrupted"

    def __init__(self, message: str, *, signal_number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?`, with its leading space, for the most similar known name, or an empty string."""
    near = difflib.get_close_matches(value, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
