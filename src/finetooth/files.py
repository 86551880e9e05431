"""The one way files reach the disk: whole or not at all.

A folder is written beside its place under a temporary name, its files fsynced, MANIFEST.json (sha256 of each) written
last, and renamed; a reader that finds the folder finds all of it.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetooth.errors import RecipeError, RunError

MANIFEST = "MANIFEST.json"
UNFINISHED = ".tmp-"  # how the name of whatever is still being written begins
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_name(name: str) -> str:
    """`name` itself if it is safe as a file name and a key.

    Raises: RecipeError if it is not 1 to 64 of a-z 0-9 . _ - beginning with a letter or digit, or if Windows has no
    folder of that name.
    """
    if not _NAME.fullmatch(name):
        raise RecipeError(
            f"name {name!r} is not usable: 1 to 64 characters of a-z, 0-9, '.', '_' and '-', "
            "beginning with a letter or digit."
        )
    if _DEVICE.fullmatch(name) or name.endswith("."):
        raise RecipeError(
            f"name {name!r} cannot be a folder on Windows; choose another, such as 'my-{name.rstrip('.')}'."
        )
    return name


def sha256_bytes(data: bytes) -> str:
    """Hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_bytes(value: Any) -> bytes:
    """`value` as the one JSON text we write: indented, key order kept, NaN refused, newline at the end."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def canonical_hash(value: Any) -> str:
    """SHA-256 of `value` as JSON with sorted keys: the same for equal values, whatever their order."""
    return sha256_bytes(json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode())


def read_json(path: Path) -> Any:
    """The JSON value in `path`.

    Raises: RunError naming the file when it is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise RunError(f"{path}: not readable as JSON ({error}). Delete it and give the same command again.") from error


def write_file(path: Path, data: bytes) -> None:
    """Put `data` at `path` atomically and durably; a reader sees the old file or the new one, never a part."""
    temporary = path.parent / f"{UNFINISHED}{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:  # made with the mode that the user's umask gives, unlike tempfile's
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _fsync_directory(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Put `value` at `path` as JSON, atomically."""
    write_file(path, json_bytes(value))


def make_directory(path: Path) -> None:
    """Make the folder `path`, and those above it, so that a power cut cannot take it away again."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    _fsync_directory(path.parent)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """A temporary folder to fill; when the block ends well it becomes `path`, whole, with its manifest.

    Raises: RunError if `path` exists already (artefacts are never overwritten; discard() the old one first).
    """
    if path.exists():
        raise RunError(f"{path} exists already.")
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
    files = {}
    for file in sorted(item for item in folder.rglob("*") if item.is_file() and item != folder / MANIFEST):
        with file.open("r+b") as stream:  # Windows syncs only what is open for writing
            os.fsync(stream.fileno())
        files[file.relative_to(folder).as_posix()] = {"sha256": sha256_file(file), "bytes": file.stat().st_size}
    for inner in [item for item in folder.rglob("*") if item.is_dir()]:
        _fsync_directory(inner)
    write_json(folder / MANIFEST, {"schema": 1, "files": files})


def damage(folder: Path) -> str | None:
    """What is wrong with a sealed folder (`adapter_model.safetensors differs from its manifest`), or None if whole."""
    return next(damages(folder), None)


def damages(folder: Path) -> Iterator[str]:
    """Everything that is wrong with a sealed folder, as damage tells it."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        yield f"{MANIFEST} is missing"
        return
    try:
        listed = json.loads(manifest.read_bytes())["files"]
        wanted = {str(name): str(entry["sha256"]) for name, entry in listed.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield f"{MANIFEST} is not a manifest"
        return
    present = {item.relative_to(folder).as_posix() for item in folder.rglob("*") if item.is_file()}
    for name, digest in wanted.items():
        if name not in present:  # nor looked for outside the folder, wherever the name leads
            yield f"{name} is missing"
        elif sha256_file(folder / name) != digest:
            yield f"{name} differs from its manifest"
    for extra in sorted(present - set(wanted) - {MANIFEST}):
        yield f"{extra} is not in its manifest"


def discard(path: Path) -> None:
    """Remove a file or folder so that no half of it can be taken for the whole: renamed first, then deleted."""
    if not path.exists():
        return
    aside = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=path.parent))
    path.rename(aside / "discarded")
    shutil.rmtree(aside, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete what writers that were killed left behind under `folder`."""
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
