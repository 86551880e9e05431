"""Whatever bytes a file holds, loading ends in a data set or in one of our errors."""

import contextlib
import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelled_files import csv_text

from finetooth import data, recipe
from finetooth.errors import FinetoothError

JSONL = "".join(json.dumps({"text": f"film {row}", "label": row % 2}) + "\n" for row in range(20)).encode()
SOUND = {"a.csv": csv_text().encode(), "a.tsv": csv_text().replace(",", "\t").encode(), "a.jsonl": JSONL}
CHANGES = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 3), st.binary(max_size=4)), min_size=1, max_size=6)
FUZZ = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def load(path: Path) -> None:
    for policy in ("stop", "skip"):
        with contextlib.suppress(FinetoothError):
            spec = recipe.Data.model_validate({"source": str(path), "on_bad_row": policy})
            data.load(spec, {"all": [path]})
    with contextlib.suppress(FinetoothError):
        data.read_texts(path)


def changed(content: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    held = bytearray(content)
    for place, length, new in changes:
        start = place % (len(held) + 1)
        held[start : start + length] = new
    return bytes(held)


@FUZZ
@given(
    content=st.binary(max_size=300),
    name=st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.csv.gz", "a.csv.bz2"]),
)
def test_random_bytes(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    load(path)


@FUZZ
@given(changes=CHANGES, name=st.sampled_from(sorted(SOUND)), packed=st.booleans())
def test_sound_files_changed_at_random(
    tmp_path: Path, changes: list[tuple[int, int, bytes]], name: str, packed: bool
) -> None:
    content = changed(SOUND[name], changes)
    path = tmp_path / (name + ".gz" if packed else name)
    path.write_bytes(changed(gzip.compress(content), changes[:1]) if packed else content)
    load(path)


@pytest.mark.parametrize("codec", ["NONE", "SNAPPY"])
def test_parquet_changed_at_every_tenth_byte(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.parquet"
    columns = {"text": [f"film {row}" for row in range(20)], "label": ["x", "y"] * 10}
    pyarrow.parquet.write_table(pyarrow.table(columns), path, compression=codec)
    content = path.read_bytes()
    for place in range(0, len(content), 10):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        load(path)
