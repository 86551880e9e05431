"""Read the files of an adapter folder: regular files only, JSON of limited size, tensors by their header."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.doctor.diagnosis import Finding, fault
from finetooth.errors import SourceError
from finetooth.sources.regular_files import open_regular
from finetooth.sources.safetensors_header import Tensor, read_header
from finetooth.untrusted import parse
from finetooth.wording import short

CONFIG, WEIGHTS, PICKLE = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"
IDENTITY = "finetooth.json"  # of our own adapters: the base they belong to
JSON_BYTES = 16 << 20
_CHUNK_BYTES = 16 << 20
# dtype -> the integer type that its values are read as, and the bits that are all set in an infinity or NaN.
_EXPONENTS: dict[str, tuple[str, int]] = {
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F32": ("<u4", 0x7F80_0000),
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
}


def list_names(folder: Path) -> list[str]:
    """Names of all entries of the folder, sorted.

    Raises: SourceError if there is no such folder, or it cannot be read.
    """
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except FileNotFoundError as error:
        raise SourceError(f"{folder}: no such folder. Name the folder that holds {CONFIG}.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(
            f"{folder}: cannot be read as a folder ({reason}). Name a folder that you may read and that holds {CONFIG}."
        ) from error


def read_mapping(path: Path) -> dict[str, Any] | Finding:
    """The JSON object in a file, or a fault if it holds none."""
    try:
        with open_regular(path) as file:
            data = file.read(JSON_BYTES + 1)
    except SourceError as error:
        return _unread(path, error)
    if len(data) > JSON_BYTES:
        return fault("files", f"{path.name} is larger than {JSON_BYTES:,} bytes.", "Save the adapter again.")
    try:
        value = parse(data)
    except ValueError as error:
        return fault("files", f"{path.name} is not valid JSON ({error}).", "Fetch the file or save the adapter again.")
    if not isinstance(value, dict):
        return fault("files", f"{path.name} holds {short(value)}, not a mapping.", "Save the adapter again.")
    return value


def read_tensors(path: Path) -> dict[str, Tensor] | Finding:
    """The tensors of a safetensors file by name, sorted, or a fault if header or size are wrong."""
    try:
        return dict(sorted(read_header(path, shown=path.name).items()))
    except SourceError as error:
        return _unread(path, error)


@dataclass(frozen=True, slots=True)
class Values:
    """Names of tensors by their values. broken: with an infinity or NaN. zero: all values are zero."""

    broken: list[str]
    zero: set[str]


def read_values(path: Path, tensors: dict[str, Tensor]) -> Values | Finding:
    """Read the values of floating-point tensors; those of eight bits or fewer are skipped."""
    values = Values([], set())
    try:
        with open_regular(path) as file:
            for name, tensor in tensors.items():
                if tensor.dtype not in _EXPONENTS:
                    continue
                kind, exponent = _EXPONENTS[tensor.dtype]
                sign = 1 << (8 * int(kind[2]) - 1)
                broken, zero = False, True
                file.seek(tensor.start)
                for block in _blocks(file, tensor, kind):
                    broken = broken or bool(((block & exponent) == exponent).any())
                    zero = zero and not bool((block & (sign - 1)).any())
                if broken:
                    values.broken.append(name)
                if zero:
                    values.zero.add(name)
    except SourceError as error:
        return _unread(path, error)
    except (OSError, ValueError) as error:
        return fault("weights", f"{path.name} could not be read to its end ({error}).", "Fetch or save it again.")
    return values


def _blocks(file: Any, tensor: Tensor, kind: str) -> Iterator[npt.NDArray[np.unsignedinteger[Any]]]:
    left = tensor.end - tensor.start
    while left > 0:
        data = file.read(min(left, _CHUNK_BYTES))
        if len(data) < min(left, _CHUNK_BYTES):
            raise ValueError(f"it ends {left - len(data):,} bytes early")
        left -= len(data)
        yield np.frombuffer(data, kind)


def _unread(path: Path, error: SourceError) -> Finding:
    # The message begins with the path and ends with the remedy.
    what = str(error).removeprefix(f"{path}: ").removeprefix(f"{path.name}: ")
    return fault(
        "weights" if path.name == WEIGHTS else "files",
        f"{path.name}: {what}",
        "Replace it by the complete, regular file; this one was not used.",
    )
