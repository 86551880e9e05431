"""One command at a time in a run folder, and one child process of it.

The locks are the kernel's (flock, LockFileEx): they end with their process, so none is ever stale, even after kill -9.
A file beside each lock names its holder, for the error message.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from finetooth.errors import LockedError, RunError
from finetooth.files import write_json
from finetooth.runs.layout import RunFolder

CHILD_SECONDS = 30.0  # how long to wait for the child of a killed command to end
_POLL_SECONDS = 0.05
_NOTE_SECONDS = 10.0


@contextmanager
def command_lock(folder: RunFolder) -> Iterator[None]:
    """Lock the folder for a command; inside, no child of an earlier, killed command is still running.

    Raises: LockedError naming the process that holds it; RunError if the folder cannot be locked.
    """
    with _locked(folder.lock, wait_seconds=0.0, whose=folder):
        with _locked(folder.worker_lock, wait_seconds=CHILD_SECONDS, whose=folder):
            pass
        yield


@contextmanager
def worker_lock(folder: RunFolder) -> Iterator[None]:
    """Lock the folder for a child process of the command, one at a time.

    Raises: LockedError naming the process that holds it; RunError if the folder cannot be locked.
    """
    with _locked(folder.worker_lock, wait_seconds=CHILD_SECONDS, whose=folder):
        yield


@contextmanager
def _locked(path: Path, *, wait_seconds: float, whose: RunFolder) -> Iterator[None]:
    lock = FileLock(path, timeout=wait_seconds, poll_interval=_POLL_SECONDS, thread_local=False)
    note = path.with_name(f"{path.name}.holder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise LockedError(
            f"{whose.path} is in use by {_holder(note)}. Wait until it ends, or name another folder with --out."
        ) from None
    except (OSError, NotImplementedError) as error:
        raise RunError(f"{whose.path} cannot be locked ({error}). Name another folder with --out.") from error
    try:
        write_json(note, {"pid": os.getpid(), "host": socket.gethostname(), "started": int(time.time())})
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _holder(note: Path) -> str:
    # The holder writes its note just after it got the lock; on a busy disk that can take seconds.
    deadline = time.monotonic() + _NOTE_SECONDS
    while time.monotonic() < deadline:
        try:
            holder = json.loads(note.read_bytes())
            return f"process {holder['pid']} on {holder['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            time.sleep(_POLL_SECONDS)
    return "another process"
