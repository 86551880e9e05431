"""A hostile folder gives findings; no link is followed, no pipe waited for, and nothing crashes."""

import json
import os
import random
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from adapter_folders import CONFIG, WEIGHTS, config, write

from finetooth.doctor import Diagnosis, examine
from finetooth.errors import SourceError

KINDS: list[Any] = [
    None, True, 0, -1, 2**70, 1.5, "", "x" * 100_000, "\ud800", [], {}, [[1]], [None, {}], {"a": []}, {"": {"": 0}},
    ["a\n\x1b[2J"],
]  # fmt: skip


def seen(folder: Path) -> Diagnosis:
    """The diagnosis, which must be one that can be printed as JSON and must not take long."""
    started = time.process_time()
    diagnosis = examine(folder)
    json.dumps(diagnosis.report(), allow_nan=False)
    assert time.process_time() - started < 5
    return diagnosis


@pytest.mark.parametrize("key", sorted(config()))
def test_a_configuration_of_any_kind_of_value_is_survived(tmp_path: Path, key: str) -> None:
    folder = write(tmp_path / "a")
    for value in KINDS:
        for bias in ("none", "lora_only"):
            (folder / CONFIG).write_text(json.dumps({**config(), "bias": bias, key: value}))
            seen(folder)


@pytest.mark.parametrize("value", KINDS)
def test_labels_manifest_and_base_of_any_kind_of_value_are_survived(tmp_path: Path, value: Any) -> None:
    folder = write(tmp_path / "a")
    for name in ("labels.json", "MANIFEST.json", CONFIG):
        for content in (value, {"labels": value, "files": value}, {"files": {"labels.json": value, "../x": value}}):
            (folder / name).write_text(json.dumps(content))
            seen(folder)
    (tmp_path / "config.json").write_text(json.dumps(dict.fromkeys(("model_type", "dim", "n_layers"), value)))
    examine(write(tmp_path / "b"), base=str(tmp_path))


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, "labels.json", "MANIFEST.json"])
def test_links_pipes_and_folders_are_neither_followed_nor_waited_for(tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"r": 4, "labels": ["known"]}')
    for number, make in enumerate((lambda path: path.symlink_to(secret), os.mkfifo, Path.mkdir)):
        folder = write(tmp_path / str(number))
        (folder / name).unlink(missing_ok=True)
        make(folder / name)
        diagnosis = seen(folder)
        assert not diagnosis.passed
        assert any(finding.what.startswith(f"{name}: ") for finding in diagnosis.findings)
        assert "known" not in json.dumps(diagnosis.report())


def test_a_header_larger_than_the_file_and_one_nested_too_deep_are_faults(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    for data in (
        b"",
        b"\xff" * 7,
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 1 << 20) + b"[" * (1 << 20),
        struct.pack("<Q", 4) + b"null",
        b"PK\3\4" + b"\0" * 100,
    ):
        (folder / WEIGHTS).write_bytes(data)
        diagnosis = seen(folder)
        assert [finding.about for finding in diagnosis.findings if finding.kind == "fault"] == ["weights"]
    for nested in ("[" * 200_000, '{"a":' * 200_000):
        (folder / CONFIG).write_text(nested)
        assert not seen(folder).passed


def test_a_key_that_loads_code_is_a_fault_at_any_depth(tmp_path: Path) -> None:
    deep: Any = {"auto_map": {"AutoModel": "evil.Model"}}
    for _ in range(50):
        deep = {"a": [deep]}
    (finding,) = [item for item in seen(write(tmp_path / "a", extra=deep)).findings if item.kind == "fault"]
    assert finding.what == (
        "adapter_config.json has the key 'auto_map', which lets its author choose or load code; such folders are "
        "refused."
    )


def test_truncations_are_never_whole_and_flipped_header_bytes_are_survived(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    data_before = (folder / WEIGHTS).read_bytes()
    header = 8 + struct.unpack("<Q", data_before[:8])[0]
    draw = random.Random(0)
    for length in (*range(0, 20), *(draw.randrange(len(data_before)) for _ in range(40)), len(data_before) - 1):
        (folder / WEIGHTS).write_bytes(data_before[:length])
        assert not seen(folder).passed
    for path in range(0, header, 3):
        data = bytearray(data_before)
        data[path] ^= 1 << draw.randrange(8)
        (folder / WEIGHTS).write_bytes(bytes(data))
        seen(folder)


def test_names_of_files_may_be_anything(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    for name in (b"\xff.bin", b"\x1b[2J.pkl", b"a\nb.pt", "é.py".encode()):
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(b"")
    assert seen(folder).passed


def test_what_is_no_folder_is_an_error_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    named = "that holds adapter_config.json."
    for path, reason in (
        (tmp_path / "gone", f"no such folder. Name the folder {named}"),
        (file, f"cannot be read as a folder (Not a directory). Name a folder that you may read and {named}"),
    ):
        with pytest.raises(SourceError) as caught:
            examine(path)
        assert str(caught.value) == f"{path}: {reason}"
    (tmp_path / "empty").mkdir()
    assert [(finding.about, finding.what) for finding in seen(tmp_path / "empty").findings] == [
        ("files", "adapter_config.json is missing, so this folder holds no adapter."),
        ("weights", "adapter_model.safetensors is missing, so the folder has no weights."),
        ("readme", "there is no README.md."),
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 0, "16", True, 10**400])
def test_an_alpha_that_is_no_number_above_zero_is_a_fault(tmp_path: Path, value: Any) -> None:
    diagnosis = seen(write(tmp_path / "a", lora_alpha=value))
    (fault,) = [finding for finding in diagnosis.findings if finding.kind == "fault"]
    assert fault.what.startswith("adapter_config.json: key 'lora_alpha' is ")
    assert fault.what.endswith("a number above 0 and up to 1e+06 is needed.")


def test_a_pattern_among_the_ranks_is_noted_and_not_run(tmp_path: Path) -> None:
    diagnosis = seen(write(tmp_path / "a", alpha_pattern={r"(([a-z0-9]+[._]?)+)+!": 8}))
    (note,) = [finding for finding in diagnosis.findings if finding.about == "config"]
    assert note.kind == "note"
    assert note.what == (
        "adapter_config.json: alpha_pattern holds '(([a-z0-9]+[._]?)+)+!', which is not a literal module name and "
        "would be read as a pattern; peft runs it as a regular expression, and Finetooth refuses it."
    )


def test_a_label_that_stands_twice_is_a_fault(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    (folder / "labels.json").write_text('{"schema": 1, "labels": ["a", "b", "a"]}')
    (fault,) = [finding for finding in seen(folder).findings if finding.kind == "fault"]
    assert fault.what == "labels.json: key 'labels' holds 'a' twice; every logit needs a label of its own."


def test_many_tensors_times_many_names_take_no_longer_than_both(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    empty = {"dtype": "F32", "shape": [0, 0], "data_offsets": [0, 0]}
    names = [f"base_model.model.layer.{number}.q.lora_{part}.weight" for number in range(20_000) for part in "AB"]
    header = json.dumps(dict.fromkeys(names, empty)).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header)
    others = [f"name{number}" for number in range(10_000)]
    (folder / CONFIG).write_text(
        json.dumps(
            config(
                target_modules=others,
                modules_to_save=others,
                target_parameters=[f"x.{other}.y" for other in others],
                rank_pattern=dict.fromkeys(others, 4),
            )
        )
    )
    seen(folder)


def test_a_tensor_with_a_name_without_end_is_a_fault(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    header = json.dumps({"x.lora_A" * 100_000 + ".": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header)
    (folder / CONFIG).write_text(json.dumps(config()))
    assert any("a tensor's name has 800,001 characters" in finding.what for finding in seen(folder).findings)
