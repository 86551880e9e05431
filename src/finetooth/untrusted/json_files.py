"""JSON files of unknown origin: parsed, with duplicate keys refused, and checked by the rules for their name."""

import json
from collections.abc import Iterator
from typing import Any

from finetooth.rules import Check, Problem, of_mapping
from finetooth.untrusted.adapter_config import check_adapter_config
from finetooth.untrusted.code_keys import check_code
from finetooth.untrusted.model_config import check_model_config
from finetooth.untrusted.saved_files import check_identity, check_inference, check_labels, check_manifest
from finetooth.untrusted.tokenizer_files import TOKENIZER_CHECKS


def parse(data: bytes) -> Any:
    """The JSON value in `data`; NaN and Infinity become floats, which every rule refuses.

    Raises: ValueError saying what is wrong, also if the value is nested too deep or a mapping has a key twice.
    """
    try:
        return json.loads(data.decode(), object_pairs_hook=_mapping)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise ValueError(f"key {key[:60]!r} occurs twice")
        mapping[key] = value
    return mapping


_CHECKS: dict[str, Check] = {
    "config.json": check_model_config,
    "generation_config.json": of_mapping(check_code),
    "adapter_config.json": check_adapter_config,
    "labels.json": check_labels,
    "finetooth.json": check_identity,
    "inference.json": check_inference,
    "MANIFEST.json": check_manifest,
    **TOKENIZER_CHECKS,
}


def check_file(name: str, value: Any) -> Iterator[Problem]:
    """Check an untrusted JSON file, and yield a problem for each value that is refused.

    Files without rules pass. decision.json is checked when it is loaded, because its keys are the names of classes.
    """
    yield from _CHECKS[name](value) if name in _CHECKS else ()
