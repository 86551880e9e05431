"""Check a safetensors file by its header and size, before any library maps it.

Format: the length n in 8 little-endian bytes; n bytes of JSON {name: {dtype, shape, data_offsets}}; the tensors, which
fill the rest of the file without gap or overlap. Source: https://github.com/huggingface/safetensors (Format).
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from finetooth.errors import SourceError
from finetooth.sources.regular_files import open_regular
from finetooth.untrusted import parse

MAX_HEADER_BYTES = 100_000_000  # the library's own limit
MAX_TENSORS = 100_000  # of one file; the largest published models have fewer
MAX_NAME = 500  # characters of a tensor's name
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a safetensors file. start, end: of its bytes in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def values(self) -> int:
        """The number of its values."""
        return math.prod(self.shape)


def read_header(path: Path, *, shown: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, after checking that the header is valid and agrees with the size.

    The values of tensors are not read. shown: the file's name for messages.
    Raises: SourceError naming the file and what is wrong with it.
    """
    with open_regular(path) as file:
        try:
            return _read(file, path.stat().st_size)
        except ValueError as error:
            raise SourceError(
                f"{shown}: is not a complete safetensors file: {error}. Fetch or save it again."
            ) from None


def _read(file: BinaryIO, size: int) -> dict[str, Tensor]:
    prefix = file.read(8)
    if len(prefix) < 8:
        raise ValueError(f"the file has {size} bytes, and the length of its header alone takes 8")
    (length,) = struct.unpack("<Q", prefix)
    if length > min(size - 8, MAX_HEADER_BYTES):
        raise ValueError(f"the header claims {length} bytes, the file has {size}")
    try:
        header = parse(file.read(length))
    except ValueError:
        raise ValueError("the header is not JSON, or names a tensor twice") from None
    if not isinstance(header, dict):
        raise ValueError("the header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata is not a mapping of strings")
    if len(header) > MAX_TENSORS:
        raise ValueError(f"it lists {len(header):,} tensors, more than the {MAX_TENSORS:,} allowed")
    tensors = {name: _tensor(name, entry, data_start=8 + length) for name, entry in header.items()}
    position = 8 + length
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end, item[0])):
        if tensor.start != position:
            raise ValueError(
                f"tensor {name!r} begins at byte {tensor.start - 8 - length}, expected {position - 8 - length}"
            )
        position = tensor.end
    if position != size:
        raise ValueError(f"its tensors fill {position - 8 - length} bytes, the file holds {size - 8 - length}")
    return tensors


def _tensor(name: str, entry: Any, *, data_start: int) -> Tensor:
    if len(name) > MAX_NAME:
        raise ValueError(f"a tensor's name has {len(name):,} characters, more than the {MAX_NAME:,} allowed")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"tensor {name!r}: its entry does not have the keys dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    bits = _BITS.get(dtype) if isinstance(dtype, str) else None
    if bits is None:
        raise ValueError(f"tensor {name!r}: dtype {dtype!r} is not known")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"tensor {name!r}: shape or data_offsets are not lists of whole numbers from 0")
    needed = math.prod(shape) * bits
    if needed % 8 or offsets[1] - offsets[0] != needed // 8:
        raise ValueError(f"tensor {name!r}: shape {shape} of {dtype} does not fill bytes {offsets[0]} to {offsets[1]}")
    return Tensor(dtype, tuple(shape), data_start + offsets[0], data_start + offsets[1])


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 2**63 for item in value)
