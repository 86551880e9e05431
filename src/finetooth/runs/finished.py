"""finished.json: the SHA-256 of what is finished of a row. A file that it does not name counts as not there.

A file is named after it was written whole, so what a kill left without its name is made again. A file that is named
and gone is made again too, with all that follows from it; one that is named and was changed is refused.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from finetooth.errors import RunError
from finetooth.files import MANIFEST, discard, hash_regular, kind_of, read_hashed_json, write_hashed_json
from finetooth.runs.layout import RowFolder

_ARTIFACTS = (f"adapter/{MANIFEST}", f"baseline/{MANIFEST}")
FITTED = (*_ARTIFACTS, "curve.json")
PREDICTIONS = "predictions.parquet"
SCORED = ("verify.json", PREDICTIONS)
FAILED = "failed.json"


def record(row: RowFolder, names: Iterable[str], *, run_id: str) -> None:
    """Put down those of the files that are there as finished, with their hashes; those that are not are struck out."""
    files = _read(row, run_id) if kind_of(row.finished) else {}
    for file in names:
        files.pop(file, None)
        if kind_of(row.path / file):
            files[file] = hash_regular(row.path / file)
    value = {"schema": 1, "run_id": run_id, "row": _row_name(row), "files": files}
    write_hashed_json(row.finished, value)


def strike_out(row: RowFolder, names: Iterable[str], *, run_id: str) -> None:
    """Take files off the list before they are written anew: a kill in between leaves no file that looks changed."""
    files = _read(row, run_id) if kind_of(row.finished) else {}
    remaining = {file: digest for file, digest in files.items() if file not in set(names)}
    if remaining != files:
        write_hashed_json(row.finished, {"schema": 1, "run_id": run_id, "row": _row_name(row), "files": remaining})


def settle(row: RowFolder, *, run_id: str) -> frozenset[str]:
    """The files of the row that are finished and as they were; what is not finished is discarded.

    Where one is gone, what was made after it is discarded too, so that it is made again.
    Raises: RunError naming a file that was changed after it was finished.
    """
    files = _read(row, run_id) if kind_of(row.finished) else {}
    intact = _intact(row, files)
    missing = set(files) - intact
    if missing & set(FITTED):
        intact = set()  # the row's artifact is made again from the last checkpoint
    elif not intact & set(_ARTIFACTS):
        intact &= {FAILED}
    elif missing & set(SCORED):
        intact -= {*SCORED, FAILED}
    if PREDICTIONS not in intact:
        intact -= {"verify.json"}  # it says how predictions compared that are made again
    for file in {*FITTED, *SCORED, FAILED} - intact:
        discard((row.path / file).parent if file in _ARTIFACTS else row.path / file)
    if set(files) != intact:
        strike_out(row, set(files) - intact, run_id=run_id)
    return frozenset(intact)


def refuse_changed(row: RowFolder, *, run_id: str) -> None:
    """Check that every file put down as finished is there as it was.

    Raises: RunError naming the first that is gone or was changed.
    """
    files = _read(row, run_id) if kind_of(row.finished) else {}
    missing = sorted(set(files) - _intact(row, files))
    if missing:
        raise RunError(f"{row.path / missing[0]}: has gone missing since the run wrote it. {_AGAIN}")


def changed(row: RowFolder) -> dict[str, str | None]:
    """{file: what is wrong with it, or None} of the files put down as finished.

    Raises: RunError when finished.json itself was changed.
    """
    files: dict[str, str] = read_hashed_json(row.finished)["files"]
    return {file: _fault(row.path / file, digest) for file, digest in files.items()}


_AGAIN = "Run the same command again: it is then made anew."


def _intact(row: RowFolder, files: dict[str, str]) -> set[str]:
    for file, digest in files.items():
        fault = _fault(row.path / file, digest)
        if fault is not None and kind_of(row.path / file):
            path = row.path / file
            what = path.parent if file in _ARTIFACTS else path
            raise RunError(
                f"{path}: {fault} since the run wrote it. Take it from a backup, or delete {what} and run the same "
                "command again: it is then made anew."
            )
    return {file for file in files if kind_of(row.path / file)}


def _fault(path: Path, digest: str) -> str | None:
    if not kind_of(path):
        return "is gone"
    return None if hash_regular(path) == digest else "was changed"


def _read(row: RowFolder, run_id: str) -> dict[str, str]:
    value: dict[str, Any] = read_hashed_json(row.finished)
    expected = {"schema": 1, "run_id": run_id, "row": _row_name(row)}
    for key, required in expected.items():
        if value.get(key) != required:
            raise RunError(
                f"{row.finished}: is of another run or row ({key} is {value.get(key)!r}, not {required!r}), and so may "
                f"be the files beside it. Delete {row.path} and run the same command again to make the row anew."
            )
    files: dict[str, str] = value["files"]
    return files


def _row_name(row: RowFolder) -> str:
    """NAME or NAME/seed-N."""
    seeded = row.path.name.startswith("seed-") and row.path.parent.parent.name == "rows"
    return f"{row.path.parent.name}/{row.path.name}" if seeded else row.path.name
