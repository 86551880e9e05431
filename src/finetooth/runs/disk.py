"""Errors of a full or read-only disk, with what the user can do about them."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError

from finetooth.errors import RunError
from finetooth.runs.layout import RunFolder

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


@contextmanager
def disk_faults(folder: RunFolder) -> Iterator[None]:
    """A block that writes into the run folder; errors of a full or read-only disk become RunErrors."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        number = error.errno if isinstance(error, OSError) else None
        # An error of safetensors has the kernel's message, but not its number.
        if number in _FULL or (number is None and "No space left" in str(error)):
            raise RunError(
                f"{folder.path}: the disk is full. Finished files are kept: free some space and run the same command "
                "again, or begin in a folder on another disk with --out."
            ) from error
        if number in _FORBIDDEN:
            path = getattr(error, "filename", None) or folder.path
            raise RunError(f"{path}: cannot be written ({error}). Name another folder with --out.") from error
        raise
