"""One way to open a text file: regular, of the promised kind, decompressed within bounds, decoded, hashed as read."""

import bz2
import codecs
import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from finetooth.data import signatures
from finetooth.errors import DataError, RecipeError, did_you_mean

MAX_ROW_CHARACTERS = 32 * 2**20
MAX_DECOMPRESSED_BYTES = 16 * 2**30
# A text shrinks to a tenth, a table of repeats to a fiftieth; a bomb to a thousandth and less.
MAX_RATIO = 200
RATIO_FROM_BYTES = 64 * 2**20  # what a file of any size may become
_ENCODINGS = (
    "utf-8",
    "utf-16",
    "latin-1",
    "cp1252",
    "cp1251",
    "koi8-r",
    "shift_jis",
    "gb18030",
    "euc-jp",
    "euc-kr",
    "big5",
)


@dataclass(slots=True)
class Opened:
    """A text stream (universal line ends, kept as they are; undecodable bytes as U+DC80 to U+DCFF) and its facts.

    marked: a byte order mark named the encoding.
    """

    stream: TextIO
    encoding: str
    marked: bool = False
    sha256: str = ""
    size: int = 0


def regular(path: Path, *, name: str) -> os.stat_result:
    """The status of a regular file that is not empty.

    Raises: DataError for a missing file, a folder, a pipe, a device, an empty file.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        near = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"{path}: no such file.{did_you_mean(path.name, near)}") from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}).") from error
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{name}: not a regular file but a pipe, device or folder. Save its content to a file first.")
    if status.st_size == 0:
        raise DataError(f"{name}: the file is empty (0 bytes).")
    return status


def most_unfolded(stored: int) -> int:
    """Most bytes that a file of `stored` bytes may become when it is decompressed and decoded."""
    return min(max(RATIO_FROM_BYTES, MAX_RATIO * stored), MAX_DECOMPRESSED_BYTES)


def unchanged(path: Path, before: os.stat_result, *, name: str) -> None:
    """Pass if the file is still what it was when reading began.

    Raises: DataError if size, time of change or inode differ.
    """
    try:
        after = path.stat()
    except OSError as error:
        raise DataError(f"{name}: the file vanished while it was read ({error.strerror}).") from error
    marks = [(status.st_size, status.st_mtime_ns, status.st_ino) for status in (before, after)]
    if marks[0] != marks[1]:
        raise DataError(
            f"{name}: the file changed while it was read. Wait until it is complete, then give the command again."
        )


@contextmanager
def text(path: Path, *, name: str, encoding: str | None, whole: bool = True) -> Iterator[Opened]:
    """The decoded content of a text file, plain, .gz or .bz2.

    whole: it will be read to its end: after the block the hash is known and the file is found unchanged.

    Raises: DataError for what regular() refuses, another kind of file under this name, broken or excessive
    compression, undecodable text, a file that changed meanwhile; RecipeError for an unknown encoding.
    """
    before = regular(path, name=name)
    try:
        with path.open("rb", buffering=0) as raw:
            meter = _Meter(raw)
            outer: io.BufferedReader[Any] = io.BufferedReader(meter, 1 << 20)
            inner = _decompressed(outer, meter, path=path, name=name)
            head = inner.peek(4096)[:4096]
            found = encoding_of(head, declared=encoding, name=name)
            wrapper = io.TextIOWrapper(inner, encoding=found, errors="surrogateescape", newline="")
            opened = Opened(stream=wrapper, encoding="utf-8" if found == "utf-8-sig" else found)
            opened.marked = found == signatures.byte_order_mark(head)
            yield opened
            while whole and outer.read(1 << 20):  # what follows the last row belongs to the hash too
                pass
            opened.sha256, opened.size = meter.hexdigest(), meter.count
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{name}: the compressed data is cut off or damaged ({error}). Fetch the file again, or compress it anew."
        ) from error
    except UnicodeError as error:
        raise DataError(
            f"{name}: not decodable as {encoding or 'UTF-8'} ({error}). Name its encoding: data.encoding: latin-1"
        ) from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror or error}). Fetch the file again.") from error
    if whole:
        unchanged(path, before, name=name)


def told_encoding(path: Path, *, name: str, declared: str) -> str | None:
    """The encoding that a file's own bytes tell: by a mark at its beginning, or because all of it is sound UTF-8.

    None where ASCII alone tells nothing; `declared` where nothing speaks against it.
    """
    named = codec(declared)
    try:
        with text(path, name=name, encoding=None, whole=False) as opened:
            # A text without one character past ASCII is no UTF-16 or UTF-32 either.
            telling = opened.marked or named.startswith(("utf-16", "utf-32"))
            while piece := opened.stream.read(1 << 20):
                if not piece.isascii():
                    telling = True
                    piece.encode()
    except (DataError, UnicodeEncodeError):  # not UTF-8, or not readable: the reader that comes next says why
        return declared
    if not telling:
        return None
    return declared if codec(opened.encoding) == named.removesuffix("-sig") else opened.encoding


def lines(stream: TextIO, *, name: str, first: int = 1) -> Iterator[str]:
    """The lines of a stream with their ends (LF, CR, CRLF). first: the number of the first of them, for the error.

    Raises: DataError for a line longer than MAX_ROW_CHARACTERS.
    """
    number = first - 1
    while line := stream.readline(MAX_ROW_CHARACTERS):
        number += 1
        if len(line) == MAX_ROW_CHARACTERS:
            raise DataError(
                f"{name} line {number}: longer than {MAX_ROW_CHARACTERS:,} characters. "
                "Is this a text file with one row on a line? Split the text, or remove the row."
            )
        yield line


def _decompressed(
    outer: "io.BufferedReader[Any]", meter: "_Meter", *, path: Path, name: str
) -> "io.BufferedReader[Any]":
    compression = {".gz": "gzip", ".bz2": "bzip2"}.get(path.suffix.lower())
    signatures.check(outer.peek(4096)[:4096], name=name, compression=compression)
    if compression is None:
        return outer
    member: BinaryIO = gzip.GzipFile(fileobj=outer) if compression == "gzip" else bz2.BZ2File(outer)  # type: ignore[assignment]
    inner: io.BufferedReader[Any] = io.BufferedReader(_Meter(member, compressed=meter, name=name), 1 << 20)
    signatures.check(inner.peek(4096)[:4096], name=name, compression=None)
    return inner


def codec(declared: str) -> str:
    """The canonical name of the encoding that the recipe declares.

    Raises: RecipeError with the nearest known name when it is none, or does not decode bytes to text.
    """
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=declared)  # refuses rot13 and its kind too
        return codecs.lookup(declared).name
    except (LookupError, ValueError):
        raise RecipeError(
            f"data.encoding: {declared!r} is not a known text encoding.{did_you_mean(declared, _ENCODINGS)}"
        ) from None


def encoding_of(head: bytes, *, declared: str | None, name: str) -> str:
    """The codec to read a text with, by its first bytes and what the recipe declares.

    Raises: DataError where the two contradict each other, or for UTF-16 that nothing tells; RecipeError as codec does.
    """
    marked = signatures.byte_order_mark(head)
    if declared is not None:
        named = codec(declared)
        if marked is None:
            return named
        if not named.startswith("utf"):
            said = marked.removesuffix("-sig").upper()
            raise DataError(
                f"{name}: begins with the byte order mark of {said}, but data.encoding is {declared}. "
                "Leave data.encoding out: the mark tells the encoding."
            )
        return marked
    if marked is not None:
        return marked
    wide = signatures.utf16_without_mark(head)
    if wide is not None:
        raise DataError(f"{name}: looks like UTF-16 without a byte order mark. Name it: data.encoding: {wide}")
    return "utf-8"


class _Meter(io.RawIOBase):
    """A raw stream that counts and hashes what passes, and stops a decompression that swells beyond reason."""

    def __init__(self, inner: BinaryIO | io.FileIO, *, compressed: "_Meter | None" = None, name: str = "") -> None:
        super().__init__()
        self.count = 0
        self._inner, self._compressed, self._name = inner, compressed, name
        self._hash = None if compressed is not None else hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = self._inner.read(len(buffer)) or b""
        buffer[: len(data)] = data
        self.count += len(data)
        if self._hash is not None:
            self._hash.update(data)
        if self._compressed is not None:
            self._refuse_bomb(self._compressed.count)
        return len(data)

    def hexdigest(self) -> str:
        assert self._hash is not None
        return self._hash.hexdigest()

    def _refuse_bomb(self, compressed: int) -> None:
        swollen = self.count > RATIO_FROM_BYTES and self.count > MAX_RATIO * max(compressed, 1)
        if swollen or self.count > MAX_DECOMPRESSED_BYTES:
            raise DataError(
                f"{self._name}: {compressed:,} compressed bytes have become {self.count:,} already, more than "
                f"{MAX_RATIO} times as many (or more than {MAX_DECOMPRESSED_BYTES:,} bytes); refused. "
                "If the file is sound, decompress it and name the result."
            )
