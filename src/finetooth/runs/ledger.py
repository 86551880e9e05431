"""Which test rows were scored before: a ledger of each user, over all runs, models and file names.

Each use of a test row makes its figures less reliable, because people choose settings by what they saw.

`run` opens its test split, and `evaluate` and `judge` open the rows that they score. `compare` and `verify` read
predictions whose rows a run has opened, so they add nothing.

An opening is one file, NUMBER.opening. Its first line is the SHA-256 of the rest. Its second line is JSON: run_id, run,
opened, adapters (hashes of adapters, or of files of predictions). Then come the rows, 24 bytes each, sorted: the key of
the text (data.overlap.keys) and the key of text and label (row_keys).
"""

import hashlib
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from finetooth.errors import RunError
from finetooth.files import MANIFEST, check_name, make_directory, read_file, sha256_bytes, sha256_file, write_file
from finetooth.runs.layout import RunFolder
from finetooth.sources import user_folders

_WAIT_SECONDS = 60.0
_TEXT_BYTES, _LABEL_BYTES = 16, 8
_ROW_BYTES = _TEXT_BYTES + _LABEL_BYTES
_FILE = re.compile(r"([0-9]{6,})\.opening")
_SCHEMA = 1
LEAST_SHARE = 0.01  # of the test rows, that an earlier opening must have scored to count as a look


@dataclass(frozen=True, slots=True)
class RowKeys:
    """The rows of a test set. test_id: the hash of their content. entries: their keys, as in an opening's file."""

    test_id: str
    entries: bytes

    @classmethod
    def of(cls, test_id: str, text_keys: Iterable[bytes], row_keys: Iterable[bytes]) -> "RowKeys":
        """From the key of each text and that of each text with its label, in one order."""
        return cls(test_id, b"".join(sorted(map(b"".join, zip(text_keys, row_keys, strict=True)))))


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger holds about the rows of one opening.

    looks: the number of this opening: 1 + the earlier openings that scored at least LEAST_SHARE of these rows. The rule
    is by text alone, so a corrected label changes nothing. It leaves out openings of unrelated data that share a few
    short texts, such as "ok". rows_seen: how many of these rows have a text that an earlier opening scored. runs_seen:
    the earlier openings that scored at least one of them. runs_later: the same of the openings after this one.
    An opening whose file cannot be read counts in all of them but rows_seen.
    """

    looks: int = 1
    rows_seen: int = 0
    runs_seen: int = 0
    runs_later: int = 0

    def as_json(self) -> dict[str, int]:
        """The history by the keys of `--json`."""
        return {
            "test_openings": self.looks,
            "test_rows_seen": self.rows_seen,
            "test_runs_seen": self.runs_seen,
            "test_runs_later": self.runs_later,
        }


@dataclass(frozen=True, slots=True)
class _Opening:
    """One file of the ledger. All but the number is empty if the file cannot be read."""

    number: int
    run_id: str | None = None
    adapters: Collection[str] = ()
    entries: bytes = b""

    @property
    def texts(self) -> set[bytes]:
        return set(_text_keys(self.entries))


def row_keys(text_keys: Sequence[bytes], label_names: Sequence[str]) -> list[bytes]:
    """An 8-byte key of the text and the label of every row. text_keys: from data.overlap.keys."""
    return [
        hashlib.blake2b(key + name.encode(), digest_size=_LABEL_BYTES).digest()
        for key, name in zip(text_keys, label_names, strict=True)
    ]


def adapter_hash(adapter: Path) -> str:
    """The hash of a sealed adapter folder: of its manifest, which has the hash of every other file."""
    return sha256_file(adapter / MANIFEST)


def open_run(rows: RowKeys, folder: RunFolder, *, run_id: str, run_name: str) -> History:
    """Record durably that a run scores its test rows, with the adapters that it has trained.

    Call this before a test label is used. The same run_id again, after a crash, is the same opening.
    Raises: RunError if the opening cannot be recorded.
    """
    saved = [row.adapter for row in folder.row_folders() if (row.adapter / MANIFEST).is_file()]
    return _open(rows, run_id, run_name=run_name, adapters=[adapter_hash(adapter) for adapter in saved])


def open_adapter(rows: RowKeys, adapter: Path, *, run_name: str) -> History:
    """Record durably that an adapter scores these rows, unless an earlier opening of the same rows had this adapter.

    That one shows nothing new, so it is free: the history is that of the earlier opening. Rows are the same if their
    texts and labels are; the adapter is the same if every file in its folder is.
    Raises: RunError if the opening cannot be recorded.
    """
    return _open(rows, f"evaluate-{uuid.uuid4().hex}", run_name=run_name, adapters=[adapter_hash(adapter)], free=True)


def open_predictions(rows: RowKeys, files: Sequence[Path]) -> History:
    """Record durably that files of predictions are scored on these rows, unless one opening had all of these files.

    That one shows nothing new, so it is free, as in open_adapter. A file is the same if its bytes are.
    Raises: RunError if the opening cannot be recorded.
    """
    run_name = f"judge {', '.join(file.name for file in files)}"
    hashes = [sha256_file(file) for file in files]
    return _open(rows, f"judge-{uuid.uuid4().hex}", run_name=run_name, adapters=hashes, free=True)


def runs_later(run_id: str) -> int:
    """How many openings after that of a run scored at least one of its test rows; 0 if this user has not opened it."""
    own = next((one for one in _openings() if one.run_id == run_id), None)
    return 0 if own is None else sum(_is_later(one, own.number, own.texts) for one in _openings())


def next_look(text_keys: Sequence[bytes], *, test_id: str) -> int:
    """The number of the look (History.looks) that an opening of these rows would be now. Nothing is recorded.

    text_keys: from data.overlap.keys. No label is read.
    """
    rows = RowKeys.of(test_id, text_keys, [bytes(_LABEL_BYTES)] * len(text_keys))
    number = 1 + max(_files(), default=0)
    return _history(_Opening(number, entries=rows.entries), _old_openings(test_id)).looks


def _open(rows: RowKeys, run_id: str, *, run_name: str, adapters: Sequence[str], free: bool = False) -> History:
    folder = _folder()
    try:
        make_directory(folder)
        with FileLock(folder / ".lock", timeout=_WAIT_SECONDS, thread_local=False):
            own = next(
                (one for one in _openings() if one.run_id == run_id or (free and _same(one, rows, adapters))), None
            )
            if own is None:
                number = 1 + max(_files(), default=0)
                own = _Opening(number, run_id, adapters, rows.entries)
                write_file(folder / f"{number:06}.opening", _content(own, run_name=run_name))
            return _history(own, _old_openings(rows.test_id) - {run_id})
    except Timeout:
        raise RunError(
            f"{folder}: another process has locked it for {_WAIT_SECONDS:.0f} seconds, so no test row is scored. Wait "
            "until that process ends, then run the same command again."
        ) from None
    except OSError as error:
        raise RunError(
            f"{folder}: cannot be written ({error}), so no test row is scored. Make it writable, or name another "
            "folder with FINETOOTH_STATE."
        ) from error


def _same(opening: _Opening, rows: RowKeys, adapters: Sequence[str]) -> bool:
    return opening.entries == rows.entries and set(adapters) <= set(opening.adapters)


def _history(own: _Opening, counted: Collection[str]) -> History:
    """counted: the earlier openings of exactly these rows in the counter of an earlier version."""
    rows_of_text = Counter(_text_keys(own.entries))
    texts, total = rows_of_text.keys(), rows_of_text.total()
    seen = set(texts) if counted else set[bytes]()
    looks, runs, later = 1 + len(counted), len(counted), 0
    for opening in _openings():  # read one by one: a ledger of large test sets may not fit into memory
        if opening.number > own.number:
            later += _is_later(opening, own.number, texts)
        elif opening.run_id is None:
            looks, runs = looks + 1, runs + 1
        elif opening.number < own.number:
            shared = texts & opening.texts
            seen |= shared
            runs += bool(shared)
            looks += bool(shared) and sum(rows_of_text[text] for text in shared) >= LEAST_SHARE * total
    return History(looks, sum(rows_of_text[text] for text in seen), runs, later)


def _is_later(opening: _Opening, number: int, texts: Set[bytes]) -> bool:
    """Whether an opening is after that of this number, and scored one of these texts or cannot be read."""
    return opening.number > number and (opening.run_id is None or bool(texts & opening.texts))


def _text_keys(entries: bytes) -> Iterator[bytes]:
    return (entries[start : start + _TEXT_BYTES] for start in range(0, len(entries), _ROW_BYTES))


def _folder() -> Path:
    return user_folders.state_folder() / "ledger"


def _content(opening: _Opening, *, run_name: str) -> bytes:
    header = {
        "schema": _SCHEMA,
        "run_id": opening.run_id,
        "run": run_name,
        "opened": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "adapters": sorted(opening.adapters),
    }
    body = json.dumps(header).encode() + b"\n" + opening.entries
    return sha256_bytes(body).encode() + b"\n" + body


def _openings() -> Iterator[_Opening]:
    """The openings in the ledger, by their numbers. One whose file cannot be read is an opening by an unknown run."""
    for number, path in sorted(_files().items()):
        yield _read(path, number)


def _files() -> dict[int, Path]:
    paths = _folder().iterdir() if _folder().is_dir() else ()
    return {int(match[1]): path for path in paths if (match := _FILE.fullmatch(path.name))}


def _read(path: Path, number: int) -> _Opening:
    try:
        digest, _, body = read_file(path).partition(b"\n")
        header, _, entries = body.partition(b"\n")
        value = json.loads(header)
        if digest == sha256_bytes(body).encode() and value["schema"] == _SCHEMA:
            return _Opening(number, str(value["run_id"]), [str(one) for one in value["adapters"]], entries)
    except (OSError, RunError, ValueError, KeyError, TypeError):
        pass
    return _Opening(number)


def _old_openings(test_id: str) -> set[str]:
    """The run ids in lockbox/TEST_ID.jsonl, in which an earlier version counted the openings of a test set.

    What a crash left after the last line break does not count; a line that cannot be read is an opening by an unknown
    run.
    """
    counter = user_folders.state_folder() / "lockbox" / f"{check_name(test_id)}.jsonl"
    lines = read_file(counter).split(b"\n")[:-1] if counter.is_file() else []
    return {_run_id(line) or f"unreadable line {number}" for number, line in enumerate(lines)}


def _run_id(line: bytes) -> str | None:
    try:
        return str(json.loads(line)["run_id"])
    except (ValueError, KeyError, TypeError):
        return None
