"""A fetched source."""

import re
from dataclasses import dataclass
from pathlib import Path

from finetooth.files import canonical_hash, sha256_file

_HUB = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(@[0-9a-f]{40})?")


@dataclass(frozen=True, slots=True)
class Source:
    """A model, adapter or data set on this machine.

    id: its name in public files: Hub id@commit, wheel:…, or the last part of a local path, never the path.
    sha256: of a file's bytes, or of the names and hashes of a folder's files; the folder's place does not matter.
    revision: the commit of a Hub id, else None.
    """

    id: str
    path: Path
    sha256: str
    revision: str | None = None


def hub_name(source_id: str) -> str | None:
    """The Hub's name of a source, without the commit; None for a wheel or a local path."""
    match = _HUB.fullmatch(source_id)
    return None if match is None else match["name"]


def hashed_source(source_id: str, path: Path, *, revision: str | None = None) -> Source:
    """The source at `path`, a file or a folder, with the hash of its content."""
    if not path.is_dir():
        return Source(source_id, path, sha256_file(path), revision)
    hashes = {file.relative_to(path).as_posix(): sha256_file(file) for file in path.rglob("*") if file.is_file()}
    return Source(source_id, path, canonical_hash(hashes), revision)
