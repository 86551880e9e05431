"""A safetensors file that is not whole is refused at once, with its name, before a library maps it."""

import json
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from finetooth.errors import SourceError
from finetooth.files import sha256_file
from finetooth.sources import safetensors_header
from finetooth.sources.safetensors_header import MAX_TENSORS, read_header


@pytest.fixture
def good(model: Path) -> Path:
    return model / "model.safetensors"


def test_a_whole_file_passes(good: Path) -> None:
    read_header(good, shown="m/model.safetensors")


def test_every_truncation_is_refused(good: Path) -> None:
    data = good.read_bytes()
    for length in range(len(data)):
        good.write_bytes(data[:length])
        with pytest.raises(SourceError, match=r"^model\.safetensors: is not a complete safetensors file"):
            read_header(good, shown="model.safetensors")


def test_every_header_bit(good: Path) -> None:
    """A flip is refused, or leaves a file the library reads (a letter of a name) whose hash tells the change."""
    data = good.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    digest = sha256_file(good)
    passed, refused, started = 0, 0, time.perf_counter()
    for bit in range(8 * (8 + length)):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        good.write_bytes(broken)
        try:
            read_header(good, shown="m")
        except SourceError:
            refused += 1
            continue
        passed += 1
        with safe_open(good, framework="numpy") as file:  # type: ignore[no-untyped-call]
            assert all(file.get_tensor(name) is not None for name in file.keys())  # noqa: SIM118 - not a mapping
        assert sha256_file(good) != digest
    print(f"{refused} of {refused + passed} header bit flips refused, {passed} change a name only")
    assert refused > 5 * passed
    assert (time.perf_counter() - started) / (refused + passed) < 0.1


def _file(path: Path, header: Any, body: int) -> Path:
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(body))
    return path


@pytest.mark.parametrize(
    ("header", "body", "fault"),
    [
        (
            {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}},
            9,
            "its tensors fill 8 bytes, the file holds 9",
        ),
        (
            {
                "a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
                "b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]},
            },
            6,
            "tensor 'b' begins at byte 2, expected 4",
        ),
        ({"a": {"dtype": "X9", "shape": [1], "data_offsets": [0, 4]}}, 4, "tensor 'a': dtype 'X9' is not known"),
        (
            {"a": {"dtype": "U8", "shape": [-1], "data_offsets": [0, 4]}},
            4,
            "tensor 'a': shape or data_offsets are not lists of whole numbers from 0",
        ),
        (
            {"a": {"dtype": "U8", "shape": [2**40, 2**40], "data_offsets": [0, 4]}},
            4,
            "tensor 'a': shape [1099511627776, 1099511627776] of U8 does not fill bytes 0 to 4",
        ),
        ([], 0, "the header is not a JSON object"),
        (b"[" * 50_000, 0, "the header is not JSON, or names a tensor twice"),
        ({"__metadata__": {"a": 1}}, 0, "its metadata is not a mapping of strings"),
        ({"a": {"shape": [1]}}, 0, "tensor 'a': its entry does not have the keys dtype, shape and data_offsets"),
    ],
)
def test_a_lying_header_is_named(tmp_path: Path, header: Any, body: int, fault: str) -> None:
    path = _file(tmp_path / "x.safetensors", header, body)
    with pytest.raises(SourceError) as caught:
        read_header(path, shown="m/x.safetensors")
    assert str(caught.value) == (
        f"m/x.safetensors: is not a complete safetensors file: {fault}. Fetch or save it again."
    )


def test_a_size_bomb_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", 2**63) + b"{}")
    with pytest.raises(SourceError) as caught:
        read_header(path, shown="x")
    assert str(caught.value) == (
        "x: is not a complete safetensors file: the header claims 9223372036854775808 bytes, the file has 10. "
        "Fetch or save it again."
    )


def _of_empty_tensors(path: Path, count: int) -> Path:
    return _file(path, {str(n): {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for n in range(count)}, 0)


def test_more_tensors_than_any_model_has_are_refused_at_once(tmp_path: Path) -> None:
    path = _of_empty_tensors(tmp_path / "x.safetensors", MAX_TENSORS + 1)
    started = time.process_time()
    with pytest.raises(SourceError) as caught:
        read_header(path, shown="x")
    assert time.process_time() - started < 3
    assert str(caught.value) == (
        "x: is not a complete safetensors file: it lists 100,001 tensors, more than the 100,000 allowed. "
        "Fetch or save it again."
    )


def test_refusing_too_many_tensors_takes_memory_in_proportion_to_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safetensors_header, "MAX_TENSORS", 1_000)  # tracing every allocation is slow
    path = _of_empty_tensors(tmp_path / "x.safetensors", 1_001)
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=r"it lists 1,001 tensors, more than the 1,000 allowed"):
            read_header(path, shown="x")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 20 * path.stat().st_size
