"""Read files of untrusted folders: regular files only, never through a link, never waiting for a pipe."""

import hashlib
import os
from io import BufferedReader
from pathlib import Path

from finetooth import files
from finetooth.errors import RunError, SourceError

_CHUNK_BYTES = 1 << 20


def open_regular(path: Path) -> BufferedReader:
    """`path` opened for reading, as files.open_regular does.

    Raises: SourceError if it is a link, pipe, device, socket or folder, or cannot be read.
    """
    try:
        return files.open_regular(path)
    except (OSError, RunError) as error:
        if path.is_symlink():
            raise SourceError(_link_message(path)) from error
        if isinstance(error, OSError):
            raise SourceError(
                f"{path}: cannot be read ({error.strerror}). Check that it exists and that you may read it."
            ) from error
        raise SourceError(_irregular_message(path)) from error


def check_regular_files(folder: Path, names: list[str]) -> None:
    """Check that no entry of the folder is a link, and that every entry in `names` is a regular file.

    Raises: SourceError naming the entry.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_symlink():
            raise SourceError(_link_message(Path(entry.path)))
        if entry.name in names and not entry.is_file(follow_symlinks=False):
            raise SourceError(_irregular_message(Path(entry.path)))


def hash_regular(path: Path) -> str:
    """Hexadecimal SHA-256 of a regular file."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_regular(path: Path, target: Path) -> str:
    """SHA-256 of the bytes copied from `path` to the new file `target`."""
    digest = hashlib.sha256()
    with open_regular(path) as file, target.open("xb") as out:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _irregular_message(path: Path) -> str:
    return f"{path}: is a pipe, device or folder, not a regular file. Replace it by the file itself."


def _link_message(path: Path) -> str:
    return (
        f"{path}: is a symbolic link, and links in an untrusted folder are not followed. "
        f"Copy the folder with its links resolved (cp -rL {path.parent} COPY) and name the copy."
    )
