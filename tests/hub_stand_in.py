"""A stand-in for the Hub on this machine: repositories in memory behind a server of its own."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Repositories {kind/name: {file: bytes}}, and the requests made."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.spoiled: set[str] = set()
        self.asked: list[str] = []
        self.answer: tuple[int, str] | None = None
        self.slow = ""  # requests whose path holds this word are answered a byte at a time
        self.closing = threading.Event()

    def reply(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        path = path.partition("?")[0]
        if self.answer:
            return self.answer[0], {}, self.answer[1].encode()
        for key, files in self.repositories.items():
            kind, _, name = key.partition("/")
            if path == f"/api/{kind}/{name}/revision/nowhere":
                return 404, {"X-Error-Code": "RevisionNotFound"}, b""
            if path.startswith(f"/api/{kind}/{name}"):
                return 200, {}, json.dumps(self._info(name, files)).encode()
            start = ("" if kind == "models" else f"/{kind}") + f"/{name}/resolve/{COMMIT}/"
            if path.startswith(start):
                if key in self.gated:
                    return 403, {"X-Error-Code": "GatedRepo"}, b""
                data = files[path.removeprefix(start)]
                data = data[:-1] + b"!" if path.removeprefix(start) in self.spoiled else data
                return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(data).hexdigest()}"'}, data
        return 404, {"X-Error-Code": "RepoNotFound"}, b""

    def _info(self, name: str, files: dict[str, bytes]) -> dict[str, Any]:
        siblings = []
        for file, data in files.items():
            git = hashlib.sha1(b"blob %d\0%b" % (len(data), data)).hexdigest()
            entry: dict[str, Any] = {"rfilename": file, "size": len(data), "blobId": git}
            if file.endswith((".safetensors", ".parquet")):
                entry["lfs"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "pointerSize": 130}
            siblings.append(entry)
        return {"id": name, "sha": COMMIT, "siblings": siblings, "tags": [], "downloads": 0, "private": False}


@contextmanager
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub that HF_ENDPOINT names while the block runs."""
    stand_in = Hub()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, *, body: bool) -> None:
            status, headers, data = stand_in.reply(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body and stand_in.slow and stand_in.slow in self.path:
                self._drip(data)
            elif body:
                self.wfile.write(data)

        def _drip(self, data: bytes) -> None:
            for place in range(len(data)):
                if stand_in.closing.wait(0.1):
                    return
                self.wfile.write(data[place : place + 1])
                self.wfile.flush()

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    try:
        yield stand_in
    finally:
        stand_in.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
