"""What a file is by its first bytes, whatever its name says, and which encoding a text is likely to have."""

import codecs
from itertools import pairwise

from finetooth.errors import DataError

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive or Excel workbook (xlsx)", "In Excel: File, Save as, CSV UTF-8; or unzip it."),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file (xls)", "In Excel: File, Save as, CSV UTF-8."),
    (b"PAR1", "a Parquet file", "Name it with the ending .parquet, or set data.format: parquet"),
    (b"\x1f\x8b", "gzip data", "Name it with the ending .gz, or decompress it."),
    (b"BZh", "bzip2 data", "Name it with the ending .bz2, or decompress it."),
    (b"\x28\xb5\x2f\xfd", "zstd data", "Decompress it: unzstd FILE"),
    (b"\xfd7zXZ\x00", "xz data", "Decompress it: unxz FILE"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it."),
    (b"%PDF-", "a PDF", "Export its table as CSV."),
    (b"SQLite format 3\x00", "an SQLite database", "Export the table as CSV."),
    (b"ARROW1\x00\x00", "an Arrow file", "Write it as Parquet."),
    (b"\x89PNG", "a PNG image", "Name the file with the rows."),
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer, not the data", "Fetch the data: git lfs pull"),
)  # fmt: skip
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_MARKUP = (b"<!doctype html", b"<html")


def check(head: bytes, *, name: str, compression: str | None) -> None:
    """Check that the first bytes are those of a text or, if `compression` is set, of that compression.

    Raises: DataError with what the file is and what to do.
    """
    expected = {"gzip": b"\x1f\x8b", "bzip2": b"BZh"}.get(compression or "", b"")
    if expected and head.startswith(expected):
        return
    for magic, kind, advice in _MAGIC:
        # A text may begin with BZh; in a bzip2 stream the level and the digits of pi follow.
        if head.startswith(magic) and (magic != b"BZh" or head[4:10] == b"1AY&SY"):
            raise DataError(f"{name}: the content is {kind}. {advice}")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith(_MARKUP):
        raise DataError(f"{name}: the content is a web page (HTML), perhaps a log-in page. Download the file itself.")
    if expected:
        raise DataError(
            f"{name}: the content is not {compression} data. If it is plain text, remove the ending of its name."
        )


def byte_order_mark(head: bytes) -> str | None:
    """The codec whose byte order mark the bytes begin with, or None."""
    return next((codec for mark, codec in _MARKS if head.startswith(mark)), None)


def utf16_without_mark(head: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` if nearly half of the bytes are zero, all at odd or all at even positions; or None."""
    even, odd = head[0::2], head[1::2]
    if len(odd) < 4:
        return None
    even_share, odd_share = even.count(0) / len(even), odd.count(0) / len(odd)
    if odd_share > 0.4 and even_share < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even_share > 0.4 and odd_share < 0.05 else None


def guess(data: bytes) -> str:
    """The likely encoding of lines of bytes, not all of them UTF-8; cp1252 if there is no sign of another.

    utf-8 if most of the lines are valid UTF-8: then the other lines are damaged.
    """
    lines = [line for line in data.splitlines() if not line.isascii()]
    if sum(bool(_decoded(line, "utf-8")) for line in lines) * 2 > len(lines):
        return "utf-8"
    high = sum(byte >= 0x80 for byte in data)
    japanese = _decoded(data, "cp932")
    kana = sum("\u3040" <= character <= "\u30ff" for character in japanese)
    if kana * 4 >= max(high // 2, 1):
        return "shift_jis"
    russian = data.decode("cp1251", errors="replace")
    letters = sum("\u0410" <= character <= "\u044f" for character in russian)
    # A Western accent has ASCII letters beside it; a Cyrillic word is a run of high bytes.
    runs = sum(1 for left, right in pairwise(data) if left >= 0x80 and right >= 0x80)
    if runs * 2 >= high and letters * 10 >= high * 8:
        lower = sum("\u0430" <= character <= "\u044f" for character in russian)
        return "cp1251" if lower * 2 >= letters else "koi8-r"  # KOI8-R swaps the two cases of CP1251
    if runs * 2 >= high:
        for codec in ("euc-jp", "euc-kr", "gb18030"):
            if _decoded(data, codec):
                return codec
    return "cp1252" if _decoded(data, "cp1252") else "latin-1"


def _decoded(data: bytes, codec: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return ""
