"""COMPLETE: written last, it holds the hash of every file of a run that is read later."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetooth.errors import RunError
from finetooth.files import hash_regular, kind_of, not_a_file, read_hashed_json, write_hashed_json
from finetooth.runs import inventory
from finetooth.runs.layout import RunFolder

_SCHEMA = 1


def write_mark(folder: RunFolder, *, run_id: str) -> None:
    """Mark the run complete, with the hashes of the files that are `in_mark` in inventory.ENTRIES."""
    files = {_name(folder, file): hash_regular(file) for file in inventory.marked(folder)}
    write_hashed_json(folder.complete, {"schema": _SCHEMA, "run_id": run_id, "files": files})


def changed(folder: RunFolder) -> dict[str, str | None]:
    """{file: what is wrong with it, or None} of every file whose hash the mark holds or should hold.

    Raises: RunError if the mark is not of the form that Finetooth writes.
    """
    _, files = _mark(folder)
    faults = {name: _fault(folder.path / name, name, digest) for name, digest in files.items()}
    extra = [name for file in inventory.marked(folder) if (name := _name(folder, file)) not in files]
    return faults | {name: f"{name} was added after the run was complete." for name in extra}


def run_id(folder: RunFolder) -> str:
    """The id of the run that the mark was written for."""
    return _mark(folder)[0]


def refuse_changed(folder: RunFolder, files: Sequence[Path] | None = None) -> None:
    """Check that these files of the run, or all, are unchanged. Files that the mark does not name are not checked.

    Raises: RunError naming the first that is missing or was changed, or if the mark is not of the form that Finetooth
    writes.
    """
    _, marked = _mark(folder)
    names = list(marked) if files is None else [_name(folder, file) for file in files]
    for name in names:
        if name not in marked:
            continue
        file = folder.path / name
        if not kind_of(file):
            raise RunError(f"{folder.path}: the run was complete, but its {name} is gone. Take it from a backup.")
        if hash_regular(file) != marked[name]:
            raise RunError(
                f"{file}: was changed after the run was complete: it is not what was measured. Take it from a backup."
            )


def _mark(folder: RunFolder) -> tuple[str, dict[str, str]]:
    """(run_id, {file: its hash})."""
    try:
        mark: Any = read_hashed_json(folder.complete)
        if mark["schema"] == _SCHEMA:
            return str(mark["run_id"]), {str(name): str(digest) for name, digest in mark["files"].items()}
    except (RunError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise RunError(
        f"{folder.complete}: not a mark that Finetooth wrote, so nothing can be checked against it. Take it from a "
        "backup."
    )


def _fault(file: Path, name: str, digest: str) -> str | None:
    kind = kind_of(file)
    if kind != "file":
        return f"{not_a_file(name, kind)}."
    return None if hash_regular(file) == digest else f"{name} was changed after the run was complete."


def _name(folder: RunFolder, file: Path) -> str:
    return file.relative_to(folder.path).as_posix()
