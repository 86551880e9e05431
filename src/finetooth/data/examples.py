"""The data as the rest of Finetooth uses it: three splits of examples, with the file and row number of each."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finetooth.tasks import DEFAULT, Targets, Task


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of one split. ids are `file:row`; labels: the targets of the task; pairs: second texts, if any.

    slices: for each column in data.slices, its value for every example. Only the report uses them.
    groups: the value of data.group for every example, None where it is empty; no values if no column is named.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None
    labels: Targets
    slices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str | None, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, rows: Sequence[int]) -> "Examples":
        """The examples at these positions, in this order."""

        def chosen(values: Sequence[str]) -> tuple[str, ...]:
            return tuple(values[row] for row in rows)

        pairs = None if self.pairs is None else chosen(self.pairs)
        slices = {name: chosen(values) for name, values in self.slices.items()}
        groups = tuple(self.groups[row] for row in rows) if self.groups else ()
        return Examples(chosen(self.ids), chosen(self.texts), pairs, self.labels[rows], slices, groups)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled text in three splits.

    test_id depends only on the content of the test examples, not on their order, file names or class numbers.
    fingerprint depends on everything: ids, content, order and classes. summary is written to data.json.
    label_source: for errors about labels, a sentence on the column that they are read from; empty if it is no column.
    """

    train: Examples
    validation: Examples
    test: Examples
    classes: tuple[str, ...]
    test_id: str
    fingerprint: str
    summary: dict[str, Any]
    label_source: str = ""


def content_id(examples: Examples, *, classes: tuple[str, ...], task: Task = DEFAULT) -> str:
    """SHA-256, in hexadecimal, of the sorted contents (text, second text, label name) of the examples."""
    return hashlib.sha256(b"".join(sorted(_digests(examples, classes=classes, task=task)))).hexdigest()


def rows_id(examples: Examples, *, classes: tuple[str, ...], task: Task = DEFAULT) -> str:
    """SHA-256, in hexadecimal, of the ids and contents of the examples, sorted by id.

    If two data sets have the same value, each id has the same content in both, so examples can be paired by id.
    """
    digest = hashlib.sha256()
    for name, example_digest in sorted(zip(examples.ids, _digests(examples, classes=classes, task=task), strict=True)):
        digest.update(_sized(name))
        digest.update(example_digest)
    return digest.hexdigest()


def fingerprint(splits: Iterable[Examples], *, classes: tuple[str, ...], task: Task = DEFAULT) -> str:
    """SHA-256, in hexadecimal, of the ids and contents of all splits in their order."""
    digest = hashlib.sha256(b"".join(_sized(name) for name in classes))
    for examples in splits:
        digest.update(_sized("\0".join(examples.ids)))  # a file's name holds no NUL
        digest.update(b"".join(_digests(examples, classes=classes, task=task)))
    return digest.hexdigest()


def _digests(examples: Examples, *, classes: tuple[str, ...], task: Task) -> list[bytes]:
    names = task.names(examples.labels, classes)
    sized = {name: _sized(name) for name in set(names)}
    pairs = [b"-"] * len(examples) if examples.pairs is None else [b"+" + _sized(pair) for pair in examples.pairs]
    rows = zip(examples.texts, pairs, names, strict=True)
    return [hashlib.sha256(_sized(text) + pair + sized[name]).digest() for text, pair, name in rows]


def _sized(text: str) -> bytes:
    # The length in front makes ("ab", "c") and ("a", "bc") differ.
    data = text.encode()
    return b"%d:%b" % (len(data), data)
