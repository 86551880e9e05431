"""Columns of other types than text and number: for groups and slices, and in columns that are not read."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from labelled_files import Files

ROWS = 60


def parquet(files: Files, **columns: Any) -> Path:
    path = files.folder / "reviews.parquet"
    texts = [f"film number {row}" for row in range(ROWS)]
    labels = ["good" if row % 2 else "bad" for row in range(ROWS)]
    pq.write_table(pa.table({"text": texts, "label": labels, **columns}), path)
    return path


@pytest.mark.parametrize(
    "values",
    [
        [Decimal(row // 6) for row in range(ROWS)],
        [date(2020, 1, 1 + row // 6) for row in range(ROWS)],
        [UUID(int=row // 6 + 2**127).bytes for row in range(ROWS)],
        [str(row // 6).encode() for row in range(ROWS)],
        [[str(row // 6)] for row in range(ROWS)],
    ],
    ids=["decimal", "date", "binary", "words in bytes", "list"],
)
def test_rows_are_grouped_by_values_of_any_type(files: Files, values: Sequence[Any]) -> None:
    dataset = files.load(parquet(files, author=values), group="author", slices=["author"])
    of = {
        split: {int(row.rpartition(":")[2]) - 1 for row in getattr(dataset, split).ids} for split in ("train", "test")
    }
    groups = {split: {row // 6 for row in rows} for split, rows in of.items()}
    assert groups["train"] and groups["test"] and not groups["train"] & groups["test"]
    assert "" not in dataset.test.slices["author"] and len(set(dataset.test.slices["author"])) == len(groups["test"])


def test_a_group_column_that_is_empty_everywhere_is_refused(files: Files) -> None:
    path = parquet(files, author=pa.array([None] * ROWS, pa.string()))
    assert files.error(path, group="author") == (
        "reviews.parquet: column 'author' (data.group) is empty in every training row. Name another column."
    )


def test_whole_decimals_are_labels_like_whole_numbers(files: Files) -> None:
    path = parquet(files, stars=[Decimal(1 + row % 2) for row in range(ROWS)])
    assert files.load(path, label="stars").classes == ("1", "2")


def test_a_damaged_column_that_is_not_read_does_no_harm(files: Files) -> None:
    zoned = parquet(files, seen=pa.array([0] * ROWS, pa.timestamp("us", tz="Nowhere/Known")))
    assert len(files.load(zoned).train) > 0
    path = parquet(files, seen=pa.array([10**18] * ROWS, pa.timestamp("us")))
    assert len(files.load(path).train) > 0
    message = files.error(path, slices=["seen"])
    assert message.startswith("reviews.parquet: the values of column 'seen' (timestamp[us]) cannot be read: ")


def test_an_eight_bit_encoding_contradicts_a_byte_order_mark(files: Files) -> None:
    text = "\ufefftext,label\n" + "".join(f"caf\xe9 {row},{row % 2}\n" for row in range(20))
    assert files.error(text, encoding="cp1252") == (
        "reviews.csv: begins with the byte order mark of UTF-8, but data.encoding is cp1252. "
        "Remove data.encoding: the mark states the encoding."
    )
    wide = text.encode("utf-16-le")
    assert files.load(wide, encoding="utf-16-le").train.texts[0].startswith("caf\xe9")


def test_empty_lists_and_binary_values_do_not_form_a_group(files: Files) -> None:
    for values in (
        [[] if row % 2 else [str(row)] for row in range(ROWS)],
        [b"" if row % 2 else b"x"[:1] for row in range(ROWS)],
    ):
        dataset = files.load(parquet(files, author=values), slices=["author"])
        assert "" in dataset.train.slices["author"] and not {"[]", "b''", "b'x'"} & set(dataset.train.slices["author"])


def test_a_text_column_of_broken_utf_8_is_an_error(files: Files) -> None:
    texts = pa.array([b"caf\xe9 %d" % row for row in range(ROWS)], pa.binary()).view(pa.string())
    path = files.folder / "broken.parquet"
    labels = ["good" if row % 2 else "bad" for row in range(ROWS)]
    pq.write_table(pa.table({"text": texts, "title": ["a title"] * ROWS, "label": labels}), path)
    assert files.error(path).startswith("broken.parquet: the Parquet data is damaged or cut off (")


def test_a_text_in_a_folder_with_a_mark_that_contradicts_the_encoding_is_refused(files: Files) -> None:
    for kind in ("a", "b"):
        for number in range(10):
            files.write(f"set/{kind}/{number}.txt", f"{kind} {number}")
    files.write("set/b/3.txt", "\ufeffcaf\xe9")
    assert files.error(files.folder / "set", encoding="latin-1").startswith(
        "set/b/3.txt: begins with the byte order mark"
    )
    assert files.load(files.folder / "set").classes == ("a", "b")
