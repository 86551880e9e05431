"""Turn an exception into one message on stderr and an exit code."""

import errno
import os
import traceback
from collections.abc import Callable
from typing import Any

import click

from finetooth.cli.output import ReaderGone, harmless, tell
from finetooth.errors import FinetoothError

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


def exit_code(work: Callable[[], Any]) -> int:
    """Run `work` and return the exit code: the integer that it returns, or the code of its exception."""
    try:
        result = work()
    except click.Abort:
        tell("interrupted.")
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ReaderGone:
        return READER_GONE
    except FinetoothError as error:
        tell(str(error))
        _debug()
        return error.exit_code
    except OSError as error:
        if error.errno not in _REMEDIES:
            return _unexpected(error)
        file_name = f": {error.filename}" if error.filename else ""
        tell(f"{error.strerror}{file_name}. {_REMEDIES[error.errno]}")
        _debug()
        return 1
    except Exception as error:  # noqa: BLE001 - the outermost handler: the exception is shown in full
        return _unexpected(error)
    return result if isinstance(result, int) else 0


def _unexpected(error: Exception) -> int:
    tell(
        f"unexpected {type(error).__name__}: {error}\n"
        "This is a bug in Finetooth. To see where it happened, set FINETOOTH_DEBUG=1 and run the same command again. "
        "CONTRIBUTING.md says how to report it."
    )
    _debug()
    return INTERNAL


def _debug() -> None:
    if os.environ.get("FINETOOTH_DEBUG", "") not in ("", "0"):
        click.echo(harmless(traceback.format_exc()), err=True, nl=False)
