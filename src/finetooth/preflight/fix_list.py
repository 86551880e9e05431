"""The fix list: a CSV file with one line for every row that a finding names, to work through in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from finetooth import files
from finetooth.data import Dataset
from finetooth.errors import RecipeError
from finetooth.preflight.data_finding import Finding, place

COLUMNS = ("file", "row", "split", "code", "finding", "label", "suggestion", "text")
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def refuse_source(path: Path, sources: Iterable[Path]) -> None:
    """Pass if writing `path` would touch no source of data.

    Raises: RecipeError if it is one, lies in a folder that is read as data, is a folder, or is not named FILE.csv.
    """
    if path.suffix.lower() != ".csv":
        raise RecipeError(f"--fix-list {path}: name a file that ends in .csv.")
    if path.is_dir() or not path.absolute().parent.is_dir():
        what = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise RecipeError(f"--fix-list {path}: {what}; name a file in a folder that is there.")
    for source in sources:
        same = path.exists() and source.exists() and path.samefile(source)
        if same or path.resolve() == source.resolve():
            raise RecipeError(f"--fix-list {path}: this is a source of data and stays as it is; name another file.")
        if source.is_dir() and path.resolve().is_relative_to(source.resolve()):
            raise RecipeError(
                f"--fix-list {path}: lies in {source.name}, which is read as data; name a file outside of it."
            )


def write(path: Path, findings: Sequence[Finding], dataset: Dataset, *, excel_safe: bool = False) -> int:
    """Write the list, whole or not at all, and give the number of its lines.

    Label and text of test rows are left out: nobody needs to read them, and what is read leads to choices. So are
    those of rows that were left out of the run. excel_safe: put an apostrophe before what a spreadsheet would compute.
    """
    known: dict[tuple[str, str], tuple[str, str]] = {}
    for split, examples in (("train", dataset.train), ("validation", dataset.validation)):
        texts = examples.texts
        if examples.pairs is not None:
            texts = tuple(f"{text}\n{pair}" for text, pair in zip(texts, examples.pairs, strict=True))
        names = (dataset.classes[label] for label in examples.labels.tolist())
        known |= {(split, row_id): (name, text) for row_id, name, text in zip(examples.ids, names, texts, strict=True)}
    lines = []
    for finding in findings:
        for row in finding.rows:
            file, number = place(row.id)
            label, text = known.get((row.split, row.id), ("", ""))
            suggestion = row.label if row.label is not None else row.advice
            lines.append((file, str(number), row.split, finding.code, finding.says, label, suggestion, text))
    if excel_safe:
        lines = [tuple(map(_safe, line)) for line in lines]  # type: ignore[misc]
    held = io.StringIO(newline="")
    csv.writer(held).writerows([COLUMNS, *lines])
    files.write_file(path, held.getvalue().encode())
    return len(lines)


def _safe(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value
