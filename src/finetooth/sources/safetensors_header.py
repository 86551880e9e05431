"""Check a safetensors file by its header and size, before any library maps it.

Format: the length n in 8 little-endian bytes; n bytes of JSON {name: {dtype, shape, data_offsets}}; the tensors, which
fill the rest of the file without gap or overlap. Source: https://github.com/huggingface/safetensors (Format).
"""

import json
import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

from finetooth.errors import SourceError
from finetooth.sources.regular_files import open_regular

MAX_HEADER_BYTES = 100_000_000  # the library's own limit
MAX_TENSORS = 100_000  # of one file; the largest published models have fewer
MAX_NAME = 500  # characters of a tensor's name
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


def check_safetensors(path: Path, *, shown: str) -> None:
    """Check that the header is valid and agrees with the file's size; the values of tensors are not read.

    shown: the file's name for messages. Raises: SourceError naming the file and what is wrong with it.
    """
    tensor_shapes(path, shown=shown)


def tensor_shapes(path: Path, *, shown: str) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor by name, after the same check as check_safetensors.

    shown: the file's name for messages. Raises: SourceError naming the file and what is wrong with it.
    """
    with open_regular(path) as file:
        header = _header(file, path.stat().st_size)
    if isinstance(header, str):
        raise SourceError(f"{shown}: is not a complete safetensors file: {header}. Fetch or save it again.")
    return {name: tuple(entry["shape"]) for name, entry in header.items()}


def _header(file: BinaryIO, size: int) -> dict[str, Any] | str:
    """The entries of the header, or what is wrong with the file."""
    prefix = file.read(8)
    if len(prefix) < 8:
        return f"the file has {size} bytes, and the length of its header alone takes 8"
    (length,) = struct.unpack("<Q", prefix)
    if length > min(size - 8, MAX_HEADER_BYTES):
        return f"the header claims {length} bytes, the file has {size}"
    try:
        header = json.loads(file.read(length).decode(), object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError):
        return "the header is not JSON, or names a tensor twice"
    if not isinstance(header, dict):
        return "the header is not a JSON object"
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        return "its metadata is not a mapping of strings"
    if len(header) > MAX_TENSORS:
        return f"it lists {len(header):,} tensors, more than the {MAX_TENSORS:,} allowed"
    spans = []
    for name, entry in header.items():
        if len(name) > MAX_NAME:
            return f"a tensor's name has {len(name):,} characters, more than the {MAX_NAME:,} allowed"
        span = _span(entry)
        if isinstance(span, str):
            return f"tensor {name!r}: {span}"
        spans.append((*span, name))
    return _layout_fault(sorted(spans), size - 8 - length) or header


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a key occurs twice")
    return mapping


def _span(entry: Any) -> tuple[int, int] | str:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        return "its entry does not have the keys dtype, shape and data_offsets"
    bits = _BITS.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if bits is None:
        return f"dtype {entry['dtype']!r} is not known"
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        return "shape or data_offsets are not lists of whole numbers from 0"
    needed = math.prod(shape) * bits
    if needed % 8 or offsets[1] - offsets[0] != needed // 8:
        return f"shape {shape} of {entry['dtype']} does not fill bytes {offsets[0]} to {offsets[1]}"
    return offsets[0], offsets[1]


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 2**63 for item in value)


def _layout_fault(spans: list[tuple[int, int, str]], size: int) -> str | None:
    at = 0
    for start, end, name in spans:
        if start != at:
            return f"tensor {name!r} begins at byte {start}, expected {at}"
        at = end
    return None if at == size else f"its tensors fill {at} bytes, the file holds {size}"
