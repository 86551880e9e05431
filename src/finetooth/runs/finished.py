"""finished.json: the SHA-256 of the finished files of a row. A file without an entry counts as missing.

A file gets its entry after it was written completely, so a file that was being written when the process was killed is
made again. A file that has an entry but is missing is made again too, with all files that are made from it. If a file
was changed after it got its entry, the run stops with a RunError.
"""

from collections.abc import Iterable
from typing import Any

from finetooth.errors import RunError
from finetooth.files import MANIFEST, discard, hash_regular, kind_of, read_hashed_json, write_hashed_json
from finetooth.runs.layout import RowFolder

_ARTIFACTS = (f"adapter/{MANIFEST}", f"baseline/{MANIFEST}")
FITTED = (*_ARTIFACTS, "curve.json", "learning_curve.json")
PREDICTIONS = "predictions.parquet"
DECISION = "decision.json"  # of a row that is not trained; fitted on its validation logits
SCORED = ("verify.json", DECISION, PREDICTIONS)
FAILED = "failed.json"


def record(row: RowFolder, names: Iterable[str], *, run_id: str) -> None:
    """Record the hashes of those of the files that exist, and remove the entries of the others."""
    names = list(names)
    files = {name: digest for name, digest in _read(row, run_id).items() if name not in names}
    files |= {name: hash_regular(row.path / name) for name in names if kind_of(row.path / name)}
    _write(row, files, run_id)


def strike_out(row: RowFolder, names: Iterable[str], *, run_id: str) -> None:
    """Remove the entries of files before they are written again, so that after a kill in between none looks changed."""
    files = _read(row, run_id)
    remaining = {name: digest for name, digest in files.items() if name not in set(names)}
    if remaining != files:
        _write(row, remaining, run_id)


def settle(row: RowFolder, *, run_id: str) -> frozenset[str]:
    """The files of the row that are finished and unchanged; all others are discarded.

    If one is missing, the files that were made from it are discarded too, so that they are made again.
    Raises: RunError naming a file that was changed after it was finished.
    """
    files = _read(row, run_id)
    intact = _intact(row, files)
    missing = set(files) - intact
    if missing & set(FITTED):
        intact = set()  # the row's artifact is made again from the last checkpoint
    elif not intact & set(_ARTIFACTS):
        intact &= {FAILED}
    elif missing & set(SCORED):
        intact -= {*SCORED, FAILED}
    if PREDICTIONS not in intact:
        intact -= {"verify.json"}  # it compares predictions that are made again
    for name in {*FITTED, *SCORED, FAILED} - intact:
        discard((row.path / name).parent if name in _ARTIFACTS else row.path / name)
    strike_out(row, set(files) - intact, run_id=run_id)
    return frozenset(intact)


def refuse_changed(row: RowFolder, *, run_id: str) -> None:
    """Check that every finished file exists unchanged.

    Raises: RunError naming the first that is missing or was changed.
    """
    files = _read(row, run_id)
    missing = sorted(set(files) - _intact(row, files))
    if missing:
        raise RunError(
            f"{row.path / missing[0]}: has gone missing since the run wrote it. Run the same command again: it is then "
            "made again."
        )


def changed(row: RowFolder) -> dict[str, str | None]:
    """{file: what is wrong with it, or None} of the finished files.

    Raises: RunError if finished.json itself was changed.
    """
    files: dict[str, str] = read_hashed_json(row.finished)["files"]
    return {name: _fault(row, name, digest) for name, digest in files.items()}


def _intact(row: RowFolder, files: dict[str, str]) -> set[str]:
    """Those of the files that exist. Raises: RunError for one that was changed."""
    for name, digest in files.items():
        path = row.path / name
        if kind_of(path) and _fault(row, name, digest):
            unit = path.parent if name in _ARTIFACTS else path
            raise RunError(
                f"{path}: was changed since the run wrote it. Take it from a backup, or delete {unit} and run the same "
                "command again: it is then made again."
            )
    return {name for name in files if kind_of(row.path / name)}


def _fault(row: RowFolder, name: str, digest: str) -> str | None:
    if not kind_of(row.path / name):
        return "is gone"
    return None if hash_regular(row.path / name) == digest else "was changed"


def _read(row: RowFolder, run_id: str) -> dict[str, str]:
    """{file: its hash} of the finished files, empty without finished.json."""
    if not kind_of(row.finished):
        return {}
    value: dict[str, Any] = read_hashed_json(row.finished)
    expected = {"schema": 1, "run_id": run_id, "row": _row_name(row)}
    for key, required in expected.items():
        if value.get(key) != required:
            raise RunError(
                f"{row.finished}: is of another run or row ({key} is {value.get(key)!r}, not {required!r}), and so may "
                f"be the files beside it. Delete {row.path} and run the same command again to make the row again."
            )
    files: dict[str, str] = value["files"]
    return files


def _write(row: RowFolder, files: dict[str, str], run_id: str) -> None:
    write_hashed_json(row.finished, {"schema": 1, "run_id": run_id, "row": _row_name(row), "files": files})


def _row_name(row: RowFolder) -> str:
    """NAME or NAME/seed-N."""
    seeded = row.path.name.startswith("seed-") and row.path.parent.parent.name == "rows"
    return f"{row.path.parent.name}/{row.path.name}" if seeded else row.path.name
