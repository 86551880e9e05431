"""Parquet files with empty row groups are valid and are read like any other."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from labelled_files import Files

SCHEMA = pa.schema([("text", pa.string()), ("label", pa.string())])


def rows(count: int, *, start: int) -> pa.Table:
    texts = [f"film number {start + row} was watched" for row in range(count)]
    return pa.table({"text": texts, "label": ["good", "bad"] * (count // 2)}, schema=SCHEMA)


def written(path: Path, *counts: int) -> Path:
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for number, count in enumerate(counts):
            writer.write_table(rows(count, start=1000 * number))
    assert pq.ParquetFile(path).metadata.num_row_groups == len(counts)
    return path


@pytest.mark.parametrize("counts", [(), (0,), (0, 0)])
def test_a_file_without_rows_is_empty_and_not_damaged(files: Files, tmp_path: Path, counts: tuple[int, ...]) -> None:
    message = files.error(written(tmp_path / "a.parquet", *counts))
    assert message.startswith("a.parquet: the train split has no usable row.")


@pytest.mark.parametrize("counts", [(50, 0, 50), (0, 100), (100, 0)])
def test_a_row_group_without_rows_is_skipped(files: Files, tmp_path: Path, counts: tuple[int, ...]) -> None:
    dataset = files.load(written(tmp_path / "a.parquet", *counts), test=0.2, validation=0.1)
    assert dataset.classes == ("bad", "good")
    assert sum(len(split.texts) for split in (dataset.train, dataset.validation, dataset.test)) == 100
