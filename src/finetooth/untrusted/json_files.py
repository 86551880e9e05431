"""JSON files of unknown origin: parsed without duplicate keys, and checked by the rules for their name."""

import json
from collections.abc import Iterator
from typing import Any

from finetooth.rules import Check, Problem, of_mapping
from finetooth.untrusted.adapter_config import check_adapter_config
from finetooth.untrusted.code_keys import check_code
from finetooth.untrusted.model_config import check_model_config
from finetooth.untrusted.saved_files import check_identity, check_inference, check_labels, check_manifest
from finetooth.untrusted.tokenizer_files import check_tokenizer_file


def parse(data: bytes) -> Any:
    """The JSON value in `data`; NaN and Infinity become floats, which every rule refuses.

    Raises: ValueError saying what is wrong, also if the value is nested too deep or a mapping has a key twice.
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
            raise ValueError(f"key {key[:60]!r} occurs twice")
        seen.add(key)
    return mapping


_CHECKS: dict[str, Check] = {
    "config.json": check_model_config,
    "generation_config.json": of_mapping(check_code),
    "adapter_config.json": check_adapter_config,
    "labels.json": check_labels,
    "finetooth.json": check_identity,
    "inference.json": check_inference,
    "MANIFEST.json": check_manifest,
}


def check_file(name: str, value: Any) -> Iterator[Problem]:
    """What is refused in an untrusted JSON file of this name; decision.json is checked where its classes are known."""
    yield from _CHECKS[name](value) if name in _CHECKS else check_tokenizer_file(name, value)
