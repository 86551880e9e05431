"""Reading files of folders that are not trusted: regular files only, never through a link, never waiting on a pipe."""

import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path

from finetooth.errors import SourceError

_CHUNK_BYTES = 1 << 20


def open_regular(path: Path) -> BufferedReader:
    """`path` opened for reading.

    Raises: SourceError if it is a link, pipe, device, socket or folder; the open itself refuses links and does not
    wait for a pipe, so that nothing can be swapped in between a look and the open.
    """
    wanted = ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")  # none is on every system
    flags = os.O_RDONLY | sum(getattr(os, name, 0) for name in wanted)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        if path.is_symlink():
            raise SourceError(_link_message(path)) from error
        raise SourceError(f"{path}: cannot be read ({error.strerror}).") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise SourceError(f"{path}: not a regular file but a pipe, device or folder; replace it by the file itself.")
    return os.fdopen(handle, "rb")


def refuse_special(folder: Path, names: list[str]) -> None:
    """Nothing, if none of the folder's entries is a link and those in `names` are regular files.

    Raises: SourceError naming the entry.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_symlink():
            raise SourceError(_link_message(Path(entry.path)))
        if entry.name in names and not entry.is_file(follow_symlinks=False):
            raise SourceError(
                f"{entry.path}: not a regular file but a pipe, device or folder; replace it by the file itself."
            )


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


def _link_message(path: Path) -> str:
    return (
        f"{path}: a symbolic link, which is never followed out of a folder that is not trusted. "
        f"Copy the folder with its links resolved (cp -rL {path.parent} COPY) and name the copy."
    )
