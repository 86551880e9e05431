"""Seconds of each step of a run, summed over resumes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from finetooth.files import read_hashed_json, write_hashed_json
from finetooth.runs.layout import RunFolder


@contextmanager
def timed(folder: RunFolder, title: str) -> Iterator[None]:
    """Add the block's seconds to those of its step."""
    file, started = folder.seconds, time.perf_counter()
    try:
        yield
    finally:
        known = read_hashed_json(file) if file.is_file() else {}
        spent = time.perf_counter() - started
        write_hashed_json(file, {**known, title: round(known.get(title, 0.0) + spent, 3)})
