"""The name of a run, from the name of its data."""

import re
import unicodedata
from pathlib import Path, PurePosixPath

from finetooth.data.discover import bare_suffix
from finetooth.recipe import COMPRESSED_SUFFIXES

_LONGEST = 64  # as files.check_name allows
# Names that say which part of the data a file is, or only that it is data: the folder's name says more.
_WITHOUT_MEANING = re.compile(r"(train|training|test|dev|val|valid|validation|data|dataset|all|full|part)?[-_.0-9of]*")


def run_name(source: str) -> str:
    """A name that files.check_name accepts: of the file, or of its folder where the file is called train or data."""
    return next((name for name in map(_safe, _names(source)) if name and not _WITHOUT_MEANING.fullmatch(name)), "data")


def _names(source: str) -> list[str]:
    """Names that the source may give to its run, the best first."""
    if source.startswith("wheel:"):
        wheel, _, member = source.removeprefix("wheel:").partition("#")[0].partition("/")
        return [_stem(PurePosixPath(member).name), wheel.partition("==")[0]]
    place = Path(source)
    if not place.exists():  # a Hub id, owner/name@revision
        return [source.partition("@")[0].rpartition("/")[2]]
    place = place.resolve()
    return [place.name if place.is_dir() else _stem(place.name), *(folder.name for folder in place.parents)]


def _stem(name: str) -> str:
    for suffix in COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name[: len(name) - len(bare_suffix(Path(name)))]


def _safe(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", errors="ignore").decode().casefold()
    return re.sub(r"[^a-z0-9._]+", "-", plain).strip("._-")[:_LONGEST].rstrip("._-")
