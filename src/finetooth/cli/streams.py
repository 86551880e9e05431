"""Check and repair the process before a verb runs: its standard streams, working directory and arguments."""

import contextlib
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO, cast

from finetooth.errors import FinetoothError, RecipeError


class _Unfailing(TextIOWrapper):
    """A stderr that loses a message if the disk is full or the reader is gone, instead of failing."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def open_streams() -> None:
    """Open stdin and stderr if the caller closed them, and replace stderr by one that never fails.

    Characters that the encoding of stdout or stderr lacks are written as \\u escapes, which are valid in JSON.
    """
    if sys.stdin is None:
        sys.stdin = _nothing(0, "r")
    if sys.stderr is None:
        sys.stderr = _nothing(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if type(sys.stderr) is TextIOWrapper:
        encoding = sys.stderr.encoding
        sys.stderr = _Unfailing(
            sys.stderr.detach(), encoding=encoding, errors="backslashreplace", line_buffering=True, write_through=True
        )


def _nothing(handle: int, mode: str) -> TextIO:
    """The null device under a standard file descriptor, so that no other file gets its number."""
    null = os.open(os.devnull, os.O_RDWR)
    if null != handle:
        os.dup2(null, handle)
        os.close(null)
    return cast(TextIO, os.fdopen(handle, mode, encoding="utf-8", closefd=False))


def check_process(arguments: Sequence[str]) -> None:
    """Check that stdout is open, the working directory exists and the arguments are text.

    Raises: FinetoothError if stdout is closed or the working directory is gone; RecipeError for an argument that is
    neither UTF-8 nor the name of an existing file.
    """
    if sys.stdout is None:
        raise FinetoothError("stdout is closed, so the result cannot be printed. Redirect it to a file or /dev/null.")
    try:
        Path.cwd()
    except OSError as error:
        raise FinetoothError(
            f"the working directory is gone or cannot be read ({error.strerror}). Change to another (cd) and run the "
            "command again."
        ) from None
    for position, argument in enumerate(arguments, start=1):
        if any("\udc80" <= character <= "\udcff" for character in argument) and not os.path.lexists(argument):
            shown = argument.encode(errors="backslashreplace").decode()
            raise RecipeError(
                f"argument {position} is not UTF-8 text: {shown[:60]}. Write it in UTF-8; put text in another encoding "
                "into a file (data.encoding)."
            )
