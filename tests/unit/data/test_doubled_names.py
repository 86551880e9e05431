"""Repeated keys and columns are found fast, however many there are."""

import json
import time

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from labelled_files import Files

from finetooth.data.frames import table_of
from finetooth.errors import DataError


def test_a_repeated_key_among_many_is_found_fast(files: Files) -> None:
    keys = [f"k{number}" for number in range(60_000)]
    inner = ", ".join(f'"{key}": 0' for key in [*keys, keys[-1]])
    lines = [json.dumps({"text": f"film {row}", "label": row % 2}) for row in range(20)]
    lines[7] = '{"text": "film", "label": 1, "more": {' + inner + "}}"
    started = time.process_time()
    message = files.error("\n".join(lines), "a.jsonl")
    assert time.process_time() - started < 2
    assert message.startswith("a.jsonl row 8: the key 'k59999' occurs twice\n")


def test_columns_of_parquet_are_counted_before_they_are_compared(files: Files) -> None:
    path = files.folder / "a.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([0])] * 10_001, names=["twice"] * 10_001), path)
    assert (
        files.error(path)
        == "a.parquet: 10,001 columns, more than the limit of 10,000. Write a file of only those that you need."
    )


def test_two_columns_without_a_name_are_refused_where_a_column_is_chosen_by_its_name(files: Files) -> None:
    names = ["text", "label", "", ""]
    message = "two columns have the name '' (columns 3 and 4). Rename one of them."
    path = files.folder / "a.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["a", "b"])] * 4, names=names), path)
    assert files.error(path) == f"a.parquet: {message}"
    for frame in (pd.DataFrame([["a", "b", 0, 1]], columns=names), pa.Table.from_arrays([pa.array(["a"])] * 4, names)):
        with pytest.raises(DataError) as caught:
            table_of(frame)
        assert str(caught.value) == f"the {type(frame).__name__}: {message}"
    rows = "".join(f"film {row},{'xy'[row % 2]},,\n" for row in range(20))
    assert files.load("text,label,,\n" + rows).classes == ("x", "y")
