"""Samples lines from all over a text file, within bounds of time and memory; columns are chosen by them.

The first rows alone would be a poor sample: many files are sorted by class or by origin.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

from finetooth.data import text_file
from finetooth.data.parts import Part, Sample
from finetooth.recipe import COMPRESSED_SUFFIXES

Item = TypeVar("Item")
MOST_ROWS = 2_000
PIECES = 32
PIECE_BYTES = 16 * 2**10
STREAMED_CHARACTERS = 64 * 2**20
_WIDE = ("utf-16", "utf-32", "utf16", "utf32", "utf_16", "utf_32")


def pieces(part: Part, sample: Sample) -> list[list[str]]:
    """All lines of the file with their ends; of a long file the lines of PIECES pieces, spread evenly over it.

    The first and the last line of each piece are left out, because they may be incomplete; the file's first line is
    not. A file that is compressed, or has two or more bytes per character, is read from its beginning, up to
    STREAMED_CHARACTERS. sample: its facts hold the encoding.
    """
    encoding = str(sample.facts["encoding"])
    if part.path.suffix.lower() in COMPRESSED_SUFFIXES or encoding.lower().startswith(_WIDE):
        texts = _streamed(part, encoding=encoding)
    else:
        texts = [piece.decode(encoding, errors="surrogateescape") for piece in _file_pieces(part.path)]
    return [_complete_lines(text, begins=index == 0) for index, text in enumerate(texts)]


@contextmanager
def streamed_lines(part: Part, sample: Sample) -> Iterator[Iterator[str]]:
    """The lines of the file from its beginning, up to STREAMED_CHARACTERS."""
    with text_file.open_text(part.path, name=part.name, encoding=str(sample.facts["encoding"]), to_end=False) as opened:
        left = STREAMED_CHARACTERS

        def is_within(line: str) -> bool:
            nonlocal left
            left -= len(line)
            return left >= 0

        yield takewhile(is_within, text_file.lines(opened.stream, name=part.name))


def evenly(items: Iterable[Item]) -> list[Item]:
    """Up to MOST_ROWS of the items, at equal distances."""
    return _evenly(items, most=MOST_ROWS)[0]


def _evenly(items: Iterable[Item], *, most: int) -> tuple[list[Item], int]:
    """Up to `most` of the items, and their distance, which doubles whenever there are too many."""
    chosen: list[Item] = []
    distance = 1
    for number, item in enumerate(items):
        if number % distance == 0:
            chosen.append(item)
        if len(chosen) > most:
            chosen, distance = chosen[::2], 2 * distance
    return chosen, distance


def _file_pieces(path: Path) -> list[bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= PIECES * PIECE_BYTES:
            return [file.read()]
        pieces = []
        for number in range(PIECES):
            file.seek(number * size // PIECES)
            pieces.append(file.read(PIECE_BYTES))
        return pieces


def _streamed(part: Part, *, encoding: str) -> list[str]:
    """Pieces at equal distances, in the first STREAMED_CHARACTERS of the file."""
    length = PIECE_BYTES // 8
    with text_file.open_text(part.path, name=part.name, encoding=encoding, to_end=False) as opened:
        read = (opened.stream.read(length) for _ in range(STREAMED_CHARACTERS // length))
        chosen, distance = _evenly(takewhile(bool, read), most=8 * PIECES)
    return ["".join(chosen)] if distance == 1 else chosen


def _complete_lines(piece: str, *, begins: bool) -> list[str]:
    """The lines of a piece that are not cut. begins: whether the piece is the beginning of the file."""
    lines = piece.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line + "\n" for line in lines[0 if begins else 1 : -1]]
