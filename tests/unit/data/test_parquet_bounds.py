"""Parquet files that are small on disk and large in memory are refused before they are decoded."""

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from labelled_files import Files, texts

from finetooth.data import text_file

MOST_BYTES = 500 * 2**20  # of the process that reads: Python, Arrow and numpy take about 150 MB of them
READ = """
import resource, sys
from finetooth import data, recipe
from finetooth.errors import DataError
from finetooth.runs.memory import peak_bytes
from pathlib import Path
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
values = {"source": str(path), "text": "text"} | dict(word.split("=") for word in sys.argv[2:])
try:
    data.load(recipe.Data.model_validate(values), {"all": [path]})
except DataError as error:
    print(error)
print(peak_bytes())
"""


def read_apart(path: Path, **spec: str) -> tuple[str, int]:
    """The output of a separate process that reads the file, and its peak memory in bytes."""
    run = subprocess.run(
        [sys.executable, "-c", READ, str(path), *(f"{key}={value}" for key, value in spec.items())],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    *message, peak = run.stdout.splitlines()
    return "\n".join(message), int(peak)


def refused(path: Path) -> str:
    return (
        f"{path.name}: its {path.stat().st_size:,} bytes decompress to more than 67,108,864, the limit for a file of "
        f"this size (200 times as many, and at least 67,108,864). If you trust the file, write the columns that you "
        f"need as CSV or JSON lines."
    )


def write(path: Path, table: pa.Table, **options: Any) -> Path:
    pq.write_table(table, path, **{"compression": "zstd", "write_statistics": False, "store_schema": False, **options})
    return path


LABELS = ["good", "bad"] * 200
LONG = "a" * 30_000_000
REFERENCES = pa.array([0] * 400, pa.int32())


def test_one_long_text_that_many_rows_refer_to(tmp_path: Path) -> None:
    table = pa.table({"text": pa.DictionaryArray.from_arrays(REFERENCES, pa.array([LONG])), "label": LABELS})
    path = write(tmp_path / "a.parquet", table, dictionary_pagesize_limit=1 << 30)
    assert path.stat().st_size < 2000
    message, peak = read_apart(path)
    assert message == refused(path)
    assert peak < MOST_BYTES


def test_texts_stored_as_differences(tmp_path: Path) -> None:
    table = pa.table({"text": [LONG[:10_000_000]] * 40, "label": LABELS[:40]})
    encodings = {"text": "DELTA_BYTE_ARRAY", "label": "PLAIN"}
    path = write(tmp_path / "a.parquet", table, use_dictionary=False, column_encoding=encodings)
    assert path.stat().st_size < 200_000
    message, peak = read_apart(path)
    assert message == refused(path)
    assert peak < MOST_BYTES


def test_a_long_text_in_a_list_that_is_read_or_not(tmp_path: Path) -> None:
    values = pa.DictionaryArray.from_arrays(REFERENCES, pa.array([LONG]))
    lists = pa.ListArray.from_arrays(pa.array([0, *[400] * 40], pa.int32()), values)
    plain = [f"film {row}" for row in range(40)]
    path = write(
        tmp_path / "a.parquet", pa.table({"text": plain, "label": LABELS[:40], "of": lists}),
        dictionary_pagesize_limit=1 << 30,
    )  # fmt: skip
    for spec in ({}, {"group": "of"}, {"label": "label"}):
        message, peak = read_apart(path, **spec)
        assert message == refused(path)
        assert peak < MOST_BYTES


def test_a_page_that_is_larger_than_the_footer_says(tmp_path: Path) -> None:
    table = pa.table({"text": ["b" * 1_000_000] * 200, "label": LABELS[:200]})
    path = write(tmp_path / "a.parquet", table, use_dictionary=False, data_page_size=1 << 30)
    content = path.read_bytes()
    true = 200 * 1_000_004
    claimed = pq.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size
    assert claimed > true
    for message in (claimed, pq.ParquetFile(path).metadata.row_group(0).total_byte_size):
        footer = content.rindex(varint(message))
        content = (
            content[:footer]
            + varint(message - true + (1 << 27))[: len(varint(message))]
            + content[footer + len(varint(message)) :]
        )
    path.write_bytes(content)
    message, peak = read_apart(path)
    assert message == refused(path)
    assert peak < MOST_BYTES


def varint(value: int) -> bytes:
    value, out = value << 1, bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def test_rows_without_values(tmp_path: Path) -> None:
    count = 40_000_000
    table = pa.table({"text": pa.nulls(count, pa.string()), "label": pa.nulls(count, pa.string())})
    path = write(tmp_path / "a.parquet", table, row_group_size=count)
    before = time.process_time()
    assert Files(tmp_path).error(path, text="text", label="label", on_bad_row="skip") == refused(path)
    assert time.process_time() - before < 2


def test_lists_stored_as_differences_are_refused_only_if_they_are_read(tmp_path: Path) -> None:
    table = pa.table({"text": [f"film {row}" for row in range(40)], "label": LABELS[:40], "of": [["a", "ab"]] * 40})
    encodings = dict.fromkeys(("text", "label", "of.list.element"), "DELTA_BYTE_ARRAY")
    path = write(tmp_path / "a.parquet", table, use_dictionary=False, column_encoding=encodings)
    files = Files(tmp_path)
    assert set(texts(files.load(path)).values()) == set(table["text"].to_pylist())
    assert files.error(path, slices=["of"]) == (
        "a.parquet: the lists of column 'of.list.element' are encoded as DELTA_BYTE_ARRAY, which is not supported. "
        "Write the file with another encoding, or name another column."
    )


FLIP = """
import sys
from pathlib import Path
from finetooth import data, recipe
from finetooth.errors import DataError
path = Path(sys.argv[1])
content = path.read_bytes()
refused = 0
for place in range(len(content) - 8 - int.from_bytes(content[-8:-4], "little"), len(content)):
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    try:
        data.load(recipe.Data.model_validate({"source": str(path)}), {"all": [path]})
    except DataError:
        refused += 1
print(refused)
"""


def test_a_bit_of_every_byte_of_the_footer(tmp_path: Path) -> None:
    """In a separate process, because pyarrow crashes on column metadata with damaged statistics."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"film {row}" for row in range(20)], "label": ["x", "y"] * 10}), path)
    run = subprocess.run([sys.executable, "-c", FLIP, str(path)], capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(run.stdout) > 100


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_sound_file_of_few_texts_and_large_dictionaries_is_read_as_before(tmp_path: Path, size: str) -> None:
    few = [f"film {row % 5} " * (2000 if size == "large" else 1) for row in range(3000)]
    draw = random.Random(0)
    many = [f"{row} " + "".join(draw.choices("abcdefgh ", k=4000 if size == "large" else 9)) for row in range(3000)]
    tags = [[f"t{row % 7}", None] if row % 3 else [] for row in range(3000)]
    table = pa.table({"text": many, "pair": few, "label": ["x", "y", "z"] * 1000, "tags": tags})
    path = write(tmp_path / "a.parquet", table, dictionary_pagesize_limit=1 << 30, row_group_size=700)
    assert path.stat().st_size * text_file.MAX_RATIO > 67_108_864 or size == "small"
    dataset = Files(tmp_path).load(path, text="text", text_pair="pair", label="label", slices=["tags"])
    read = texts(dataset)
    assert read == {row: many[int(row.partition(":")[2]) - 1] for row in read}
    assert len(read) > 2900
