"""What the reader of every format takes and returns: a part to read, a sample of it, and rows with their numbers."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from finetooth.data.malformed import Malformed
from finetooth.errors import DataError

Format = Literal["csv", "tsv", "jsonl", "parquet", "folder", "label_text", "lines", "parallel"]
TABLES = ("csv", "tsv", "jsonl", "parquet")
SAMPLE_ROWS = 200
MAX_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """One file of one split, or a folder with one sub-folder for each class.

    name: unique among the parts; never an absolute path. labels: for the format `parallel`, the file of labels.
    """

    path: Path
    name: str
    format: Format
    labels: Path | None = None


# A row has a number; in a folder of texts it has the name of its file instead.
Rows = Iterator[tuple[int | str, Sequence[object] | Malformed]]


@dataclass(slots=True)
class Sample:
    """The columns of a part, its first rows, and how to read it.

    facts: goes into the summary: encoding, delimiter and, after reading, sha256 and bytes. first_row: the number of the
    first row of data, as a spreadsheet or editor counts. headed: whether the part has a header.
    """

    part: Part
    columns: tuple[str, ...]
    rows: list[Sequence[object]]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    first_row: int = 1
    headed: bool = True
    delimiter: str = ""
    escape: str | None = None
    quoting: bool = True


def first_rows(rows: Rows) -> list[Sequence[object]]:
    """The values of the first SAMPLE_ROWS rows that can be read and are not blank."""
    good = (
        values
        for _, values in rows
        if not isinstance(values, Malformed) and any(str(value).strip() for value in values)
    )
    return list(islice(good, SAMPLE_ROWS))


def check_column_count(columns: Sequence[str], *, where: str, fewer: str) -> None:
    """Check that the columns are not too many. Raises: DataError.

    where: the file, and the row of its header. fewer: what to do if they are too many.
    """
    if len(columns) > MAX_COLUMNS:
        raise DataError(f"{where}: {len(columns):,} columns, more than the limit of {MAX_COLUMNS:,}. {fewer}")


def check_column_names(columns: Sequence[str], *, where: str, ending: str = ".", may_lack_names: bool = False) -> None:
    """Check that no two columns have the same name. Raises: DataError.

    where: as in check_column_count. ending: the end of the sentence on equal names. may_lack_names: allow any number of
    columns without a name.
    """
    counts = Counter(name for name in columns if name or not may_lack_names)
    repeated = next((name for name, times in counts.items() if times > 1), None)
    if repeated is not None:
        positions = " and ".join(str(position) for position, name in enumerate(columns, 1) if name == repeated)
        raise DataError(
            f"{where}: two columns have the name {repeated!r} (columns {positions}). Rename one of them{ending}"
        )


def picker(sample: Sample, columns: Sequence[str]) -> Callable[[Sequence[object]], Sequence[object]]:
    """A fast function that takes a record of the sample's columns and returns its values in `columns`."""
    positions = [sample.columns.index(name) for name in columns]
    if len(positions) == 1:
        return lambda record: (record[positions[0]],)
    return itemgetter(*positions)
