"""The process's own surroundings before a verb runs: streams that are closed or full, its folder, its arguments."""

import contextlib
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO, cast

from finetooth.errors import FinetoothError, RecipeError


class _Unfailing(TextIOWrapper):
    """A stderr whose full disk or absent reader costs the message and nothing else."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def open_streams() -> None:
    """Give the process a stdin and stderr where its caller closed them, and make stderr one that never fails.

    What the encoding of stdout and stderr lacks is shown as \\u escapes, which are valid inside JSON.
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
    """The null device under a standard handle, so that no file of ours is opened under it."""
    null = os.open(os.devnull, os.O_RDWR)
    if null != handle:
        os.dup2(null, handle)
        os.close(null)
    return cast(TextIO, os.fdopen(handle, mode, encoding="utf-8", closefd=False))


def check_process(arguments: Sequence[str]) -> None:
    """Check that there is a place for the result, a working directory, and text in the arguments.

    Raises: FinetoothError when stdout is closed or the working directory is gone; RecipeError for an argument that is
    neither UTF-8 nor the name of something that exists.
    """
    if sys.stdout is None:
        raise FinetoothError("stdout is closed: there is no place for the result. Redirect it to a file or /dev/null.")
    try:
        Path.cwd()
    except OSError as error:
        raise FinetoothError(
            f"the working directory is gone or cannot be read ({error.strerror}). Change to another (cd) and give the "
            "command again."
        ) from None
    for position, argument in enumerate(arguments, start=1):
        if any("\udc80" <= character <= "\udcff" for character in argument) and not os.path.lexists(argument):
            shown = argument.encode(errors="backslashreplace").decode()
            raise RecipeError(
                f"argument {position} is not UTF-8 text: {shown[:60]}. Write it in UTF-8; texts of another encoding "
                "are read from a file (data.encoding)."
            )
