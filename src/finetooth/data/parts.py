"""What every format's reader hands over: parts to read, a sample of each, and rows with their numbers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from finetooth.data.malformed import Malformed

Format = Literal["csv", "tsv", "jsonl", "parquet", "folder", "label_text", "lines", "parallel"]
TABLES = ("csv", "tsv", "jsonl", "parquet")
SAMPLE_ROWS = 200
MAX_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """One file (or folder of classes) of one split.

    name: unique among the parts, never a whole path. labels: the file with the label of each line, of a parallel part.
    """

    path: Path
    name: str
    format: Format
    labels: Path | None = None


# A row goes by its number, or in a folder of texts by the name of its file.
Row = tuple[int | str, Sequence[Any] | Malformed]


@dataclass(slots=True)
class Sample:
    """The columns of a part, its first rows, and how it is to be read.

    facts: what the summary tells of the part (encoding, delimiter, sha256 once read). first_row: the number of the
    first row of data, as a spreadsheet or editor counts.
    """

    columns: tuple[str, ...]
    rows: list[Sequence[Any]]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    first_row: int = 1
    headed: bool = True
    delimiter: str = ""
    escape: str | None = None
    quoting: bool = True


Rows = Iterator[Row]


def picker(positions: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """A fast function from a whole record to the values at `positions`."""
    if len(positions) == 1:
        only = positions[0]
        return lambda record: (record[only],)
    return itemgetter(*positions)
