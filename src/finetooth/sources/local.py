"""Sources on this machine: models and adapters are copied out of their folders, data is used in place."""

import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetooth.errors import SourceError, did_you_mean
from finetooth.files import canonical_hash
from finetooth.progress import Progress
from finetooth.recipe import resolved_data_path
from finetooth.sources import cache, staging
from finetooth.sources.source import Source, hashed_source


def fetch_folder(text: str, kind: staging.Kind | None, *, progress: Progress) -> Source:
    """A staged copy of the allow-listed files of a model or adapter folder, cached under the hash of their content.

    kind: None for an adapter, or for the full model or head that Finetooth saves instead of one.
    Raises: SourceError naming the file that is missing or refused.
    """
    folder, kind, names = _checked(text, kind)
    size = sum((folder / name).stat().st_size for name in names)
    with progress.step(f"check {kind.name} {folder.name}" if folder.name != kind.name else f"check {kind.name}"):
        hashes = staging.hashes(folder, names)
        digest = canonical_hash(hashes)

        def fill(new: Path) -> None:
            staging.copy_out(folder, new / cache.FILES, hashes)
            staging.check(new / cache.FILES, kind, shown=text)

        sealed = cache.entry(f"{kind.name}s", digest, fill, shown=text, needed=size, progress=progress)
    return Source(id=folder.name, path=sealed / cache.FILES, sha256=digest)


@contextmanager
def temporary_adapter(text: str) -> Iterator[Path]:
    """A copy of the allow-listed files of an adapter folder, deleted when the block ends; the cache is not used.

    Raises: SourceError naming the file that is missing or refused.
    """
    folder, kind, names = _checked(text, None)
    with tempfile.TemporaryDirectory(prefix="finetooth-") as copy:
        staging.copy_out(folder, Path(copy), staging.hashes(folder, names))
        staging.check(Path(copy), kind, shown=text)
        yield Path(copy)


def _checked(text: str, kind: staging.Kind | None) -> tuple[Path, staging.Kind, list[str]]:
    """The folder, its kind and the names of its allowed files, all of them checked but not hashed."""
    folder = _existing(text).resolve()
    try:
        kind = kind or staging.artifact_kind(folder)
        if not folder.is_dir():
            raise SourceError(f"{text}: is a file. Name the {kind.name} folder that holds it.")
        names = staging.listing(folder, kind)
        staging.check_names([item.name for item in folder.iterdir()], kind, shown=text)
    except PermissionError as error:
        raise _unreadable(text, error) from error
    staging.check(folder, kind, shown=text)
    return folder, kind, names


def fetch_data(text: str, *, progress: Progress) -> Source:
    """A data file or folder, used in place.

    Raises: SourceError if it does not exist (with the most similar name in its folder), is a pipe, a device or empty.
    """
    path = resolved_data_path(_existing(text))
    try:
        with progress.step(f"hash {path.name}"):
            if not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
                raise SourceError(f"{text}: is a pipe or device, not a regular file. Save its content to a file first.")
            source = hashed_source(path.name, path)
            if path.is_dir() and source.sha256 == canonical_hash({}):
                raise SourceError(f"{text}: the folder holds no files. Name a folder that holds the data.")
            return source
    except OSError as error:
        raise _unreadable(error.filename or text, error) from error


def _existing(text: str) -> Path:
    try:
        path = Path(text).expanduser().absolute()
        if path.exists():
            return path
        beside = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError as error:
        raise _unreadable(text, error) from error
    except (ValueError, RuntimeError) as error:  # a NUL character, or the home of an unknown user
        raise SourceError(f"{text!r}: not usable as a path ({error}). Write another one.") from error
    if not path.parent.is_dir():
        raise SourceError(f"{text}: no such file or folder. There is no folder {path.parent} either.")
    raise SourceError(f"{text}: no such file or folder.{did_you_mean(path.name, beside)}")


def _unreadable(path: str, error: OSError) -> SourceError:
    return SourceError(f"{path}: cannot be read ({error.strerror}). Check that it exists and that you may read it.")
