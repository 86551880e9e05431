"""Whatever bytes a file has, loading it returns a data set or raises one of our errors."""

import bz2
import contextlib
import gzip
import io
import json
import random
import time
from pathlib import Path
from typing import Any

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


def load(path: Path, *, more: dict[str, Any] | None = None) -> None:
    for policy in ("stop", "skip"):
        with contextlib.suppress(FinetoothError):
            spec = recipe.Data.model_validate({"source": str(path), "on_bad_row": policy} | (more or {}))
            data.load(spec, {"all": [path]})
    with contextlib.suppress(FinetoothError):
        data.read_texts(path)


def changed(content: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    buffer = bytearray(content)
    for position, length, new in changes:
        start = position % (len(buffer) + 1)
        buffer[start : start + length] = new
    return bytes(buffer)


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
    for position in range(0, len(content), 10):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        load(path)


def parquet_of(**options: Any) -> bytes:
    buffer = io.BytesIO()
    rows = range(40)
    columns = {
        "text": [f"film {row}" for row in rows],
        "label": [["x", "y"][row % 2] for row in rows],
        "tags": [[f"t{row % 3}", None] for row in rows],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer, row_group_size=15, **options)
    return buffer.getvalue()


MUTATED = {
    **SOUND,
    "plain.parquet": parquet_of(compression="NONE"),
    "packed.parquet": parquet_of(compression="zstd", data_page_version="2.0"),
    "differences.parquet": parquet_of(use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY"),
    "b.csv.gz": gzip.compress(SOUND["a.csv"], mtime=0),
    "b.csv.bz2": bz2.compress(SOUND["a.csv"]),
}
PIECES = (b"\0", b"\xff\xff\xff\xff\x7f", b'"', b"\r", b"\xff\xfe", b"{", b"[", b"\\ud800", b"PAR1", b"1e999")


@pytest.mark.parametrize("name", sorted(MUTATED))
def test_a_sound_file_of_every_format_mutated(tmp_path: Path, name: str) -> None:
    draw = random.Random(name)
    for _ in range(30):
        content = bytearray(MUTATED[name])
        for _ in range(draw.choice([1, 1, 2, 8])):
            size = len(content)
            position = draw.randrange(size) if draw.random() < 0.6 else max(0, size - 1 - draw.randrange(200))
            new = draw.choice(
                [b"", draw.choice(PIECES), draw.randbytes(3), bytes(content[position : position + 80]) * 2]
            )
            content[position : position + draw.randrange(4)] = new
        path = tmp_path / name
        path.write_bytes(content)
        started = time.process_time()
        load(path, more={"text": "text", "label": "label"} | ({"slices": ["tags"]} if "parquet" in name else {}))
        assert time.process_time() - started < 5
