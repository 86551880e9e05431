"""The JSON files that Finetooth saves with an adapter, which others may have changed: labels, identity, manifest."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from finetooth.rules import (
    Problem,
    check_table,
    flag,
    integer,
    many,
    mapping,
    matching,
    number,
    of_mapping,
    one_of,
    optional,
    record,
    text,
)
from finetooth.untrusted.model_config import MOST_LABELS
from finetooth.wording import short

_sha256 = matching(r"[0-9a-f]{64}", "a SHA-256 in 64 hexadecimal digits")
_file_name = matching(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}", "the name of a file in this folder")


def _fact(value: Any) -> str | None:
    """A fact about the platform: a text, a number, null, or versions by name."""
    if value is None or isinstance(value, str | int | float):
        return None
    return mapping(text(200), text(200), 100)(value) and "a text, a number, null or a mapping of texts"


_LOGIT = number(-1e30, 1e30)
_BASE = {"id": text(), "source_sha256": _sha256, "weights_sha256": _sha256, "config_sha256": _sha256}
_INPUT = {"max_tokens": integer(1, 1_000_000), "truncation": one_of("head", "head_tail"), "pairs": flag}
_IDENTITY = {
    "schema": one_of(1),
    "base": record(_BASE, required=_BASE),
    "tokenizer_sha256": _sha256,
    "labels_sha256": _sha256,
    "head_seed": integer(0, 2**128 - 1),
    "input": record(_INPUT, required=_INPUT),
    "platform": mapping(text(100), _fact, 100),
    "reference_logits": many(many(_LOGIT, MOST_LABELS, least=1), 8, least=8),
}
_SHARE = number(0.0, 1.0)
_AGREEMENT = {
    "rows": integer(0, 2**62),
    "flipped": integer(0, 2**62),
    "accuracy": _SHARE,
    "plain_accuracy": _SHARE,
    "largest_difference": optional(number(0.0, 1e30)),
    "passed": flag,
}
_INFERENCE = {
    "schema": one_of(1),
    "fallback_reason": optional(text()),
    "bfloat16": optional(record(_AGREEMENT, required=_AGREEMENT)),
    "sha256": _sha256,
}
_MANIFEST = {
    "schema": one_of(1),
    "files": mapping(_file_name, record({"sha256": _sha256, "bytes": integer(0, 2**62)}, required=("sha256",)), 1_000),
}


@of_mapping
def check_labels(value: dict[str, Any]) -> Iterator[Problem]:
    """Check labels.json: two or more different texts, and the name of a task."""
    table = {"schema": one_of(1), "task": text(), "labels": many(text(), MOST_LABELS, least=2)}
    problems = list(check_table(value, table, required=("labels",)))
    yield from problems
    doubled = [label for label, count in Counter(value["labels"]).items() if count > 1] if not problems else []
    if doubled:
        yield Problem(
            "labels", "value", f"key 'labels' holds {short(doubled[0])} twice; every logit needs a label of its own.",
            " Copy the file from the adapter's run again.",
        )  # fmt: skip


@of_mapping
def check_identity(value: dict[str, Any]) -> Iterator[Problem]:
    """Check finetooth.json."""
    problems = list(check_table(value, _IDENTITY, required=list(_IDENTITY)[1:]))
    yield from problems
    rows = value.get("reference_logits")
    if not problems and isinstance(rows, list) and len({len(row) for row in rows}) > 1:
        yield Problem("reference_logits", "value", "key 'reference_logits' has rows of unequal length.")


@of_mapping
def check_inference(value: dict[str, Any]) -> Iterator[Problem]:
    """Check inference.json: the results of the bfloat16 check."""
    yield from check_table(value, _INFERENCE, required=list(_INFERENCE)[1:])


@of_mapping
def check_manifest(value: dict[str, Any]) -> Iterator[Problem]:
    """Check MANIFEST.json: names of files in the folder, and their hashes."""
    yield from check_table(value, _MANIFEST, required=("files",))
