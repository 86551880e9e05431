"""Reads plain text: lines of a label and a text, lines of one text (to predict), and a folder of texts per class."""

import hashlib
import os
import re
from pathlib import Path

from finetooth.data import text_file
from finetooth.data.malformed import Fault, Malformed
from finetooth.data.parts import Part, Rows, Sample, first_rows, picker
from finetooth.errors import DataError
from finetooth.recipe import Data
from finetooth.wording import listed

MAX_TEXT_BYTES = 4 * text_file.MAX_ROW_CHARACTERS
_SHOWN = 5
UNLABELLED_FOLDERS = frozenset({"unsup", "unsupervised", "unlabeled", "unlabelled"})


def read_sample(part: Part, *, spec: Data) -> Sample:
    """The columns label and text (only text for the format `lines`), and the first rows.

    Raises: DataError if no line has the form of a row.
    """
    sample = Sample(part, columns=("text",) if part.format == "lines" else ("label", "text"), rows=[])
    sample.rows = first_rows(read_rows(sample, spec=spec, columns=sample.columns))
    if not sample.rows:
        raise DataError(
            f"{part.name}: no line has a label, a space and a text. Is data.format right?"
            if part.format == "label_text"
            else f"{part.name}: the file has only blank lines. Name a file with rows."
        )
    return sample


def read_rows(sample: Sample, *, spec: Data, columns: tuple[str, ...]) -> Rows:
    """The values of `columns` in every line. A blank line is skipped; in the format `lines` it is an empty text."""
    part, pick = sample.part, picker(sample, columns)
    with text_file.open_text(part.path, name=part.name, encoding=spec.encoding) as opened:
        sample.facts["encoding"] = opened.encoding
        for number, line in enumerate(opened.lines(), 1):
            if part.format == "lines":
                yield number, (line.rstrip("\r\n"),)
                continue
            if not line.strip():
                continue
            values = _divided(line)
            yield number, values if isinstance(values, Malformed) else pick(values)
    sample.facts |= {"sha256": opened.sha256, "bytes": opened.size}


def _divided(line: str) -> tuple[str, str] | Malformed:
    # Not str.split: it also splits at U+0085 and U+00A0, which occur in Latin-1 texts.
    line = line.rstrip("\r\n")
    start = line.lstrip(" \t")
    ends = [index for index in (start.find(" "), start.find("\t")) if index > 0]
    if not ends:
        return Malformed(Fault("line", "no text after the label", "Every line is a label, a space and a text."), line)
    return start[: min(ends)], start[min(ends) :].lstrip(" \t")


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name, without hidden ones."""
    return sorted(item for item in folder.iterdir() if item.is_dir() and not item.name.startswith((".", "__")))


def class_folders(folder: Path) -> list[Path]:
    """The sub-folders with text files in them, sorted by name, without those that hold unlabelled texts."""
    labelled = (item for item in subfolders(folder) if item.name.casefold() not in UNLABELLED_FOLDERS)
    return [item for item in labelled if text_files(item)]


def text_files(folder: Path) -> list[str]:
    """The names of a folder's .txt files, sorted; if there are none, those of files without a suffix."""
    return _texts_among(_names(folder))


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:  # fast for many thousands of files: needs no extra call for each
        return [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file()]


def _texts_among(names: list[str]) -> list[str]:
    texts = [name for name in names if name.lower().endswith(".txt")]
    return sorted(texts or [name for name in names if re.fullmatch(r"[^.]*(\.[0-9]+)?", name)])


def read_folder_sample(part: Part, *, spec: Data) -> Sample:
    """The columns of a folder of classes. Raises: DataError if no sub-folder has text files."""
    classes = class_folders(part.path)
    if not classes:
        raise DataError(f"{part.name}: no sub-folder has text files. Put the texts of each class into CLASS/*.txt.")
    sample = Sample(part, columns=("label", "text"), rows=[])  # both columns are known without reading a text
    others = sorted(item.name for item in part.path.iterdir() if item.is_dir() and item not in classes)
    if others:
        sample.notes.append(f"{part.name}: these folders are not classes and are not read: {', '.join(others)}.")
    for folder in classes:
        names = _names(folder)
        left = sorted(set(names) - set(_texts_among(names)))
        if left:
            left_names = listed(left, _SHOWN)
            sample.notes.append(f"{part.name}/{folder.name}: by their names not texts, so not read: {left_names}.")
    sample.facts["encoding"] = spec.encoding or "utf-8"
    return sample


def read_folder_rows(sample: Sample, *, spec: Data, columns: tuple[str, ...]) -> Rows:
    """One row for each text file; its number is the file's name (`pos/0_9.txt`), its label the folder's name.

    Raises: DataError for a file that cannot be read, is too large, or changes while it is read.
    """
    part, pick = sample.part, picker(sample, columns)
    digest, size = hashlib.sha256(), 0
    for folder in class_folders(part.path):
        for file in text_files(folder):
            name = f"{folder.name}/{file}"
            data = _content(folder / file, name=f"{part.name}/{name}")
            encoding = "utf-8-sig"
            if spec.encoding is not None:
                encoding = text_file.encoding_of(data[:4], declared=spec.encoding, name=f"{part.name}/{name}")
            try:
                text = data.decode(encoding, errors="surrogateescape")
            except UnicodeError as error:
                raise DataError(
                    f"{part.name}/{name}: cannot be decoded as {encoding} ({error}). Check data.encoding."
                ) from error
            size += len(data)
            digest.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
            yield name, pick((folder.name, text))
    sample.facts |= {"sha256": digest.hexdigest(), "bytes": size}


def folder_lines(folder: Path, *, most: int) -> list[str]:
    """About `most` bytes of lines from the first texts of each class, as UTF-8 (other bytes as U+DC80 to U+DCFF)."""
    classes = class_folders(folder)
    lines: list[str] = []
    for inner in classes:
        left = most // len(classes)
        for name in text_files(inner):
            data = _content(inner / name, name=name)
            lines += data.decode(errors="surrogateescape").splitlines()
            left -= len(data)
            if left <= 0:
                break
    return lines


def _content(path: Path, *, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size > MAX_TEXT_BYTES:
                raise DataError(
                    f"{name}: {before.st_size:,} bytes, more than the limit of {MAX_TEXT_BYTES:,} per text. Split the "
                    "text, or remove the file."
                )
            data = file.read(MAX_TEXT_BYTES)
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}). Check its permissions.") from error
    text_file.check_unchanged(path, before, name=name, length=len(data))
    return data
