"""Write files and folders completely or not at all.

A folder is written under a temporary name next to its final one: its files are fsynced, MANIFEST.json (the sha256 of
each) is written last, and the folder is renamed. A reader that finds the folder finds all of it.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, Literal

from finetooth.errors import RecipeError, RunError

MANIFEST = "MANIFEST.json"
_DIGEST = "sha256"  # the key of a hashed JSON file for the hash of all other keys
UNFINISHED = ".tmp-"  # the prefix of files and folders that are still being written
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_name(name: str) -> str:
    """Check that `name` is safe as a file name and a key, and return it.

    Raises: RecipeError if it is not 1 to 64 characters of a-z 0-9 . _ - that begin with a letter or digit, or if
    Windows does not allow a folder of that name.
    """
    if not _NAME.fullmatch(name):
        raise RecipeError(
            f"name {name!r} is not allowed. Use 1 to 64 characters of a-z, 0-9, '.', '_' and '-', "
            "beginning with a letter or digit."
        )
    if _DEVICE.fullmatch(name) or name.endswith("."):
        raise RecipeError(
            f"name {name!r} cannot be a folder on Windows. Choose another, such as 'my-{name.rstrip('.')}'."
        )
    return name


def sha256_bytes(data: bytes) -> str:
    """Hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of the file's bytes; a symbolic link is followed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_bytes(value: Any) -> bytes:
    """`value` as JSON text in our format: indented, keys in order, no NaN, a newline at the end."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def canonical_hash(value: Any) -> str:
    """SHA-256 of `value` as JSON with sorted keys, so that the order of keys does not matter."""
    return sha256_bytes(json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode())


def kind_of(path: Path) -> str | None:
    """The kind of the entry at `path`, without following a link: `file`, `folder`, `symbolic link`, `pipe`, ...

    None if there is nothing.
    """
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    return next((kind for test, kind in _KINDS if test(mode)), "special file")


_KINDS = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISLNK, "symbolic link"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
)


def open_regular(path: Path) -> BufferedReader:
    """A regular file opened for reading; links are not followed, and a pipe is not waited for.

    The open itself refuses links, so that the file cannot be replaced between a check and the open.
    Raises: RunError naming the path and its kind; OSError if there is nothing or it may not be read.
    """
    return os.fdopen(_regular(path, os.O_RDONLY), "rb")


def write_regular(path: Path, mode: Literal["a", "w+"]) -> IO[str]:
    """A regular text file opened to append to it or to overwrite it; it is created if missing.

    Raises: as open_regular.
    """
    flags = os.O_WRONLY | os.O_APPEND if mode == "a" else os.O_RDWR
    handle = _regular(path, flags | os.O_CREAT)
    if mode == "w+":
        os.ftruncate(handle, 0)
    return os.fdopen(handle, mode, encoding="utf-8", errors="replace")


def _regular(path: Path, flags: int) -> int:
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # no system has all of them
        flags |= getattr(os, name, 0)
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        kind = kind_of(path)
        if kind in (None, "file"):
            raise
        raise _irregular(path, kind) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _irregular(path, kind_of(path))
    return handle


def _irregular(path: Path, kind: str | None) -> RunError:
    return RunError(
        f"{path}: is a {kind}, not a regular file. Replace it by the file itself, or remove the {kind} and run the "
        "same command again."
    )


def read_file(path: Path) -> bytes:
    """The bytes of a regular file. Raises: as open_regular."""
    with open_regular(path) as file:
        return file.read()


def hash_regular(path: Path) -> str:
    """Hexadecimal SHA-256 of a regular file's bytes. Raises: as open_regular."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    """The JSON value in the regular file `path`.

    Raises: RunError naming the file if it is not JSON or not a regular file.
    """
    try:
        return json.loads(read_file(path))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: is not valid JSON ({error}). Restore it from a backup.") from error


def read_hashed_json(path: Path) -> dict[str, Any]:
    """The JSON object that write_hashed_json wrote to `path`, without its hash.

    Raises: RunError naming the file if it has other content.
    """
    try:
        value: Any = json.loads(read_file(path))
        digest = value.pop(_DIGEST)
        if digest == canonical_hash(value):
            assert isinstance(value, dict)
            return value
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise RunError(
        f"{path}: was changed after Finetooth wrote it. Restore it from a backup, or delete it and run the same "
        "command again, which computes its content again."
    )


def write_hashed_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` to `path` as JSON, atomically, with its own hash as the last key."""
    write_json(path, {**value, _DIGEST: canonical_hash(dict(value))})


def write_file(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically and durably: a reader sees the old file or the new one, never a part."""
    temporary = path.parent / f"{UNFINISHED}{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:  # unlike tempfile's, with the mode of the user's umask
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _fsync_directory(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as JSON, atomically."""
    write_file(path, json_bytes(value))


def make_directory(path: Path) -> None:
    """Create the folder `path` and its parents durably: they survive a power cut."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    _fsync_directory(path.parent)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """A temporary folder to fill. If the block succeeds, the folder gets a manifest and is renamed to `path`.

    Raises: RunError if `path` exists (artifacts are never overwritten; discard() the old one first).
    """
    if kind_of(path) is not None:
        raise RunError(f"{path}: exists already. Move or delete it, then run the same command again.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=path.parent))
    temporary.chmod(0o755)
    try:
        yield temporary
        seal(temporary)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _fsync_directory(path.parent)


def seal(folder: Path) -> None:
    """Fsync every file in `folder`, then write and fsync its manifest."""
    for file in (item for item in folder.rglob("*") if item.is_file() and item != folder / MANIFEST):
        with file.open("r+b") as stream:  # Windows syncs only files open for writing
            os.fsync(stream.fileno())
    for inner in [item for item in folder.rglob("*") if item.is_dir()]:
        _fsync_directory(inner)
    write_json(folder / MANIFEST, _manifest(folder))


def _manifest(folder: Path) -> dict[str, Any]:
    """The content of MANIFEST.json for the regular files that are in `folder` now."""
    files = {}
    for file in sorted(item for item in folder.rglob("*") if kind_of(item) == "file" and item != folder / MANIFEST):
        files[file.relative_to(folder).as_posix()] = {"sha256": sha256_file(file), "bytes": file.stat().st_size}
    return {"schema": 1, "files": files}


def damage(folder: Path) -> str | None:
    """The first thing wrong with a sealed folder (`labels.json differs from its manifest`), or None."""
    return next(iter(damages(folder)), None)


def damages(folder: Path) -> list[str]:
    """Everything that is wrong with a sealed folder, in the words of damage()."""
    kind = kind_of(folder / MANIFEST)
    if kind != "file":
        return [not_a_file(MANIFEST, kind)]
    data = read_file(folder / MANIFEST)
    try:
        listed = json.loads(data)["files"]
        recorded = {str(name): str(entry["sha256"]) for name, entry in listed.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [f"{MANIFEST} is not a manifest"]
    faults, now = [], _manifest(folder)
    present = {item.relative_to(folder).as_posix(): kind_of(item) for item in folder.rglob("*")}
    for name, digest in recorded.items():
        kind = present.get(name)  # a name that leads outside the folder is not followed
        if kind != "file":
            faults.append(not_a_file(name, kind))
        elif now["files"].get(name, {}).get("sha256") != digest:
            faults.append(f"{name} differs from its manifest")
    extra = {name for name, kind in present.items() if kind != "folder"} - set(recorded) - {MANIFEST}
    faults += [f"{name} is not in its manifest" for name in sorted(extra)]
    if not faults and data != json_bytes(now):
        faults.append(f"{MANIFEST} does not match the files")
    return faults


def not_a_file(name: str, kind: str | None) -> str:
    """What is wrong where a file should be. kind: from kind_of."""
    return f"{name} is missing" if kind is None else f"{name} is a {kind}"


def discard(path: Path) -> None:
    """Rename a file or folder, then delete it, so that no reader finds a part of it."""
    if kind_of(path) is None:
        return
    aside = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=path.parent))
    path.rename(aside / "discarded")
    shutil.rmtree(aside, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete the temporary files and folders of killed writers under `folder`."""
    for item in list(folder.rglob(f"{UNFINISHED}*")):
        if item.is_dir():
            shutil.rmtree(item, ignore_errors=True)
        else:
            item.unlink(missing_ok=True)


def _fsync_directory(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; its rename is durable enough
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
