"""Values that a stranger may write in place of an honest one, and folders that hold them."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from finetooth.errors import FinetoothError
from finetooth.files import MANIFEST, seal

DEEP: Any = "end"
for _ in range(200):
    DEEP = [DEEP]

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 10**6, 10**8, 10**12, 2**31, 2**63, 2**64, 10**400, -(10**12), 1.5, -0.5, 1e-300,
    1e308, float("nan"), float("inf"), float("-inf"), "", "x", "0", "768", "owner/repo", "../../etc/passwd", "x\0y",
    "\ud800", "(([a-z0-9]+[._]?)+)+!", "x" * 100_000, [], [[]], [None], [1, "x"], ["x"], ["x"] * 1000, [0.1], {},
    {"": {}}, {"x": 1}, {"0": None}, {"content": "x"}, DEEP, {"x": {"x": DEEP}},
)  # fmt: skip
SECONDS = 5.0


def mutants(honest: dict[str, Any], key: str) -> list[str]:
    """JSON texts of the honest settings with another value under `key`, without the key, and with it twice."""
    texts = [json.dumps({**honest, key: value}) for value in VALUES]
    texts.append(json.dumps({name: value for name, value in honest.items() if name != key}))
    texts.append(json.dumps(honest)[:-1] + f', "twice": 1, {json.dumps(key)}: 1, {json.dumps(key)}: 2}}')
    return texts


def broken(honest: dict[str, Any]) -> list[bytes]:
    """Files that are no mapping, no JSON or no text."""
    text = json.dumps(honest)
    return [
        b"", b"null", b"[]", b'"x"', b"1", b"NaN", b"{", text.encode()[:-1], text.encode("utf-16"), b"\xff\xfe\xfd",
        b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"9" * 5000 + b"}", (text[:-1] + ', "r": 1, "r": 1}').encode(),
    ]  # fmt: skip


def copied(folder: Path, target: Path) -> Path:
    """A copy of a folder."""
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(folder, target))


def sealed(folder: Path) -> Path:
    """The folder, with a manifest of what it holds now."""
    (folder / MANIFEST).unlink(missing_ok=True)
    seal(folder)
    return folder


def refusal(work: Callable[[], Any]) -> str | None:
    """The message that the work was refused with, None if it ended well; nothing else may be raised, nor time pass."""
    started = time.process_time()
    try:
        work()
    except FinetoothError as error:
        return str(error)
    finally:
        seconds = time.process_time() - started
        assert seconds < SECONDS, f"took {seconds:.1f} s of a processor"
    return None
