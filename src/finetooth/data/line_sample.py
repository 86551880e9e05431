"""Samples lines from all over a text file, within bounds of time and memory; columns are chosen by them.

The first rows alone would be a poor sample: many files are sorted by class or by origin.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from finetooth.data import text_file
from finetooth.data.parts import Sample
from finetooth.recipe import COMPRESSED_SUFFIXES

Item = TypeVar("Item")
MOST_ROWS = 2_000
PIECES = 32
PIECE_BYTES = 16 * 2**10
STREAMED_CHARACTERS = 64 * 2**20
_WIDE = ("utf-16", "utf-32", "utf16", "utf32", "utf_16", "utf_32")


def pieces(sample: Sample) -> list[list[str]]:
    """All lines of the file with their ends; of a long file the lines of PIECES pieces, spread evenly over it.

    The first and the last line of each piece are left out, because they may be incomplete; the file's first line is
    not. A file that is compressed, or has two or more bytes per character, has no pieces. sample: its facts hold the
    encoding.
    """
    part, encoding = sample.part, str(sample.facts["encoding"])
    if part.path.suffix.lower() in COMPRESSED_SUFFIXES or encoding.lower().startswith(_WIDE):
        return []
    size = part.path.stat().st_size
    count, length = (1, size) if size <= PIECES * PIECE_BYTES else (PIECES, PIECE_BYTES)
    result = []
    with part.path.open("rb") as file:
        for number in range(count):
            file.seek(number * size // count)
            text = file.read(length).decode(encoding, errors="surrogateescape").removeprefix("\ufeff")
            lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            result.append([line + "\n" for line in lines[min(number, 1) : -1]])
    return result


def streamed_lines(sample: Sample) -> Iterator[str]:
    """The lines of the file from its beginning, up to STREAMED_CHARACTERS."""
    part, encoding, left = sample.part, str(sample.facts["encoding"]), STREAMED_CHARACTERS
    with text_file.open_text(part.path, name=part.name, encoding=encoding, to_end=False) as opened:
        for line in opened.lines():
            left -= len(line)
            if left < 0:
                return
            yield line


def evenly(items: Iterable[Item]) -> list[Item]:
    """Up to MOST_ROWS of the items, at equal distances."""
    chosen: list[Item] = []
    distance = 1
    for number, item in enumerate(items):
        if number % distance == 0:
            chosen.append(item)
        if len(chosen) > MOST_ROWS:
            chosen, distance = chosen[::2], 2 * distance
    return chosen
