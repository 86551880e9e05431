"""Text lines: `label text`, or (to predict) one text on a line; and a folder of texts for each class."""

import hashlib
import os
import re
from pathlib import Path

from finetooth.data import text_file
from finetooth.data.malformed import Fault, Malformed
from finetooth.data.parts import SAMPLE_ROWS, Part, Rows, Sample
from finetooth.errors import DataError
from finetooth.recipe import Data

MAX_TEXT_BYTES = 4 * text_file.MAX_ROW_CHARACTERS
_SHOWN = 5
UNLABELLED_FOLDERS = frozenset({"unsup", "unsupervised", "unlabeled", "unlabelled"})


def sample(part: Part, *, spec: Data) -> Sample:
    """The columns label and text (or text alone for plain lines), and the first rows.

    Raises: DataError for a file of blank lines.
    """
    found = Sample(columns=("text",) if part.format == "lines" else ("label", "text"), rows=[])
    with text_file.text(part.path, name=part.name, encoding=spec.encoding, whole=False) as opened:
        for line in text_file.lines(opened.stream, name=part.name):
            values = (line,) if part.format == "lines" else _divided(line)
            if line.strip() and not isinstance(values, Malformed):
                found.rows.append(values)
            if len(found.rows) >= SAMPLE_ROWS:
                break
    if not found.rows:
        raise DataError(
            f"{part.name}: no line holds a label, a space and a text. Is data.format right?"
            if part.format == "label_text"
            else f"{part.name}: the file holds only blank lines; there is no row to read."
        )
    found.facts["encoding"] = opened.encoding
    return found


def rows(part: Part, found: Sample, *, spec: Data, wanted: tuple[str, ...]) -> Rows:
    """The wanted values of every line; blank lines are passed over among labelled lines and kept among plain ones."""
    order = [found.columns.index(name) for name in wanted]
    with text_file.text(part.path, name=part.name, encoding=spec.encoding) as opened:
        for number, line in enumerate(text_file.lines(opened.stream, name=part.name), 1):
            if part.format == "lines":
                yield number, (line.rstrip("\r\n"),)
                continue
            if not line.strip():
                continue
            values = _divided(line)
            yield number, values if isinstance(values, Malformed) else [values[place] for place in order]
    found.facts |= {"sha256": opened.sha256, "bytes": opened.size}


def _divided(line: str) -> tuple[str, str] | Malformed:
    # Only blanks and tabs divide: str.split would also cut at U+0085 and U+00A0, which are bytes of Latin-1 texts.
    line = line.rstrip("\r\n")
    start = line.lstrip(" \t")
    ends = [place for place in (start.find(" "), start.find("\t")) if place > 0]
    if not ends:
        return Malformed(Fault("line", "no text after the label", "Every line is a label, a space and a text."), line)
    return start[: min(ends)], start[min(ends) :].lstrip(" \t")


def class_folders(folder: Path) -> list[Path]:
    """The sub-folders that hold text files directly, by name; folders known to hold unlabelled texts left out."""
    inner = [item for item in folder.iterdir() if item.is_dir() and not item.name.startswith((".", "__"))]
    return sorted(item for item in inner if item.name.casefold() not in UNLABELLED_FOLDERS and text_files(item))


def text_files(folder: Path) -> list[str]:
    """The names of a folder's .txt files, sorted; files without any suffix where there is no .txt."""
    return _texts_among(_names(folder))


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:  # tells files from folders without a look at each: tens of thousands of them
        return [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file()]


def _texts_among(names: list[str]) -> list[str]:
    texts = [name for name in names if name.lower().endswith(".txt")]
    return sorted(texts or [name for name in names if re.fullmatch(r"[^.]*(\.[0-9]+)?", name)])


def folder_sample(part: Part, *, spec: Data) -> Sample:
    """The columns of a folder of classes.

    Raises: DataError when no sub-folder holds text files.
    """
    classes = class_folders(part.path)
    if not classes:
        raise DataError(f"{part.name}: no sub-folder holds text files; each class is a folder of .txt files.")
    found = Sample(columns=("label", "text"), rows=[])  # the names of both are known; texts are read later
    others = sorted(item.name for item in part.path.iterdir() if item.is_dir() and item not in classes)
    if others:
        found.notes.append(f"{part.name}: not classes and left out: {', '.join(others)}.")
    for folder in classes:
        names = _names(folder)
        left = sorted(set(names) - set(_texts_among(names)))
        if left:
            listed = ", ".join(left[:_SHOWN]) + (f" and {len(left) - _SHOWN:,} more" if len(left) > _SHOWN else "")
            found.notes.append(f"{part.name}/{folder.name}: not texts by their names and left out: {listed}.")
    found.facts["encoding"] = spec.encoding or "utf-8"
    return found


def folder_rows(part: Part, found: Sample, *, spec: Data, wanted: tuple[str, ...]) -> Rows:
    """One row for each text file, named by it (`pos/0_9.txt`); its `label` is its folder.

    Raises: DataError for a file that cannot be read, is too large, or changes meanwhile.
    """
    order = [found.columns.index(name) for name in wanted]
    whole, size = hashlib.sha256(), 0
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
                raise DataError(f"{part.name}/{name}: not decodable as {encoding} ({error}).") from error
            size += len(data)
            whole.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
            values = (folder.name, text)
            yield name, [values[place] for place in order]
    found.facts |= {"sha256": whole.hexdigest(), "bytes": size}


def folder_lines(folder: Path, *, most: int) -> list[str]:
    """Lines of the first texts of each class, as UTF-8 (other bytes as U+DC80 to U+DCFF), about `most` bytes."""
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
                raise DataError(f"{name}: {before.st_size:,} bytes; most allowed of one text is {MAX_TEXT_BYTES:,}.")
            data = file.read(MAX_TEXT_BYTES)
            after = os.fstat(file.fileno())
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}).") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(data) != after.st_size:
        raise DataError(f"{name}: the file changed while it was read. Give the command again when it is complete.")
    return data
