"""Keys that let the author of a configuration choose or load code."""

from collections.abc import Iterator
from typing import Any

from finetooth.rules import Problem
from finetooth.wording import short

_CODE = {"auto_map", "trust_remote_code", "custom_pipelines"}


def check_code(value: Any) -> Iterator[Problem]:
    """Check the keys at every depth, and yield a problem for the first that chooses or loads code.

    The contents of label2id and id2label are names of labels, not keys, and are skipped.
    """
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        for key, inner in item.items() if isinstance(item, dict) else ():
            if key in _CODE or ("_implementation" in key and not _is_unset(key, inner)):
                yield Problem(
                    str(key), "code",
                    f"key {short(str(key))} is refused: it would let the model's author choose or load code.",
                    " Remove the key if the model works without it.",
                )  # fmt: skip
                return
        if isinstance(item, dict):
            item = [inner for key, inner in item.items() if key not in ("label2id", "id2label")]
        pending += [part for part in item if isinstance(part, dict | list)]


def _is_unset(key: str, value: Any) -> bool:
    """Whether the value is null, or the flag that transformers 4.4x wrote into every file."""
    return value is None or (key == "_attn_implementation_autoset" and isinstance(value, bool))
