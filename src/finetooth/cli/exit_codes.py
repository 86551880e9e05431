"""Turn an exception into one message on stderr, an exit code and, with --json, an object on stdout."""

import contextlib
import errno
import os
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import click

from finetooth.cli.output import ReaderGone, emit_json, harmless, tell
from finetooth.errors import FinetoothError, Interrupted

INTERNAL = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130
READER_GONE = 141  # what a shell reports for a program ended by SIGPIPE

_REMEDIES = {
    errno.ENOSPC: "Free some space, then run the same command again: it continues where it stopped.",
    errno.EDQUOT: "Free some of your quota, then run the same command again: it continues where it stopped.",
    errno.EROFS: "Choose a folder on a writable disk with --out or FINETOOTH_CACHE.",
    errno.EACCES: "Give this user the permission, or choose another folder with --out or FINETOOTH_CACHE.",
    errno.EPERM: "Give this user the permission, or choose another folder with --out or FINETOOTH_CACHE.",
    errno.EIO: "Check the disk, then run the same command again: it continues where it stopped.",
    errno.EMFILE: "Raise the limit of open files (ulimit -n), then run the same command again.",
}


# Codes of errors that are not a FinetoothError, with exit code and meaning; docs/errors.md lists all codes.
USAGE, SYSTEM, UNEXPECTED = "usage", "system", "internal"
OTHER_CODES = {
    USAGE: (2, "The command line is wrong: an unknown command or option, or a value that it does not take."),
    SYSTEM: (1, "The operating system refused something: a full disk, a missing permission."),
    UNEXPECTED: (INTERNAL, "A bug in Finetooth."),
}


@dataclass(frozen=True, slots=True)
class _Failure:
    """An error as `--json` prints it."""

    code: str
    exit_code: int
    message: str


def exit_code(work: Callable[[], Any], *, as_json: bool = False) -> int:
    """Run `work` and return the exit code: the integer that it returns, or the code of its exception.

    as_json: an error is also written to stdout, as {"error": {"code": ..., "message": ..., "exit_code": ...}}.
    """
    try:
        result = work()
    except ReaderGone:
        return READER_GONE
    except Exception as error:  # noqa: BLE001 - the outermost handler: the exception is shown in full
        failure = _failure(error)
        if isinstance(error, click.ClickException):
            error.show()
        else:
            tell(failure.message)
        debugging = os.environ.get("FINETOOTH_DEBUG", "") not in ("", "0")
        if debugging and not isinstance(error, click.ClickException | click.Abort):
            click.echo(harmless(traceback.format_exc()), err=True, nl=False)
        if as_json:
            with contextlib.suppress(ReaderGone, OSError):
                emit_json({"error": asdict(failure)})
        return failure.exit_code
    return result if isinstance(result, int) else 0


def _failure(error: Exception) -> _Failure:
    if isinstance(error, click.Abort):
        return _Failure(Interrupted.code, INTERRUPTED, "interrupted.")
    if isinstance(error, click.ClickException):
        return _Failure(USAGE, error.exit_code, error.format_message())
    if isinstance(error, FinetoothError):
        return _Failure(error.code, error.exit_code, str(error))
    if isinstance(error, OSError) and error.errno in _REMEDIES:
        where = f": {error.filename}" if error.filename else ""
        return _Failure(SYSTEM, 1, f"{error.strerror}{where}. {_REMEDIES[error.errno]}")
    return _Failure(
        UNEXPECTED,
        INTERNAL,
        f"unexpected {type(error).__name__}: {error}\n"
        "This is a bug in Finetooth. To see where it happened, set FINETOOTH_DEBUG=1 and run the same command again. "
        "CONTRIBUTING.md says how to report it.",
    )
