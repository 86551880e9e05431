"""Print results to stdout and everything else to stderr."""

import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

import click

from finetooth.progress.log_lines import calm

_LONGEST_LINE = 4_000  # names of columns and labels in an error may have any length
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class ReaderGone(Exception):
    """The reader of stdout has closed it."""


def emit(text: str, *, exact: bool = False) -> None:
    """Write a result to stdout without control characters.

    exact: write the text unchanged unless stdout is a terminal; for output that a program reads.
    Raises: ReaderGone if the reader has closed stdout.
    """
    shown = text if exact and not sys.stdout.isatty() else harmless(text)
    try:
        click.echo(shown.rstrip("\n"))
        sys.stdout.flush()
    except BrokenPipeError as error:
        # Python flushes stdout again when it exits, which would print a second error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ReaderGone from error


def emit_json(value: Any) -> None:
    """Write a result to stdout as JSON, with control characters as JSON escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    harmless_text = "".join(mark if mark.isprintable() or mark == "\n" else json.dumps(mark)[1:-1] for mark in text)
    emit(harmless_text, exact=True)


def emit_either(value: Any, text: Callable[[], str], *, as_json: bool, then: str | None = None) -> None:
    """Write a result to stdout as JSON or as text. then: the next command to suggest below the text."""
    if as_json:
        emit_json(value)
        return
    emit(text())
    if then is not None:
        next_command(then)


def tell(message: str) -> None:
    """Write a message to stderr, with one prefix; a very long line is shortened in the middle."""
    lines = [line if len(line) <= _LONGEST_LINE else _ends_of(line) for line in message.split("\n")]
    click.echo(harmless("finetooth: " + "\n".join(lines)), err=True)


def _ends_of(line: str) -> str:
    left_out = len(line) - _LONGEST_LINE
    return f"{line[: _LONGEST_LINE - 500]} [{left_out:,} characters left out] {line[-500:]}"


def next_command(command: str) -> None:
    """Print the suggested next command on stderr, below the result."""
    click.echo(harmless(f"\nNext    {command}"), err=True)


def colour_wanted() -> bool:
    """Whether stdout is a terminal that shows colours and neither NO_COLOR nor TERM=dumb forbids them."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def harmless(text: str) -> str:
    """`text` with newlines and tabs, and with every other control character replaced by U+FFFD.

    Colours (ESC [ digits m) are kept if stdout shows colours.
    """
    if text.isprintable():
        return text
    if _COLOUR.search(text) and colour_wanted():
        colours = [*_COLOUR.findall(text), ""]
        return "".join(map("".join, zip(map(calm, _COLOUR.split(text)), colours, strict=True)))
    return calm(text)


def one_line(text: str, columns: int) -> str:
    """`text` on one line of at most `columns` terminal columns, with control characters replaced by U+FFFD."""
    shown = calm(" ".join(text.split()))
    if columns_of(shown) <= columns:
        return shown
    characters, width = [], 0
    for character in shown:
        width += _columns_of_one(character)
        if width > columns - 3:
            break
        characters.append(character)
    return "".join(characters).rstrip() + "..."


def columns_of(text: str) -> int:
    """The number of terminal columns of `text`."""
    return sum(map(_columns_of_one, text))


def _columns_of_one(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
