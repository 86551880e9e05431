"""What every way of bringing a source ends in."""

import re
from dataclasses import dataclass
from pathlib import Path

from finetooth.files import canonical_hash

_HUB = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(@[0-9a-f]{40})?")


@dataclass(frozen=True, slots=True)
class Source:
    """A model, adapter or data set that lies on this machine.

    id: how it is named in public files (Hub id@commit, wheel:…, or the base name of a local path, never the path).
    sha256: of a file's bytes, or for a folder of the names and sha256 of its files (content_hash).
    revision: the commit of a Hub id, else None.
    """

    id: str
    path: Path
    sha256: str
    revision: str | None = None


def hub_name(source_id: str) -> str | None:
    """What the Hub calls a source, without its commit; None for a wheel or a path of the user's."""
    match = _HUB.fullmatch(source_id)
    return None if match is None else match["name"]


def content_hash(hashes: dict[str, str]) -> str:
    """SHA-256 over a folder's {relative name: sha256}, the same however the folder was brought."""
    return canonical_hash(hashes)
