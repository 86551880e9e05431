"""Opens text files: checks their kind, decompresses them within bounds, decodes them, and hashes what is read."""

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
from typing import TYPE_CHECKING, TextIO

from finetooth.data import signatures
from finetooth.errors import DataError, RecipeError, did_you_mean

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    _Reader = io.BufferedReader["_Meter"]

MAX_ROW_CHARACTERS = 32 * 2**20
MAX_DECOMPRESSED_BYTES = 16 * 2**30
# Compression shrinks a text to a tenth and a table of repeats to a fiftieth; a bomb to a thousandth or less.
MAX_RATIO = 200
RATIO_FROM_BYTES = 64 * 2**20  # a file of any size may decompress to this many bytes
_ENCODINGS = (
    "utf-8", "utf-16", "latin-1", "cp1252", "cp1251", "koi8-r", "shift_jis", "gb18030", "euc-jp", "euc-kr", "big5",
)  # fmt: skip


@dataclass(slots=True)
class Opened:
    """A text stream, its encoding and, after it was read to the end, the SHA-256 and size of the file.

    name: of the file, in messages. stream: keeps line ends as they are; bytes that cannot be decoded become U+DC80 to
    U+DCFF. marked: whether the file begins with the byte order mark of its encoding. last_line: from lines().
    """

    name: str
    stream: TextIO
    encoding: str
    marked: bool = False
    sha256: str = ""
    size: int = 0
    last_line: str = ""

    def lines(self) -> Iterator[str]:
        """The lines with their ends (LF, CR, CRLF). Raises: DataError for one longer than MAX_ROW_CHARACTERS."""
        for number, line in enumerate(iter(lambda: self.stream.readline(MAX_ROW_CHARACTERS), ""), 1):
            if len(line) == MAX_ROW_CHARACTERS:
                raise DataError(
                    f"{self.name} line {number}: longer than {MAX_ROW_CHARACTERS:,} characters. "
                    "Is this a text file with one row per line? Split the text, or remove the row."
                )
            self.last_line = line
            yield line


def status_of(path: Path, *, name: str) -> os.stat_result:
    """The status of a file or folder.

    Raises: DataError for one that does not exist (with the nearest name in its folder) or cannot be reached.
    """
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the path
        near = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"{path}: no such file.{did_you_mean(path.name, near)}") from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}). Check its path and permissions.") from error


def check_regular(path: Path, *, name: str) -> os.stat_result:
    """Check that `path` is a regular file and is not empty; returns its status.

    Raises: DataError for a missing file, a folder, a pipe, a device or an empty file.
    """
    status = status_of(path, name=name)
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{name}: not a regular file but a pipe, device or folder. Save its content to a file first.")
    if status.st_size == 0:
        raise DataError(f"{name}: the file is empty (0 bytes). Name a file with rows.")
    return status


def decompressed_limit(stored: int) -> int:
    """The most bytes that a file of `stored` bytes may take when it is decompressed and decoded."""
    return min(max(RATIO_FROM_BYTES, MAX_RATIO * stored), MAX_DECOMPRESSED_BYTES)


def check_unchanged(path: Path, before: os.stat_result, *, name: str, length: int | None = None) -> None:
    """Check that the file has not changed since its status was `before`.

    length: the number of bytes read, if the file was read completely.
    Raises: DataError if its size, modification time or inode differ, or if `length` is not its size.
    """
    try:
        after = path.stat()
    except OSError as error:
        raise DataError(
            f"{name}: the file vanished while it was read ({error.strerror}). Restore it, then run the command again."
        ) from error
    marks = [(status.st_size, status.st_mtime_ns, status.st_ino) for status in (before, after)]
    if marks[0] != marks[1] or length not in (None, before.st_size):
        raise DataError(
            f"{name}: the file changed while it was read. Wait until it is complete, then run the command again."
        )


@contextmanager
def open_text(path: Path, *, name: str, encoding: str | None, to_end: bool = True) -> Iterator[Opened]:
    """The decoded content of a text file: plain, .gz or .bz2.

    to_end: read the file to its end. After the block, its hash is known, and it was checked for changes.

    Raises: DataError for what check_regular() refuses, content of another kind than the name says, damaged or excessive
    compression, undecodable text, or a file that changed while it was read; RecipeError for an unknown encoding.
    """
    before = check_regular(path, name=name)
    try:
        with path.open("rb", buffering=0) as raw:
            meter = _Meter(raw)
            outer = io.BufferedReader(meter, 1 << 20)
            inner = _decompressed(outer, meter, path=path, name=name)
            head = inner.peek(4096)[:4096]
            codec_name = encoding_of(head, declared=encoding, name=name)
            wrapper = io.TextIOWrapper(inner, encoding=codec_name, errors="surrogateescape", newline="")
            opened = Opened(name, wrapper, encoding="utf-8" if codec_name == "utf-8-sig" else codec_name)
            opened.marked = codec_name == signatures.byte_order_mark(head)
            yield opened
            while to_end and outer.read(1 << 20):  # the hash covers what follows the last row too
                pass
            opened.sha256, opened.size = meter.hexdigest(), meter.count
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{name}: the compressed data is cut off or damaged ({error}). Fetch the file again, or compress it anew."
        ) from error
    except UnicodeError as error:
        raise DataError(
            f"{name}: cannot be decoded as {encoding or 'UTF-8'} ({error}). Set its encoding: data.encoding: latin-1"
        ) from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror or error}). Fetch the file again.") from error
    if to_end:
        check_unchanged(path, before, name=name)


def detect_encoding(path: Path, *, name: str, declared: str) -> str | None:
    """The encoding that the bytes of a file show: by a byte order mark, or because all of them are valid UTF-8.

    None if the file is ASCII, which fits most encodings; `declared` if the bytes do not contradict it.
    """
    declared_codec = codec(declared)
    try:
        with open_text(path, name=name, encoding=None, to_end=False) as opened:
            # A file of ASCII characters alone is not UTF-16 or UTF-32 either.
            decided = opened.marked or declared_codec.startswith(("utf-16", "utf-32"))
            while piece := opened.stream.read(1 << 20):
                if not piece.isascii():
                    decided = True
                    piece.encode()
    except (DataError, UnicodeEncodeError):  # not UTF-8, or not readable: the reader reports the reason later
        return declared
    if not decided:
        return None
    return declared if codec(opened.encoding) == declared_codec.removesuffix("-sig") else opened.encoding


def _decompressed(outer: "_Reader", meter: "_Meter", *, path: Path, name: str) -> "_Reader":
    compression = {".gz": "gzip", ".bz2": "bzip2"}.get(path.suffix.lower())
    signatures.check(outer.peek(4096)[:4096], name=name, compression=compression)
    if compression is None:
        return outer
    member = gzip.GzipFile(fileobj=outer) if compression == "gzip" else bz2.BZ2File(outer)
    inner = io.BufferedReader(_Meter(member, compressed=meter, name=name), 1 << 20)
    signatures.check(inner.peek(4096)[:4096], name=name, compression=None)
    return inner


def codec(declared: str) -> str:
    """The canonical name of the encoding that the recipe sets.

    Raises: RecipeError, with the nearest known name, if it is unknown or does not decode bytes to text.
    """
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=declared)  # refuses rot13 and its kind too
        return codecs.lookup(declared).name
    except (LookupError, ValueError):
        near = did_you_mean(declared, _ENCODINGS) or " Use a name that Python knows, such as utf-8 or cp1252."
        raise RecipeError(f"data.encoding: {declared!r} is not a known text encoding.{near}") from None


def encoding_of(head: bytes, *, declared: str | None, name: str) -> str:
    """The codec for a text, from its first bytes and the encoding in the recipe.

    Raises: DataError if the two contradict each other, or for UTF-16 without a mark that the recipe does not declare;
    RecipeError for an unknown encoding.
    """
    marked = signatures.byte_order_mark(head)
    declared_codec = None if declared is None else codec(declared)
    if marked is not None:
        if declared_codec is not None and not declared_codec.startswith("utf"):
            raise DataError(
                f"{name}: begins with the byte order mark of {marked.removesuffix('-sig').upper()}, but data.encoding "
                f"is {declared}. Remove data.encoding: the mark states the encoding."
            )
        return marked
    if declared_codec is not None:
        return declared_codec
    wide = signatures.utf16_without_mark(head)
    if wide is not None:
        raise DataError(f"{name}: looks like UTF-16 without a byte order mark. Set data.encoding: {wide}")
    return "utf-8"


class _Meter(io.RawIOBase):
    """A raw stream that counts the bytes read; those of a file are hashed, the number of decompressed ones is checked.

    compressed: the meter of the file, if `inner` decompresses it.
    """

    def __init__(
        self, inner: io.RawIOBase | io.BufferedIOBase, *, compressed: "_Meter | None" = None, name: str = ""
    ) -> None:
        self.count = 0
        self._inner, self._compressed, self._name = inner, compressed, name
        self._hash = hashlib.sha256() if compressed is None else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self._inner.read(len(view)) or b""
        view[: len(data)] = data
        self.count += len(data)
        if self._hash is not None:
            self._hash.update(data)
        if self._compressed is not None and self.count > decompressed_limit(self._compressed.count):
            raise DataError(
                f"{self._name}: its first {self._compressed.count:,} bytes decompress to {self.count:,}, more than the "
                f"limit of {MAX_RATIO} times as many or {MAX_DECOMPRESSED_BYTES:,} bytes. If you trust the file, "
                "decompress it and name the result."
            )
        return len(data)

    def hexdigest(self) -> str:
        """The SHA-256 of the bytes of the file that were read."""
        assert self._hash is not None, "decompressed bytes are not hashed"
        return self._hash.hexdigest()
