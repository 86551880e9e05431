"""COMPLETE: written last, it holds the hash of every file of a run that a figure of its table rests on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finetooth.errors import RunError
from finetooth.files import MANIFEST, read_json, sha256_file, write_json
from finetooth.runs.layout import RowFolder, RunFolder


def write_mark(folder: RunFolder, rows: Sequence[RowFolder], *, run_id: str) -> None:
    """Mark the run of these rows complete. Costs, on which no figure rests, are not in it."""
    files = {file.relative_to(folder.path).as_posix(): sha256_file(file) for file in _resting(folder, rows)}
    results_sha256 = files[folder.results.name]
    write_json(folder.complete, {"schema": 1, "results_sha256": results_sha256, "run_id": run_id, "files": files})


def changed(folder: RunFolder) -> dict[str, str | None]:
    """{file: what is wrong with it, or None} of every file that the mark holds the hash of.

    Raises: RunError when the mark is no JSON, or not of the form we write.
    """
    return {name: _fault(folder.path / name, name, digest) for name, digest in _wanted(folder).items()}


def refuse_changed(folder: RunFolder, files: Sequence[Path]) -> None:
    """Nothing, if each of these files of the run is as the mark holds it.

    A file that the mark holds no hash of is passed over: a mark of the first version holds that of the results alone.
    Raises: RunError naming the first that is gone or was changed, or when the mark is not of the form we write.
    """
    wanted = _wanted(folder)
    for file in files:
        name = file.relative_to(folder.path).as_posix()
        if name not in wanted:
            continue
        if not file.is_file():
            raise RunError(f"{folder.path}: the run was complete, but its {name} is gone. Take it from a backup.")
        if sha256_file(file) != wanted[name]:
            raise RunError(
                f"{file}: was changed after the run was complete: it is not what was measured. Take it from a backup."
            )


def _wanted(folder: RunFolder) -> dict[str, str]:
    mark: Any = read_json(folder.complete)
    files = mark.get("files", {}) if isinstance(mark, Mapping) else None
    if not isinstance(files, Mapping) or "results_sha256" not in mark:
        raise RunError(
            f"{folder.complete}: not a mark that Finetooth wrote, so that nothing can be held to it. Take it from a "
            "backup."
        )
    return {folder.results.name: str(mark["results_sha256"]), **{str(name): str(files[name]) for name in files}}


def _fault(file: Path, name: str, digest: str) -> str | None:
    if not file.is_file():
        return f"{name} is missing."
    return None if sha256_file(file) == digest else f"{name} was changed after the run was complete."


def _resting(folder: RunFolder, rows: Sequence[RowFolder]) -> list[Path]:
    """The files that there are, in the run's order; an artefact's manifest stands for all of it."""
    of_rows = [
        file
        for row in rows
        for file in (
            row.predictions, row.verify, row.failed, row.curve, row.adapter / MANIFEST, row.control / MANIFEST,
        )
    ]  # fmt: skip
    of_run = [
        folder.recipe, folder.plan, folder.provenance, folder.data, folder.splits, folder.results, folder.comparison,
    ]  # fmt: skip
    return [file for file in [*of_run, *of_rows] if file.is_file()]
