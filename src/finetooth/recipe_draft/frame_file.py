"""Data frames kept as files, so that a run of them can be resumed and verified like any other."""

import tempfile
from pathlib import Path
from typing import Any

from finetooth.data import frames
from finetooth.files import UNFINISHED, make_directory, sha256_file
from finetooth.sources import cache_folder

_DIGITS = 12  # of the hash, in the name


def save_frame(frame: Any) -> Path:
    """The Parquet file of a data frame (or a list of rows) in the cache folder, named by the hash of its content.

    The same frame gives the same file. Raises: TypeError and DataError, as frames.table_of.
    """
    folder = cache_folder() / "frames"
    make_directory(folder)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=folder) as scratch:
        written = frames.save_table(frame, Path(scratch) / "frame.parquet")
        file = folder / f"frame-{sha256_file(written)[:_DIGITS]}.parquet"
        if not file.is_file() or sha256_file(file) != sha256_file(written):
            written.replace(file)
    return file
