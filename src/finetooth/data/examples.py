"""What the rest of Finetooth sees of the data: three splits of examples, each of which knows its file and row."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from finetooth.tasks import DEFAULT, Targets, Task


@dataclass(frozen=True, slots=True)
class Examples:
    """The rows of one split. ids are `file:row`; labels: the targets of the task, one for each
    row. pairs: the second texts, if any.

    slices: by the name of a column of data.slices, its value in every row; for the report alone.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None
    labels: Targets
    slices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled text, split for fitting, choosing and reporting.

    test_id depends on the content of the test rows alone, not on their order, file names or class numbers;
    fingerprint on everything: ids, content, order and classes. summary is what data.json holds.
    """

    train: Examples
    validation: Examples
    test: Examples
    classes: tuple[str, ...]
    test_id: str
    fingerprint: str
    summary: dict[str, Any]


def content_id(examples: Examples, *, classes: tuple[str, ...], task: Task = DEFAULT) -> str:
    """SHA-256 of the sorted contents (text, pair, label name) of the rows, in hexadecimal."""
    return hashlib.sha256(b"".join(sorted(_digests(examples, classes=classes, task=task)))).hexdigest()


def rows_id(examples: Examples, *, classes: tuple[str, ...], task: Task = DEFAULT) -> str:
    """SHA-256 of ids and contents of the rows, in the order of their ids, in hexadecimal.

    Where two are equal, every id names the same content in both, so that rows can be paired by id.
    """
    whole = hashlib.sha256()
    for name, digest in sorted(zip(examples.ids, _digests(examples, classes=classes, task=task), strict=True)):
        whole.update(_sized(name))
        whole.update(digest)
    return whole.hexdigest()


def fingerprint(splits: tuple[Examples, ...], *, classes: tuple[str, ...], task: Task = DEFAULT) -> str:
    """SHA-256 of ids and contents of all splits in their order, in hexadecimal."""
    whole = hashlib.sha256(b"".join(_sized(name) for name in classes))
    for examples in splits:
        whole.update(_sized("\0".join(examples.ids)))  # a file's name holds no NUL
        whole.update(b"".join(_digests(examples, classes=classes, task=task)))
    return whole.hexdigest()


def _digests(examples: Examples, *, classes: tuple[str, ...], task: Task) -> list[bytes]:
    names = task.names(examples.labels, classes)
    sized = {name: _sized(name) for name in set(names)}
    pairs = [b"-"] * len(examples) if examples.pairs is None else [b"+" + _sized(pair) for pair in examples.pairs]
    rows = zip(examples.texts, pairs, names, strict=True)
    return [hashlib.sha256(_sized(text) + pair + sized[name]).digest() for text, pair, name in rows]


def _sized(text: str) -> bytes:
    # The length in front keeps ("ab", "c") and ("a", "bc") apart.
    data = text.encode()
    return b"%d:%b" % (len(data), data)
