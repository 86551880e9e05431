"""Samples lines from all over a text file, within bounds of time and memory; columns are chosen by them.

The first rows alone would be a poor sample: many files are sorted by class or by origin.
"""

from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import TypeVar

from finetooth.data import text_file
from finetooth.data.parts import Sample
from finetooth.recipe import COMPRESSED_SUFFIXES

Item = TypeVar("Item")
MOST_ROWS = 2_000
RUN_ROWS = 25
PIECES = 32
PIECE_BYTES = 16 * 2**10
STREAMED_CHARACTERS = 64 * 2**20
_WIDE = ("utf-16", "utf-32", "utf16", "utf32", "utf_16", "utf_32")


def pieces(sample: Sample) -> list[list[str]]:
    """All lines of the file with their ends; of a long file, the lines of up to 2 PIECES pieces, spread evenly over it.

    A piece may begin and end inside a line, so its first and last lines are left out; but the first line of the file
    is kept. A file that is compressed, or has two or more bytes per character, is decoded from its beginning, up to
    STREAMED_CHARACTERS, and the pieces are taken from these. sample: its facts contain the encoding.
    """
    part, encoding = sample.part, str(sample.facts["encoding"])
    if part.path.suffix.lower() in COMPRESSED_SUFFIXES or encoding.lower().startswith(_WIDE):
        texts = _streamed_pieces(sample)
    else:
        size = part.path.stat().st_size
        count, length = (1, size) if size <= PIECES * PIECE_BYTES else (PIECES, PIECE_BYTES)
        texts = []
        with part.path.open("rb") as file:
            for number in range(count):
                file.seek(number * size // count)
                texts.append(file.read(length).decode(encoding, errors="surrogateescape"))
    result = []
    for number, text in enumerate(texts):
        lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
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


def evenly(items: Iterable[Item], *, most: int = MOST_ROWS, run: int = RUN_ROWS) -> list[Item]:
    """Up to `most` of the items: runs of `run` neighbours, at equal distances.

    Single items at equal distances could all have the same class, because the classes of many files take turns.
    """
    chosen: list[Item] = []
    distance = 1
    for number, item in enumerate(items):
        if number // run % distance == 0:
            chosen.append(item)
        if len(chosen) > most:
            chosen = [item for index, item in enumerate(chosen) if index // run % 2 == 0]
            distance *= 2
    return chosen


def _streamed_pieces(sample: Sample) -> list[str]:
    """Up to 2 PIECES pieces at equal distances, in the first STREAMED_CHARACTERS of the file."""
    part, encoding = sample.part, str(sample.facts["encoding"])
    with text_file.open_text(part.path, name=part.name, encoding=encoding, to_end=False) as opened:
        texts = (opened.stream.read(PIECE_BYTES) for _ in range(STREAMED_CHARACTERS // PIECE_BYTES))
        numbered = evenly(enumerate(takewhile(bool, texts)), most=2 * PIECES, run=1)
    chosen = [text for _, text in numbered]
    has_gaps = bool(numbered) and numbered[-1][0] >= len(numbered)
    return chosen if has_gaps else ["".join(chosen)]
