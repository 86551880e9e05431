"""Writes the fix list: a CSV file with a line for every row that a finding names, for work in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from finetooth import files
from finetooth.data import Dataset
from finetooth.errors import RecipeError
from finetooth.preflight.data_finding import Finding, file_and_number

COLUMNS = ("file", "row", "split", "code", "finding", "label", "suggestion", "text")
# What begins a formula in a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def check_path(path: Path, sources: Iterable[Path]) -> None:
    """Check that the fix list can be written to `path` without changing a source of data.

    Raises: RecipeError if it is a source, is in a folder that is read as data, is a folder, or is not named FILE.csv.
    """
    if path.suffix.lower() != ".csv":
        raise RecipeError(f"--fix-list {path}: name a file that ends in .csv.")
    if path.is_dir() or not path.absolute().parent.is_dir():
        problem = "this is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise RecipeError(f"--fix-list {path}: {problem}. Name a file in an existing folder.")
    for source in sources:
        same = path.exists() and source.exists() and path.samefile(source)
        if same or path.resolve() == source.resolve():
            raise RecipeError(f"--fix-list {path}: this file is a source of data. Name another file.")
        if source.is_dir() and path.resolve().is_relative_to(source.resolve()):
            raise RecipeError(
                f"--fix-list {path}: the folder {source.name} is read as data. Name a file outside of it."
            )


def write(path: Path, findings: Sequence[Finding], dataset: Dataset, *, excel_safe: bool = False) -> int:
    """Write the complete list or nothing; returns the number of its lines.

    The label and text of test rows are left out, so that no choice depends on them, and those of rows that the run does
    not use. excel_safe: put an apostrophe before values that a spreadsheet would compute.
    """
    label_and_text: dict[tuple[str, str], tuple[str, str]] = {}
    for split, examples in (("train", dataset.train), ("validation", dataset.validation)):
        texts = examples.texts
        if examples.pairs is not None:
            texts = tuple(f"{text}\n{pair}" for text, pair in zip(texts, examples.pairs, strict=True))
        names = (dataset.classes[label] for label in examples.labels.tolist())
        label_and_text |= {
            (split, row_id): (name, text) for row_id, name, text in zip(examples.ids, names, texts, strict=True)
        }
    lines: list[tuple[str, ...]] = []
    for finding in findings:
        for row in finding.rows:
            file, number = file_and_number(row.id)
            label, text = label_and_text.get((row.split, row.id), ("", ""))
            suggestion = row.label if row.label is not None else row.advice
            lines.append((file, str(number), row.split, finding.code, finding.says, label, suggestion, text))
    if excel_safe:
        lines = [tuple(f"'{value}" if value.startswith(_FORMULA) else value for value in line) for line in lines]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([COLUMNS, *lines])
    files.write_file(path, buffer.getvalue().encode())
    return len(lines)
