"""Folders and files on this machine."""

import errno
import json
import os
import shutil
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetooth import recipe
from finetooth.errors import SourceError
from finetooth.files import sha256_file
from finetooth.sources import cache as cache_module
from finetooth.sources import fetch, fetch_adapter, fetch_data, fetch_model, staging, temporary_adapter

ALLOWED = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"]


def refusal(call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(SourceError) as caught:
        call(*arguments)
    return str(caught.value)


def test_only_allow_listed_files_are_staged(model: Path, cache: Path) -> None:
    source = fetch_model(str(model))
    assert sorted(item.name for item in source.path.iterdir()) == ALLOWED
    assert source.path.is_relative_to(cache)
    assert all(item.is_file() and not item.is_symlink() for item in source.path.iterdir())
    assert (source.id, source.revision) == ("tiny", None)
    assert (source.path / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()


def test_a_borrowed_adapter_is_a_checked_copy_that_leaves_nothing_behind(tmp_path: Path, cache: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"\2" + b"\0" * 7 + b"{}")
    (adapter / "spare.bin").write_bytes(b"pickle")
    with temporary_adapter(str(adapter)) as copy:
        assert sorted(item.name for item in copy.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert not copy.exists() and not cache.exists()
    (adapter / "adapter_config.json").write_text('{"auto_map": {}}')

    def borrow(text: str) -> None:
        with temporary_adapter(text):
            pass

    assert refusal(borrow, str(adapter)).startswith(f"{adapter}/adapter_config.json: key 'auto_map' is refused")
    assert refusal(borrow, str(adapter / "spare.bin")) == (
        f"{adapter / 'spare.bin'}: is a file. Name the adapter folder that holds it."
    )


def test_equal_content_is_one_entry_whatever_its_place(model: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(model, tmp_path / "elsewhere")
    first, second = fetch_model(str(model)), fetch_model(str(copy))
    assert (first.path, first.sha256) == (second.path, second.sha256)
    assert second.id == "elsewhere"
    (copy / "vocab.txt").write_text("other\n")
    assert fetch_model(str(copy)).sha256 != first.sha256


def test_a_damaged_cache_entry_is_named_and_brought_anew(model: Path, spoken: Any) -> None:
    staged = fetch_model(str(model)).path / "vocab.txt"
    staged.write_text("changed\n")
    again = fetch_model(str(model), progress=spoken)
    assert (again.path / "vocab.txt").read_bytes() == (model / "vocab.txt").read_bytes()
    assert spoken.said == [
        f"{model}: the cached copy is damaged (files/vocab.txt differs from its manifest); "
        f"it is discarded and fetched again."
    ]


def test_links_and_pipes_are_refused_by_name(model: Path, tmp_path: Path) -> None:
    (model / "vocab.txt").unlink()
    (tmp_path / "secret").write_text("secret")
    (model / "vocab.txt").symlink_to(tmp_path / "secret")
    assert refusal(fetch_model, str(model)) == (
        f"{model}/vocab.txt: is a symbolic link, and links in an untrusted folder are not followed. "
        f"Copy the folder with its links resolved (cp -rL {model} COPY) and name the copy."
    )
    special = "is a pipe, device or folder, not a regular file. Replace it by the file itself."
    (model / "vocab.txt").unlink()
    os.mkfifo(model / "vocab.txt")
    assert refusal(fetch_model, str(model)) == f"{model}/vocab.txt: {special}"
    (model / "vocab.txt").unlink()
    (model / "vocab.txt").mkdir()
    assert refusal(fetch_model, str(model)) == f"{model}/vocab.txt: {special}"
    (model / "vocab.txt").rmdir()
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(model)  # socket names are short
        server.bind("vocab.txt")
        os.chdir(here)
        assert refusal(fetch_model, str(model)) == f"{model}/vocab.txt: {special}"


@pytest.mark.parametrize(
    ("file", "value", "key"),
    [
        ("config.json", {"auto_map": {"AutoModel": "x.Y"}}, "auto_map"),
        ("config.json", {"a": [{"b": {"trust_remote_code": False}}]}, "trust_remote_code"),
        (
            "config.json",
            {"text_config": {"_attn_implementation_internal": "repo/kernel"}},
            "_attn_implementation_internal",
        ),
        ("tokenizer_config.json", {"auto_map": {}}, "auto_map"),
        ("config.json", {"custom_pipelines": {}}, "custom_pipelines"),
    ],
)
def test_keys_that_choose_code_are_refused(model: Path, file: str, value: dict[str, Any], key: str) -> None:
    (model / file).write_text(json.dumps(value))
    assert refusal(fetch_model, str(model)) == (
        f"{model}/{file}: key {key!r} is refused: it would let the model's author choose or load code. "
        f"Remove the key if the model works without it."
    )


def test_broken_settings_are_named(model: Path) -> None:
    (model / "config.json").write_text("[" * 100_000)
    assert refusal(fetch_model, str(model)) == (
        f"{model}/config.json: not valid JSON (nested too deep). Fetch or save it again."
    )
    (model / "config.json").write_text("[]")
    assert refusal(fetch_model, str(model)) == f"{model}/config.json: holds a list, not a mapping of settings."
    (model / "config.json").write_bytes(b"{}" + b" " * (16 << 20))
    assert refusal(fetch_model, str(model)) == (
        f"{model}/config.json: has 16,777,218 bytes, more than such a file can need. Fetch or save it again."
    )


def test_missing_files_are_named(model: Path) -> None:
    (model / "tokenizer.json").rename(model / "kept")
    assert refusal(fetch_model, str(model)) == (
        f"{model}: tokenizer.json is missing. transformers writes it: "
        f"AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)."
    )
    (model / "kept").rename(model / "tokenizer.json")
    (model / "config.json").rename(model / "conf.json")
    assert refusal(fetch_model, str(model)) == (
        f"{model}: config.json is missing, so this folder holds no model. Did you mean 'conf.json'?"
    )
    assert refusal(fetch_model, str(model / "conf.json")) == (
        f"{model}/conf.json: is a file. Name the model folder that holds it."
    )
    (model / "conf.json").rename(model / "config.json")
    (model / "model.safetensors").unlink()
    (model / "training_args.bin").unlink()
    assert refusal(fetch_model, str(model)) == (
        f"{model}: model.safetensors is missing, so the folder has no weights. Fetch the file or save the model again."
    )


def test_pickled_weights_are_refused_with_the_conversion(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    assert refusal(fetch_model, str(model)) == (
        f"{model}: pytorch_model.bin is a pickle, which can run code when it is read; only model.safetensors is read. "
        "If you trust the file, convert it in its folder: "
        'python -c "import torch, safetensors.torch as s; '
        "w = torch.load('pytorch_model.bin', map_location='cpu', weights_only=True); "
        "s.save_file({k: v.clone().contiguous() for k, v in w.items()}, 'model.safetensors', {'format': 'pt'})\""
    )


def test_sharded_models(model: Path) -> None:
    shard = "model-00001-of-00001.safetensors"
    (model / "model.safetensors").rename(model / shard)
    index = model / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a.weight": shard}}))
    assert (fetch_model(str(model)).path / shard).is_file()
    (model / shard).rename(model / "away")
    message = f"{model}/{shard}: is missing, but the index names it. Add this file to the folder."
    assert refusal(fetch_model, str(model)) == message
    index.write_text(json.dumps({"weight_map": {"a.weight": "../secret.safetensors"}}))
    assert refusal(fetch_model, str(model)) == (
        f"{model}/model.safetensors.index.json: '../secret.safetensors' is not a file name "
        f"such as model-00001-of-00002.safetensors. Save the model again."
    )


def test_corrupted_weights_are_refused_under_a_second(model: Path) -> None:
    path = model / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + path.read_bytes()[8:])
    started = time.perf_counter()
    message = refusal(fetch_model, str(model))
    assert time.perf_counter() - started < 1
    assert message.startswith(
        f"{path}: is not a complete safetensors file: the header claims 1152921504606846976 bytes"
    )


@pytest.fixture
def adapter(model: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "target_modules": ["query"]}))
    shutil.copy(model / "model.safetensors", folder / "adapter_model.safetensors")
    (folder / "labels.json").write_text('{"schema": 1, "labels": ["neg", "pos"]}')
    files = {item.name: {"sha256": sha256_file(item)} for item in sorted(folder.iterdir())}
    (folder / "MANIFEST.json").write_text(json.dumps({"schema": 1, "files": files}))
    (folder / "notes.txt").write_text("mine")
    return folder


def test_an_adapter_is_staged_with_its_manifest(adapter: Path) -> None:
    source = fetch_adapter(str(adapter))
    assert sorted(item.name for item in source.path.iterdir()) == [
        "MANIFEST.json",
        "adapter_config.json",
        "adapter_model.safetensors",
        "labels.json",
    ]
    assert source.id == "adapter"


def test_one_flipped_byte_of_an_adapter_is_refused(adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert refusal(fetch_adapter, str(adapter)) == (
        f"{path}: has changed since it was saved (see its manifest). Copy it again."
    )
    (adapter / "labels.json").unlink()
    assert refusal(fetch_adapter, str(adapter)).startswith(f"{path}: has changed")
    path.write_bytes(bytes(data[:-1]) + bytes([data[-1] ^ 1]))
    assert refusal(fetch_adapter, str(adapter)) == (
        f"{adapter}/labels.json: is missing, but the adapter's manifest names it. Copy it again."
    )


def test_adapter_refusals(adapter: Path, model: Path) -> None:
    assert refusal(fetch_adapter, str(model)) == (
        f"{model}: adapter_config.json is missing, so this folder holds no adapter. "
        f"It holds a model. Name the adapter's own folder instead."
    )
    assert refusal(fetch_model, str(adapter)) == (
        f"{adapter}: config.json is missing, so this folder holds no model. "
        f"It holds an adapter. Name the adapter's base model instead."
    )
    (adapter / "adapter_config.json").write_text('{"target_modules": "(a+)+$"}')
    assert refusal(fetch_adapter, str(adapter)) == (
        f"{adapter}/adapter_config.json: target_modules '(a+)+$' is a text, which would be read as a pattern; "
        f"write the list of module names."
    )


def test_data_is_used_in_place(tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    file.write_text("text,label\na,b\n")
    source = fetch_data(str(file))
    assert (source.id, source.path, source.sha256) == ("reviews.csv", file, sha256_file(file))
    folder = tmp_path / "classes"
    (folder / "pos").mkdir(parents=True)
    (folder / "pos" / "1.txt").write_text("good")
    first = fetch_data(str(folder))
    assert (first.id, first.path) == ("classes", folder)
    (folder / "pos" / "1.txt").rename(folder / "pos" / "2.txt")
    assert fetch_data(str(folder)).sha256 != first.sha256


def test_a_hub_id_is_one_whatever_the_working_directory_holds(model: Path, tmp_path: Path) -> None:
    (tmp_path / "owner").mkdir()
    model.rename(tmp_path / "owner" / "tiny")
    assert " cannot be reached. Without the Hub: " in refusal(fetch_model, "owner/tiny")
    assert fetch_model("./owner/tiny").id == "tiny"
    assert refusal(fetch_data, "~no-such-user/x.csv") == (
        "'~no-such-user/x.csv': not usable as a path (Could not determine home directory.). Write another one."
    )


def test_missing_data_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("x")
    named = tmp_path / "review.csv"
    assert refusal(fetch_data, str(named)) == f"{named}: no such file or folder. Did you mean 'reviews.csv'?"
    deep = tmp_path / "no" / "reviews.csv"
    assert refusal(fetch_data, str(deep)) == (
        f"{deep}: no such file or folder. There is no folder {tmp_path / 'no'} either."
    )
    os.mkfifo(tmp_path / "pipe.csv")
    assert refusal(fetch_data, str(tmp_path / "pipe.csv")) == (
        f"{tmp_path}/pipe.csv: is a pipe or device, not a regular file. Save its content to a file first."
    )
    (tmp_path / "empty").mkdir()
    assert refusal(fetch_data, str(tmp_path / "empty")) == (
        f"{tmp_path}/empty: the folder holds no files. Name a folder that holds the data."
    )


def test_a_full_disk_names_folder_and_bytes(model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum((model / name).stat().st_size for name in ALLOWED)

    class Usage:
        free = 10

    monkeypatch.setattr(cache_module.shutil, "disk_usage", lambda _: Usage)
    message = refusal(fetch_model, str(model))
    (entry,) = (cache / "sources" / "models").iterdir()
    expected = (
        f"{entry}: the disk is full: {size:,} bytes are needed, 10 are free. "
        f"Free some space, or set FINETOOTH_CACHE to a folder on a larger disk."
    )
    assert message == expected

    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache_module, "check_free_space", lambda *_, **__: None)
    monkeypatch.setattr(staging, "copy_regular", fails)
    assert refusal(fetch_model, str(model)) == expected
    assert [item.name for item in entry.iterdir()] == ["lock"]  # no half of it is left


def test_a_cache_that_is_a_file_says_so(model: Path, cache: Path) -> None:
    cache.write_text("")
    assert refusal(fetch_model, str(model)).endswith(
        "cannot be written (Not a directory). Set FINETOOTH_CACHE to a writable folder."
    )


def test_an_intact_entry_needs_no_lock(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a filled cache serves from a disk that cannot be written."""
    first = fetch_model(str(model))
    monkeypatch.setattr(cache_module, "FileLock", lambda *_: pytest.fail("the cache was locked"))
    assert fetch_model(str(model)) == first


def test_fetch_brings_no_model_that_no_row_needs(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n")
    values = {"name": "mine", "model": "./no-such-model", "data": {"source": "./a.csv"}, "baselines": ["tfidf"]}
    brought = fetch(recipe.load(values))
    assert (brought.model, [source.path.name for source in brought.data["all"]]) == (None, ["a.csv"])
    file_names = fetch(recipe.load(values | {"model": str(model), "baselines": ["original"]})).model
    assert file_names is not None and file_names.path.is_dir()
