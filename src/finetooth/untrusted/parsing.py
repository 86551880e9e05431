"""JSON text to a value, with no key twice: two readers of one file cannot see two values."""

import json
from typing import Any


def parse(data: bytes) -> Any:
    """The JSON value in `data`; NaN and Infinity become floats, which no rule accepts.

    Raises: ValueError saying what is wrong, also when it is nested too deep or a key stands twice in one mapping.
    """
    try:
        return json.loads(data.decode(), object_pairs_hook=_mapping)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) == len(pairs):
        return mapping
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise ValueError(f"key {key[:60]!r} stands twice")
        seen.add(key)
    return mapping
