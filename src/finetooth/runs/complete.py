"""COMPLETE: written last, it holds the hash of every file of a run that anything is read from later."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finetooth.errors import RunError
from finetooth.files import hash_regular, kind_of, read_hashed_json, read_json, write_hashed_json
from finetooth.runs import inventory
from finetooth.runs.layout import RunFolder

_SCHEMA = 2


def write_mark(folder: RunFolder, *, run_id: str) -> None:
    """Mark the run complete. Of the files in inventory.ENTRIES the mark holds those that are `in_mark`."""
    files = {_name(folder, file): hash_regular(file) for file in inventory.marked(folder)}
    results_sha256 = files[folder.results.name]
    mark = {"schema": _SCHEMA, "results_sha256": results_sha256, "run_id": run_id, "files": files}
    write_hashed_json(folder.complete, mark)


def changed(folder: RunFolder) -> dict[str, str | None]:
    """{file: what is wrong with it, or None} of every file that the mark holds the hash of, or should hold.

    Raises: RunError when the mark is no JSON, or not of the form we write.
    """
    wanted = _wanted(folder)
    found = {name: _fault(folder.path / name, name, digest) for name, digest in wanted.items()}
    if run_id(folder) is None:
        return found
    extra = [name for file in inventory.marked(folder) if (name := _name(folder, file)) not in wanted]
    return found | {name: f"{name} was added after the run was complete." for name in extra}


def run_id(folder: RunFolder) -> str | None:
    """The id of the run that the mark was written for; None: a mark of an earlier version does not say."""
    mark: Any = _mark(folder)
    return None if mark.get("schema") != _SCHEMA else str(mark["run_id"])


def refuse_changed(folder: RunFolder, files: Sequence[Path] | None = None) -> None:
    """Check that each of these files of the run, or every one, is as the mark holds it.

    A file that the mark holds no hash of is passed over: a mark of the first version holds that of the results alone.
    Raises: RunError naming the first that is gone or was changed, or when the mark is not of the form we write.
    """
    wanted = _wanted(folder)
    names = list(wanted) if files is None else [_name(folder, file) for file in files]
    for name in names:
        if name not in wanted:
            continue
        file = folder.path / name
        if not kind_of(file):
            raise RunError(f"{folder.path}: the run was complete, but its {name} is gone. Take it from a backup.")
        if hash_regular(file) != wanted[name]:
            raise RunError(
                f"{file}: was changed after the run was complete: it is not what was measured. Take it from a backup."
            )


def _wanted(folder: RunFolder) -> dict[str, str]:
    mark = _mark(folder)
    files = mark.get("files", {})
    return {folder.results.name: str(mark["results_sha256"]), **{str(name): str(files[name]) for name in files}}


def _mark(folder: RunFolder) -> Mapping[str, Any]:
    try:
        mark: Any = read_json(folder.complete)
        if mark.get("schema") == _SCHEMA or "sha256" in mark:
            mark = read_hashed_json(folder.complete)
        if isinstance(mark["results_sha256"], str) and isinstance(mark.get("files", {}), Mapping):
            return mark  # type: ignore[no-any-return]
    except (RunError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise RunError(
        f"{folder.complete}: not a mark that Finetooth wrote, so nothing can be checked against it. Take it from a "
        "backup."
    )


def _fault(file: Path, name: str, digest: str) -> str | None:
    kind = kind_of(file)
    if kind != "file":
        return f"{name} is missing." if kind is None else f"{name} is a {kind}."
    return None if hash_regular(file) == digest else f"{name} was changed after the run was complete."


def _name(folder: RunFolder, file: Path) -> str:
    return file.relative_to(folder.path).as_posix()
