"""The list of a run folder's files: what each is checked against when a run is resumed, and by `verify`.

No file is trusted because it exists. docs/run-folder.md shows the list as a table; a test compares the two.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetooth.errors import RunError
from finetooth.files import MANIFEST, kind_of
from finetooth.runs.layout import RowFolder, RunFolder

ROW = "rows/ROW/"  # rows/NAME/, or rows/NAME/seed-N/ where a seed changes the row


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder of a run.

    name: relative to the run folder; that of a row's file begins with ROW. resume, verify: what it is checked against
    when the run continues, and by `verify`. in_mark: COMPLETE holds its hash.
    """

    name: str
    resume: str
    verify: str
    kind: Literal["file", "folder"] = "file"
    in_mark: bool = False


# What a file is checked against, in the words of the table in docs/run-folder.md.
_REWRITTEN = "written again from recipe and data where its hash is not that in plan.json"
_NAMED = "its hash in finished.json"
_MADE = "not read; made again when the run ends"
_MARK = "its hash in COMPLETE"
_GONE = "not present in a finished run"
_SEALED = "every file against its MANIFEST.json"
_MANIFEST = "its files, byte for byte"
_RELOADED = f"{_SEALED} and verify.json; reloaded, reference outputs computed again"

_RUN = (
    Entry("recipe.yaml", f"the recipe of the command, key by key; {_REWRITTEN}", _MARK, in_mark=True),
    Entry(
        "plan.json",
        "its own hash; what recipe, data and machine give now. Without it, rows are refused",
        f"{_MARK}; `run_id` is that of COMPLETE",
        in_mark=True,
    ),
    Entry("provenance.json", _REWRITTEN, _MARK, in_mark=True),
    Entry("data.json", _REWRITTEN, _MARK, in_mark=True),
    Entry("splits.parquet", _REWRITTEN, f"{_MARK}; the ids in each predictions.parquet", in_mark=True),
    Entry("rejects.jsonl", "written again each time the data are read", _MARK, in_mark=True),
    Entry("results.json", _MADE, f"{_MARK}; computed again from the rows", in_mark=True),
    Entry("comparison.json", _MADE, _MARK, in_mark=True),
    Entry("costs.json", _MADE, _MARK, in_mark=True),
    Entry("report.html", _MADE, "not checked: nothing reads it"),
    Entry("README.md", _MADE, "not checked: nothing reads it, and it is yours to edit"),
    Entry(
        "COMPLETE", "its own hash, then every file that it names", "its own hash; it names every file that it should"
    ),
    Entry("rows", "only the rows of the recipe are read", "only the rows of the recipe are read", "folder"),
    Entry(".lock", "not read", "not read"),
    Entry(".lock-worker", "not read", "not read"),
    Entry(".lock.holder", "read only for a message", "not read"),
    Entry(".lock-worker.holder", "read only for a message", "not read"),
    Entry(".work", f"{_SEALED}, hidden states block by block; what differs is made again", _GONE, "folder"),
    Entry(".work/seconds.json", "its own hash", _GONE),
    Entry(".work/stderr.log", "not read; written again", _GONE),
)
_OF_ROW = (
    Entry(f"{ROW}adapter", _SEALED, _RELOADED, "folder"),
    Entry(f"{ROW}adapter/{MANIFEST}", f"{_NAMED}; {_MANIFEST}", f"{_MARK}; {_MANIFEST}", in_mark=True),
    Entry(f"{ROW}baseline", _SEALED, _SEALED, "folder"),
    Entry(f"{ROW}baseline/{MANIFEST}", f"{_NAMED}; {_MANIFEST}", f"{_MARK}; {_MANIFEST}", in_mark=True),
    Entry(f"{ROW}checkpoints", f"{_SEALED}; a damaged state is skipped", _GONE, "folder"),
    Entry(f"{ROW}checkpoints/lowered.json", "its own hash", _GONE),
    Entry(f"{ROW}log.jsonl", "not read; lines are added", _MARK, in_mark=True),
    Entry(
        f"{ROW}curve.json",
        _NAMED,
        f"{_MARK}; results.json says the same; the trained parameters are counted again in the adapter",
        in_mark=True,
    ),
    Entry(f"{ROW}predictions.parquet", _NAMED, f"{_MARK}; each figure of results.json computed again", in_mark=True),
    Entry(f"{ROW}decision.json", _NAMED, f"{_MARK}; results.json says the same", in_mark=True),
    Entry(f"{ROW}learning_curve.json", _NAMED, f"{_MARK}; results.json says the same", in_mark=True),
    Entry(f"{ROW}verify.json", _NAMED, f"{_MARK}; each field against the files", in_mark=True),
    Entry(f"{ROW}failed.json", _NAMED, _MARK, in_mark=True),
    Entry(f"{ROW}costs.json", "its own hash", _MARK, in_mark=True),
    Entry(f"{ROW}finished.json", "its own hash; `run_id` and `row`", _MARK, in_mark=True),
)
ENTRIES = (*_RUN, *_OF_ROW)


def marked(folder: RunFolder) -> list[Path]:
    """The existing files of a run whose hashes COMPLETE holds: those of the run, then those of each row."""
    files = [folder.path / entry.name for entry in _RUN if entry.in_mark]
    for row in folder.row_folders():
        files += [_of_row(row, entry) for entry in _OF_ROW if entry.in_mark]
    return [file for file in files if kind_of(file) == "file"]


def _of_row(row: RowFolder, entry: Entry) -> Path:
    return row.path / entry.name.removeprefix(ROW)


def irregular(folder: RunFolder) -> Iterator[tuple[str, str]]:
    """(name, kind) of each entry of the list that is something else: a link, a pipe, a folder instead of a file.

    Everything inside the folders of the list is checked too. Other names in the run folder are the user's.
    """
    entries = [(folder.path / entry.name, entry.kind) for entry in _RUN]
    folders = [folder.work]
    if kind_of(folder.rows) == "folder":
        for path in sorted(folder.rows.iterdir()):
            if path.name.startswith(".") and kind_of(path) == "file":
                continue  # a file manager's own, such as .DS_Store; no row has such a name
            entries += [(row, "folder") for row in (path, *sorted(path.glob("seed-*")))]
    for row in folder.row_folders():
        entries += [(_of_row(row, entry), entry.kind) for entry in _OF_ROW]
        folders += [row.adapter, row.baseline, row.checkpoints]
    for path, expected in entries:
        kind = kind_of(path)
        if kind not in (None, expected):
            yield path.relative_to(folder.path).as_posix(), str(kind)
    for path in folders:
        yield from _special_inside(path, folder)


def _special_inside(path: Path, folder: RunFolder) -> Iterator[tuple[str, str]]:
    if kind_of(path) != "folder":
        return
    for parent, folders, names in os.walk(path):
        for name in sorted([*folders, *names]):
            item = Path(parent, name)
            kind = kind_of(item)
            if kind not in (None, "file", "folder"):
                yield item.relative_to(folder.path).as_posix(), str(kind)


def refuse_irregular(folder: RunFolder) -> None:
    """Check that each file and folder of the list is a regular file or a folder.

    Raises: RunError naming the first that is not.
    """
    for name, kind in irregular(folder):
        raise RunError(
            f"{folder.path}: {name} is a {kind}. A run folder holds regular files and folders only. Put the real one "
            f"in its place, or remove the {kind} and run the same command again."
        )
