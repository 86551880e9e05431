"""The cache of fetched sources: each entry a sealed folder, checked by hash before every use, filled by one process.

CACHE/sources/KIND/KEY/whole/files/   what was brought, and nothing else
CACHE/sources/KIND/KEY/whole/         source.json (its id and hash) and MANIFEST.json (sha256 of every file)
CACHE/sources/KIND/KEY/lock           held while filling
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from finetooth.errors import SourceError
from finetooth.files import damage, discard, new_directory, sweep
from finetooth.progress import Progress
from finetooth.sources.user_folders import cache_folder

FILES = "files"
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


def entry(
    kind: str, key: str, fill: Callable[[Path], None], *, shown: str, needed: int | None, progress: Progress
) -> Path:
    """The whole folder of a cached source, filled by `fill` if it is not there intact.

    fill: writes into the new folder it is given (an empty `files` folder stands in it). shown: the source's name in
    messages. needed: bytes it will take, if known. Raises: SourceError naming the folder if it cannot be written.
    """
    folder = _entry_folder(kind, key)
    sealed = folder / "whole"
    with disk_errors(folder, needed=needed):
        # Before the lock: a cache on a read-only disk serves what it holds; an entry appears whole, by one rename.
        if sealed.is_dir() and damage(sealed) is None:
            return sealed
        folder.mkdir(parents=True, exist_ok=True)
        with _entry_lock(folder, shown=shown, progress=progress):
            if sealed.exists():
                fault = damage(sealed)
                if fault is None:
                    return sealed
                progress.say(f"{shown}: the cached copy is damaged ({fault}); it is discarded and brought anew.")
                discard(sealed)
            sweep(folder)
            check_free_space(folder, needed=needed)
            with new_directory(sealed) as temporary:
                (temporary / FILES).mkdir()
                fill(temporary)
    return sealed


def check_free_space(folder: Path, *, needed: int | None) -> None:
    """Nothing, if the disk of `folder` has room for `needed` bytes (unknown: always).

    Raises: SourceError naming folder, bytes needed and bytes free.
    """
    if needed is not None and shutil.disk_usage(folder).free < needed:
        raise SourceError(_full_message(folder, needed))


@contextmanager
def disk_errors(folder: Path, *, needed: int | None) -> Iterator[None]:
    """A block that writes under `folder`; a full or forbidden disk becomes a SourceError that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise SourceError(_full_message(folder, needed)) from error
        if error.errno in _FORBIDDEN:
            raise SourceError(
                f"{folder}: cannot be written ({error.strerror}). Set FINETOOTH_CACHE to a folder that can be."
            ) from error
        raise SourceError(f"{folder}: reading or writing failed ({error}). Check the disk and try again.") from error


@contextmanager
def _entry_lock(folder: Path, *, shown: str, progress: Progress) -> Iterator[None]:
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.say(f"{shown}: another process is fetching it; waiting.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _entry_folder(kind: str, key: str) -> Path:
    return cache_folder() / "sources" / kind / key


def _full_message(folder: Path, needed: int | None) -> str:
    existing = next(item for item in [folder, *folder.parents] if item.exists())
    needs = "more bytes are needed" if needed is None else f"{needed:,} bytes are needed"
    return (
        f"{folder}: the disk is full: {needs}, {shutil.disk_usage(existing).free:,} are free. "
        f"Free some space, or set FINETOOTH_CACHE to a folder on a larger disk."
    )
