"""How often a test set was scored: counted for each user, over all runs, models and file names.

Each use makes its figures less reliable, because people choose settings by what they saw.
"""

import json
import time
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from finetooth.errors import RunError
from finetooth.files import check_name, make_directory, write_file
from finetooth.sources import user_folders

_WAIT_SECONDS = 60.0


def open_test(test_id: str, run_id: str, *, run_name: str) -> int:
    """The number of distinct openings of this test set, this one included, which is recorded durably first.

    Call this before a test label is used. test_id: the hash of the test split's content. run_id: of the run; the same
    one again, after a crash, is the same opening.
    Raises: RunError if the opening cannot be recorded.
    """
    box = _box(test_id)
    try:
        make_directory(box.parent)
        with FileLock(box.with_suffix(".lock"), timeout=_WAIT_SECONDS, thread_local=False):
            lines = _whole_lines(box)
            if run_id not in _openings(lines):
                opened = {"run_id": run_id, "run": run_name, "opened": _now()}
                lines.append(json.dumps(opened, ensure_ascii=False).encode())
                write_file(box, b"".join(line + b"\n" for line in lines))
            return len(_openings(lines))
    except Timeout:
        raise RunError(
            f"{box}: another process has locked it for {_WAIT_SECONDS:.0f} seconds, so no test row is scored. Wait "
            "until that process ends, then run the same command again."
        ) from None
    except OSError as error:
        raise RunError(
            f"{box}: cannot be written ({error}), so no test row is scored. Make it writable, or name another folder "
            "with FINETOOTH_STATE."
        ) from error


def openings(test_id: str) -> int:
    """The number of openings of this test set in the user's record."""
    return len(_openings(_whole_lines(_box(test_id))))


def _box(test_id: str) -> Path:
    return user_folders.state_folder() / "lockbox" / f"{check_name(test_id)}.jsonl"


def _whole_lines(box: Path) -> list[bytes]:
    """The complete lines; what a crash left after the last line break does not count."""
    return box.read_bytes().split(b"\n")[:-1] if box.is_file() else []


def _openings(lines: list[bytes]) -> set[str]:
    """The run ids; a line that cannot be read counts as an opening by an unknown run."""
    return {_run_id(line) or f"unreadable line {number}" for number, line in enumerate(lines)}


def _run_id(line: bytes) -> str | None:
    try:
        opened: Any = json.loads(line)
        return str(opened["run_id"])
    except (ValueError, KeyError, TypeError):
        return None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
