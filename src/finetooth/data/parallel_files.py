"""Reads two files with equally many lines: texts, and the label of each on the same line of the other file."""

import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from finetooth.data import text_file
from finetooth.data.parts import Part, Rows, Sample, first_rows, picker
from finetooth.errors import DataError
from finetooth.recipe import Data

_TEXT_WORDS = frozenset(("text", "texts", "sentence", "sentences", "seq", "in"))
_LABEL_WORDS = frozenset(("label", "labels"))
_TABLE_ENDINGS = frozenset(("csv", "tsv", "tab", "json", "jsonl", "ndjson", "parquet", "pq"))
_NAMES_FILE = "mapping.txt"


def pairs(files: Sequence[Path]) -> dict[Path, Path]:
    """For each file of texts among the files of one folder, its file of labels, by their names.

    The two names differ only in the words for text and label: train_text.txt and train_labels.txt, seq.in and label.
    """
    texts: dict[tuple[str, ...], list[Path]] = {}
    labels: dict[tuple[str, ...], list[Path]] = {}
    for file in sorted(files):
        words = re.findall(r"[a-z0-9]+", file.name.casefold())
        if _TABLE_ENDINGS & set(words):
            continue
        for by_rest, kind in ((texts, _TEXT_WORDS), (labels, _LABEL_WORDS)):
            if kind & set(words) and file.is_file():
                by_rest.setdefault(tuple(word for word in words if word not in kind), []).append(file)
    both = [rest for rest in texts if rest in labels]
    return {texts[rest][0]: labels[rest][0] for rest in both if len(texts[rest]) == len(labels[rest]) == 1}


def take_labels(chosen: dict[str, list[tuple[Path, str]]], *, spec: Data) -> dict[Path, Path]:
    """The file of labels of each file of texts; removes the files of labels from `chosen`.

    chosen: for each split, its files with their names. The file of labels of a file of texts is the one that pairs()
    finds by its name or, if data.format is parallel and there is none, the next file.
    Raises: DataError if data.format is parallel and a file of texts has no file of labels.
    """
    if spec.format not in (None, "parallel"):
        return {}
    folders = {path.parent for entries in chosen.values() for path, _ in entries if path.is_file()}
    known = {texts: labels for folder in sorted(folders) for texts, labels in pairs(list(folder.iterdir())).items()}
    labels_of: dict[Path, Path] = {}
    for split, entries in chosen.items():
        paths = [path for path, _ in entries]
        labels_here = {path: known[path] for path in paths if path in known}
        if spec.format == "parallel" and not set(paths) <= {*labels_here, *labels_here.values()}:
            if len(paths) % 2:
                raise DataError(
                    f"{paths[-1].name}: data.format is parallel, but this file of texts has no file of labels. "
                    "Name both, the texts first: data.source: {train: [TEXTS, LABELS], test: [TEXTS, LABELS]}"
                )
            labels_here = dict(zip(paths[::2], paths[1::2], strict=True))
        labels_of |= labels_here
        chosen[split] = [(path, name) for path, name in entries if path not in labels_here.values()]
    return labels_of


def read_sample(part: Part, *, spec: Data) -> Sample:
    """The columns label and text, and the first rows. Raises: DataError if the file of labels has only blank lines."""
    assert part.labels is not None
    sample = Sample(part, columns=("label", "text"), rows=[])
    sample.rows = first_rows(read_rows(sample, spec=spec, columns=sample.columns))
    if not any(label for label, _ in sample.rows):
        raise DataError(f"{part.labels.name}: the file has only blank lines. Name a file with labels.")
    names = _label_names(part, spec=spec)
    listed = ", ".join(f"{number} = {name}" for number, name in list(names.items())[:10])
    sample.notes.append(
        f"{part.name}: the label of each line is read from the same line of {part.labels.name}"
        + (f"; {_NAMES_FILE} gives the names of the numbers: {listed}." if names else ".")
    )
    return sample


def read_rows(sample: Sample, *, spec: Data, columns: tuple[str, ...]) -> Rows:
    """The values of `columns` in every line. A line that is blank in both files is skipped.

    Raises: DataError if one file has more lines than the other.
    """
    part, pick = sample.part, picker(sample, columns)
    assert part.labels is not None
    names = _label_names(part, spec=spec)
    unpaired = False
    texts_count = labels_count = 0
    with (
        text_file.open_text(part.path, name=part.name, encoding=spec.encoding) as texts,
        text_file.open_text(part.labels, name=part.labels.name, encoding=spec.encoding) as labels,
    ):
        sample.facts["encoding"] = texts.encoding
        for number, (label, text) in enumerate(zip_longest(labels.lines(), texts.lines()), 1):
            labels_count, texts_count = labels_count + (label is not None), texts_count + (text is not None)
            if label is None or text is None:
                unpaired = unpaired or bool((label or text or "").strip())
            elif label.strip() or text.strip():
                yield number, pick((names.get(label.strip(), label.strip()), text.rstrip("\r\n")))
    if unpaired:  # blank lines at the end of one file are not rows
        raise DataError(
            f"{part.name} has {texts_count:,} lines and {part.labels.name} {labels_count:,}: the label of each text "
            "must be on the same line of the other file. Was one file cut short, or does a text contain a line break?"
        )
    sample.facts |= {
        "sha256": texts.sha256, "bytes": texts.size,
        "labels_file": part.labels.name, "labels_sha256": labels.sha256,
    }  # fmt: skip


def _label_names(part: Part, *, spec: Data) -> dict[str, str]:
    """The names of numbered labels, from a file beside the labels; none if data.labels names the classes."""
    assert part.labels is not None
    file = part.labels.with_name(_NAMES_FILE)
    if spec.labels is not None or not file.is_file():
        return {}
    with text_file.open_text(file, name=file.name, encoding=spec.encoding, to_end=False) as opened:
        lines = [line.split("\t") for line in opened.lines()]
    names = {line[0].strip(): line[1].strip() for line in lines if len(line) > 1 and line[0].strip().isdecimal()}
    return names if len(set(names.values())) == len(names) and all(names.values()) else {}
