"""What goes to stdout and stderr: results there, everything else here."""

import json
import os
import sys
import unicodedata
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click


class ReaderGone(Exception):
    """The reader of stdout has closed it."""


def emit(text: str) -> None:
    """Write a result to stdout.

    Raises: ReaderGone when nobody reads it any more.
    """
    try:
        click.echo(text.rstrip("\n"))
        sys.stdout.flush()
    except BrokenPipeError as error:
        # Python flushes stdout once more on its way out; without this that would print a second complaint.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ReaderGone from error


def emit_json(value: Any) -> None:
    """Write a result to stdout as JSON."""
    emit(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def tell(message: str) -> None:
    """Write what went wrong to stderr, one prefix for all of it."""
    click.echo(f"finetooth: {message}", err=True)


def next_command(command: str) -> None:
    """Name the next command on stderr, where it stands under the result."""
    click.echo(f"\nNext    {command}", err=True)


def colour_wanted() -> bool:
    """Whether stdout is a terminal that shows colours (NO_COLOR and TERM=dumb say no)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def survive_narrow_encodings() -> None:
    """Make stdout and stderr show what their encoding lacks as \\u escapes (valid inside JSON) instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def as_named(path: Path) -> Path:
    """`path` as a user in the working directory would name it: relative if it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def one_line(text: str, columns: int) -> str:
    """`text` on one line of at most `columns` terminal columns, harmless to a terminal.

    Control characters, which could move the cursor or reverse the line, are shown as U+FFFD.
    """
    calm = "".join(character if character.isprintable() else "\ufffd" for character in " ".join(text.split()))
    if columns_of(calm) <= columns:
        return calm
    kept, width = [], 0
    for character in calm:
        width += _columns_of_one(character)
        if width > columns - 3:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "..."


def columns_of(text: str) -> int:
    """Terminal columns that `text` takes."""
    return sum(map(_columns_of_one, text))


def _columns_of_one(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
