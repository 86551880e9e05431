"""Lines from all over a text file: enough to choose columns by, within bounds of time and memory.

The first rows may be no sample of a file: files are sorted by class, or by where their rows come from.
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
    """The file's lines with their ends, or of a long file those of PIECES places spread evenly over it.

    The first and the last line of each piece are left out, for they may be cut; the file's first line stays.
    sample: its facts hold the encoding. A file that is compressed, or whose characters have two bytes or more each, is
    read from its beginning, up to STREAMED_CHARACTERS.
    """
    encoding = str(sample.facts["encoding"])
    if part.path.suffix.lower() in COMPRESSED_SUFFIXES or encoding.lower().startswith(_WIDE):
        texts = _streamed(part, encoding=encoding)
    else:
        texts = [piece.decode(encoding, errors="surrogateescape") for piece in _places(part.path)]
    return [_whole_lines(text, begins=place == 0) for place, text in enumerate(texts)]


@contextmanager
def streamed_lines(part: Part, sample: Sample) -> Iterator[Iterator[str]]:
    """The file's lines from its first on, up to STREAMED_CHARACTERS."""
    with text_file.text(part.path, name=part.name, encoding=str(sample.facts["encoding"]), whole=False) as opened:
        left = STREAMED_CHARACTERS

        def is_within(line: str) -> bool:
            nonlocal left
            left -= len(line)
            return left >= 0

        yield takewhile(is_within, text_file.lines(opened.stream, name=part.name))


def evenly(items: Iterable[Item]) -> list[Item]:
    """Up to MOST_ROWS of the items, at equal distances; the distance doubles whenever there are too many of them."""
    chosen: list[Item] = []
    distance = 1
    for number, item in enumerate(items):
        if number % distance == 0:
            chosen.append(item)
        if len(chosen) > MOST_ROWS:
            chosen, distance = chosen[::2], 2 * distance
    return chosen


def _places(path: Path) -> list[bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= PIECES * PIECE_BYTES:
            return [file.read()]
        found = []
        for place in range(PIECES):
            file.seek(place * size // PIECES)
            found.append(file.read(PIECE_BYTES))
        return found


def _streamed(part: Part, *, encoding: str) -> list[str]:
    """Pieces at equal distances; the distance doubles whenever there are too many of them."""
    found: list[str] = []
    distance, most, length = 1, 8 * PIECES, PIECE_BYTES // 8
    with text_file.text(part.path, name=part.name, encoding=encoding, whole=False) as opened:
        for number in range(STREAMED_CHARACTERS // length):
            piece = opened.stream.read(length)
            if not piece:
                break
            if number % distance == 0:
                found.append(piece)
            if len(found) > most:
                found, distance = found[::2], 2 * distance
    return ["".join(found)] if distance == 1 else found


def _whole_lines(piece: str, *, begins: bool) -> list[str]:
    """The lines of a piece that are not cut. begins: whether the file begins with it."""
    lines = piece.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line + "\n" for line in lines[0 if begins else 1 : -1]]
