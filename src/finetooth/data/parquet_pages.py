"""Counts the decompressed size of a Parquet file from its page headers, before a page is decoded.

The sizes in the footer are not trusted: they are a copy of those in the pages, and Arrow allocates by the pages. The
positions of the pages are read here too, because pyarrow crashes on column metadata with damaged statistics.
Source: https://github.com/apache/parquet-format (parquet.thrift; Thrift's compact protocol).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

_MAX_PAGES = 1_000_000
_HEADER_BYTES = 1 << 12
_MAX_HEADER_BYTES = 1 << 24  # the statistics in it contain complete values
_MAX_FOOTER_BYTES = 1 << 24  # enough for about a hundred thousand columns of row groups
_MAX_DEPTH = 16
_LEVEL_BYTES = 4  # a repetition and a definition level of two bytes each
_DATA_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_V2 = 0, 2, 3
_DETAILS = {_DATA_PAGE: 5, _DICTIONARY_PAGE: 7, _DATA_PAGE_V2: 8}  # the field that describes a page of each kind
_DELTA_BYTE_ARRAY = 7


class PageError(Exception):
    """The pages of a column do not follow the format."""


@dataclass(slots=True)
class PageSizes:
    """The sizes of the pages of some leaves (columns without parts of their own).

    bytes: decompressed size; a value in a list counts at least as much as its levels. largest: for each leaf, the most
    that one value may take although less is stored: the page of a dictionary, a page of texts that are stored as the
    difference to the text before (by_difference: the leaves with such pages), or a fixed length.
    """

    bytes: int = 0
    largest: dict[int, int] = field(default_factory=dict)
    by_difference: set[int] = field(default_factory=set)


class Group(NamedTuple):
    """A row group: number of rows, bytes according to the footer, and for each leaf where its pages begin and end."""

    rows: int
    size: int
    pages: tuple[tuple[int, int], ...]


def row_groups(stream: BinaryIO) -> list[Group]:
    """The row groups of a file, from its footer.

    Raises: PageError for a footer that is larger than 16 MiB or lacks the position of a page.
    """
    end = stream.seek(0, 2)
    stream.seek(max(end - 8, 0))
    length = int.from_bytes(stream.read(4), "little")
    if length > min(end - 8, _MAX_FOOTER_BYTES):
        raise PageError(f"a footer of {length:,} bytes")
    stream.seek(end - 8 - length)
    try:
        groups = _Compact(stream.read(length)).struct().get(4) or []
        return [_group(fields) for fields in groups]
    except (IndexError, KeyError, TypeError, AttributeError):
        raise PageError("the footer lacks the positions of the pages") from None


def _group(fields: dict[int, Any]) -> Group:
    pages = []
    for chunk in fields[1]:
        details = chunk[3]
        first, dictionary, stored = int(details[9]), int(details.get(11, 0)), int(details[7])
        start = dictionary if 0 < dictionary < first else first
        if start < 0 or stored < 0:
            raise PageError("a column that begins before the file")
        pages.append((start, start + stored))
    rows = int(fields[3])
    if rows < 0:
        raise PageError(f"a row group of {rows:,} rows")
    return Group(rows=rows, size=int(fields[2]), pages=tuple(pages))


def page_sizes(stream: BinaryIO, schema: Any, *, groups: Iterable[Group], leaves: Iterable[int]) -> PageSizes:
    """The sizes of the pages of these leaves (pyarrow's column indices) in these row groups, from the page headers.

    Raises: PageError if a header cannot be read, or there are more than a million.
    """
    total, pages, leaves = PageSizes(), 0, list(leaves)
    for group in groups:
        for leaf in leaves:
            at, end = group.pages[leaf]
            while at < end:
                at = _count(total, stream, at, leaf=leaf, column=schema.column(leaf))
                pages += 1
                if pages > _MAX_PAGES:
                    raise PageError(f"more than {_MAX_PAGES:,} pages")
    return total


def _count(total: PageSizes, stream: BinaryIO, at: int, *, leaf: int, column: Any) -> int:
    """Add the page at `at` to the total; returns where the next page begins."""
    header, length = _header(stream, at)
    kind, size, stored = header.get(1), header.get(2), header.get(3)
    if not (isinstance(size, int) and isinstance(stored, int) and size >= 0 and stored >= 0):
        raise PageError("a page without its size")
    inner = header.get(_DETAILS[kind]) if kind in _DETAILS else None
    inner = inner if isinstance(inner, dict) else {}
    values, encoding = inner.get(1), inner.get(4 if kind == _DATA_PAGE_V2 else 2)
    width = max(_LEVEL_BYTES, column.length or 0)
    list_values = values if column.max_repetition_level > 0 and isinstance(values, int) else 0
    total.bytes += max(size, list_values * width)
    by_difference = encoding == _DELTA_BYTE_ARRAY and kind != _DICTIONARY_PAGE
    if by_difference:
        total.by_difference.add(leaf)
    if column.physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"):
        largest = size if by_difference or kind == _DICTIONARY_PAGE else 0
        total.largest[leaf] = max(total.largest.get(leaf, 0), largest, column.length or 0)
    return at + length + stored


def _header(stream: BinaryIO, at: int) -> tuple[dict[int, Any], int]:
    """The fields of the page header at `at`, by their numbers, and the length of the header in bytes."""
    size = _HEADER_BYTES
    while True:
        stream.seek(at)
        data = stream.read(size)
        try:
            reader = _Compact(data)
            return reader.struct(), reader.at
        except IndexError:
            if len(data) < size or size >= _MAX_HEADER_BYTES:
                raise PageError("a page header that does not end") from None
            size = min(size * 64, _MAX_HEADER_BYTES)


class _Compact:
    """Reads Thrift's compact protocol. Raises: IndexError if the data ends too soon."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The values of a structure by field number. Texts, and lists of anything but structures, are None."""
        if depth > _MAX_DEPTH:
            raise PageError("a page header nested too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while (mark := self._byte()) != 0:
            number = number + (mark >> 4) if mark >> 4 else self._integer()
            kind = mark & 15
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2, 3):  # a boolean or a byte in a list
            return self._byte()
        if kind in (4, 5, 6):
            return self._integer()
        if kind == 7:
            return self._skip(8)
        if kind == 8:
            return self._skip(self._varint())
        if kind in (9, 10):
            mark = self._byte()
            count = mark >> 4 if mark >> 4 < 15 else self._varint()
            if mark & 15 == 12:
                return [self.struct(depth + 1) for _ in range(count)]
            for _ in range(count):
                self._value(mark & 15, depth + 1)
            return None
        if kind == 12:
            return self.struct(depth + 1)
        raise PageError(f"a page header with a field of type {kind}")

    def _byte(self) -> int:
        value = self.data[self.at]
        self.at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise PageError("a number with too many digits in a page header")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self.data):
            raise IndexError
