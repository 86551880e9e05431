"""The cache of fetched sources. One process fills an entry; every use checks its files by hash first.

CACHE/sources/KIND/KEY/whole/files/   the fetched files, and nothing else
CACHE/sources/KIND/KEY/whole/         source.json (id and hash) and MANIFEST.json (sha256 of every file)
CACHE/sources/KIND/KEY/lock           locked while the entry is filled
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

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
    """The sealed folder of a cached source. If it is missing or damaged, `fill` makes it.

    fill: writes into a new folder that holds an empty folder `files`. shown: the source's name in messages.
    needed: bytes that the entry will take, if known.
    Raises: SourceError naming the folder if it cannot be written.
    """
    folder = cache_folder() / "sources" / kind / key
    sealed = folder / "whole"
    with disk_errors(folder, needed=needed):
        # Before the lock, so that a cache on a read-only disk can be used. One rename makes an entry appear complete.
        if sealed.is_dir() and damage(sealed) is None:
            return sealed
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder, shown=shown, progress=progress):
            if sealed.exists():
                fault = damage(sealed)
                if fault is None:
                    return sealed
                progress.say(f"{shown}: the cached copy is damaged ({fault}); it is discarded and fetched again.")
                discard(sealed)
            sweep(folder)
            check_free_space(folder, needed=needed)
            with new_directory(sealed) as temporary:
                (temporary / FILES).mkdir()
                fill(temporary)
    return sealed


def check_free_space(folder: Path, *, needed: int | None) -> None:
    """Check that the disk of `folder` has room for `needed` bytes, if the number is known.

    Raises: SourceError naming the folder, the bytes needed and the bytes free.
    """
    if needed is not None and shutil.disk_usage(folder).free < needed:
        raise SourceError(_full_message(folder, needed))


@contextmanager
def disk_errors(folder: Path, *, needed: int | None) -> Iterator[None]:
    """Run a block that writes under `folder`, and turn its OSError into a SourceError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise SourceError(_full_message(folder, needed)) from error
        if error.errno in _FORBIDDEN:
            raise SourceError(
                f"{folder}: cannot be written ({error.strerror}). Set FINETOOTH_CACHE to a writable folder."
            ) from error
        raise SourceError(f"{folder}: reading or writing failed ({error}). Check the disk and try again.") from error


def _locked(folder: Path, *, shown: str, progress: Progress) -> AbstractContextManager[Any]:
    """The lock of an entry, to hold in a `with` block."""
    lock = FileLock(folder / "lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        progress.say(f"{shown}: waiting for another process that is fetching it.")
        return lock.acquire()


def _full_message(folder: Path, needed: int | None) -> str:
    existing = next(item for item in [folder, *folder.parents] if item.exists())
    need = "more bytes are needed" if needed is None else f"{needed:,} bytes are needed"
    return (
        f"{folder}: the disk is full: {need}, {shutil.disk_usage(existing).free:,} are free. "
        f"Free some space, or set FINETOOTH_CACHE to a folder on a larger disk."
    )
