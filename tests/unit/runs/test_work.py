"""splits.parquet: a file with another content than Finetooth writes is refused."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetooth.errors import RunError
from finetooth.runs.layout import RunFolder
from finetooth.runs.ledger import RowKeys
from finetooth.runs.work import read_row_keys, read_splits, read_text_keys

ROWS: dict[str, Any] = {
    "split": ["train", "train", "test"],
    "id": ["a:1", "a:2", "b:1"],
    "text_key": pa.array([b"1" * 16, b"2" * 16, b"1" * 16], pa.binary(16)),
    "row_key": pa.array([b"3" * 8, b"4" * 8, b"5" * 8], pa.binary(8)),
}


def written(path: Path, rows: dict[str, Any]) -> RunFolder:
    folder = RunFolder(path)
    pq.write_table(pa.table(rows), folder.splits)
    return folder


def test_ids_and_keys_are_read_by_split(tmp_path: Path) -> None:
    folder = written(tmp_path, ROWS)
    assert read_splits(folder) == {"train": ("a:1", "a:2"), "validation": (), "test": ("b:1",)}
    assert read_text_keys(folder) == {"train": {b"1" * 16, b"2" * 16}, "validation": set(), "test": {b"1" * 16}}
    assert read_row_keys(folder, test_id="ab") == RowKeys("ab", b"1" * 16 + b"5" * 8)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"text_key": None}, "text_key"),
        ({"split": None}, "split"),
        ({"split": ["train", "dev", "test"]}, "a row is of the split 'dev'"),
        ({"split": ["train", None, "test"]}, "a row is of the split None"),
        ({"text_key": pa.array([b"1" * 16, None, b"1" * 16], pa.binary(16))}, "a row has no text_key"),
        ({"text_key": ["a", "b", "c"]}, ""),
    ],
)
def test_a_missing_column_a_missing_value_and_an_unknown_split_are_refused(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    rows = {name: values for name, values in (ROWS | changes).items() if values is not None}
    with pytest.raises(RunError) as caught:
        read_text_keys(written(tmp_path, rows))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'splits.parquet'}: cannot be read (") and problem in message
    assert message.endswith(
        "). In an unfinished run, the same command writes it again; in a complete run, take it from a backup."
    )


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.splits.write_bytes(b"PAR1 no")
    with pytest.raises(RunError, match=r"splits\.parquet: cannot be read \("):
        read_splits(folder)
