"""A fetched source."""

import re
from dataclasses import dataclass
from pathlib import Path

from finetooth.files import canonical_hash

_HUB = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(@[0-9a-f]{40})?")


@dataclass(frozen=True, slots=True)
class Source:
    """A model, adapter or data set on this machine.

    id: its name in public files: Hub id@commit, wheel:…, or the last part of a local path, never the path.
    sha256: of a file's bytes, or for a folder of the names and sha256 of its files (content_hash).
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


def content_hash(hashes: dict[str, str]) -> str:
    """SHA-256 over a folder's {relative name: sha256}; it does not depend on where the folder came from."""
    return canonical_hash(hashes)
