"""A stranger's adapter folder, file by file and key by key: refused by file and key, or it is the adapter it was."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_values import VALUES, broken, copied, mutants, refusal, sealed

import finetooth
import tiny
from finetooth.doctor import examine
from finetooth.evaluation import decision_file
from finetooth.files import sha256_file
from finetooth.models import adapters, artifact
from finetooth.models.batching import Input
from finetooth.models.checked import read_checked
from finetooth.models.loading import base_tensors, hash_tensors, load_base
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate
from finetooth.sources import fetch_adapter
from finetooth.untrusted import adapter_settings, check_adapter_config

CLASSES = ("bad", "good")
SLOW = "(([a-z0-9]+[._]?)+)+!"
PATTERNS: dict[str, Any] = {
    "target_modules": SLOW, "exclude_modules": SLOW, "modules_to_save": [SLOW], "layers_pattern": SLOW,
    "rank_pattern": {SLOW: 4}, "alpha_pattern": {SLOW: 8.0},
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base") / "m")


@pytest.fixture(scope="module")
def honest(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("adapter") / "a"
    clean = load_base(base, classes=CLASSES, head_seed=0)
    weights = hash_tensors(base_tensors(clean))
    candidate = Candidate.model_validate({"name": "c", "rank": 4, "targets": ["query", "value"]})
    model = tiny.disturb(adapters.attach(clean, candidate, seed=0)).eval()
    predictor = TextModel(model, load_tokenizer(base), CLASSES, Input(48, "head", False), "c")
    artifact.save(
        predictor, target, base=clean, base_folder=base, weights_sha256=weights, head_seed=0,
        source=artifact.Provenance("owner/name", sha256_file(base / "config.json")),
    )  # fmt: skip
    return target


@pytest.fixture
def folder(honest: Path, tmp_path: Path) -> Path:
    return copied(honest, tmp_path / "a")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETOOTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def settings_of(folder: Path, name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / name).read_text())
    return values


def predicted(folder: Path, base: Path) -> Any:
    """Logits through the public interface: staged, loaded, checked against the reference outputs."""
    predictor = finetooth.load(folder, base=str(base))
    return predictor.infer(["a bright film"])


def survived(folder: Path) -> None:
    """The doctor's examination, which refuses nothing."""
    assert refusal(lambda: json.dumps(examine(folder).report(), allow_nan=False)) is None


def read(folder: Path, name: str) -> None:
    """One file of ours as loading reads it first."""
    if name == "decision.json":
        decision_file.load(folder, classes=CLASSES, name="the adapter")
    else:
        read_checked(folder / name, owner="the adapter")


def adapter_keys() -> list[str]:
    return sorted({*adapters.peft_library().LoraConfig().to_dict(), "auto_map", "attn_implementation", "never_seen"})


@pytest.mark.parametrize("key", adapter_keys())
def test_any_value_of_a_key_of_the_adapter_is_refused_by_name_or_harmless(folder: Path, base: Path, key: str) -> None:
    honest = settings_of(folder, "adapter_config.json")
    for number, text in enumerate(mutants(honest, key)):
        (folder / "adapter_config.json").write_text(text)
        if number % 5 == 0:
            survived(folder)
        message = refusal(lambda: adapter_settings(read_checked(folder / "adapter_config.json", owner="the adapter")))
        if message is None and adapter_settings(json.loads(text)) != adapter_settings(honest):
            message = refusal(lambda: predicted(sealed(folder), base))  # else peft sees the same
        assert message is None or "adapter" in message or "reference outputs" in message, message


@pytest.mark.parametrize("key", adapter_keys())
def test_what_is_no_value_of_a_key_is_refused_on_the_way_in(folder: Path, key: str) -> None:
    (folder / "adapter_config.json").write_text(
        json.dumps(settings_of(folder, "adapter_config.json") | {key: {"x": [{"attn_implementation": "owner/repo"}]}})
    )
    message = refusal(lambda: fetch_adapter(str(sealed(folder))))
    assert message is not None
    assert message.startswith(f"{folder}/adapter_config.json: key ")


@pytest.mark.parametrize("key", PATTERNS)
def test_a_pattern_among_the_names_is_refused_and_never_run(folder: Path, base: Path, key: str) -> None:
    (folder / "adapter_config.json").write_text(
        json.dumps(settings_of(folder, "adapter_config.json") | {key: PATTERNS[key], "layers_to_transform": [0]})
    )
    sealed(folder)
    for work in (
        lambda: predicted(folder, base),
        lambda: finetooth.evaluate(folder, data=[("a text", CLASSES[0])], base=str(base)),
        lambda: fetch_adapter(str(folder)),
        lambda: adapters.load(load_base(base, classes=CLASSES, head_seed=0), folder),
    ):
        message = refusal(work)
        assert message is not None
        assert f"adapter_config.json: {key} " in message
        assert "would be read as a pattern" in message
    diagnosis = finetooth.verify(folder, base=str(base))
    assert not diagnosis.verified
    survived(folder)


def test_a_rank_beyond_the_weights_is_refused_before_it_is_allocated(folder: Path, base: Path) -> None:
    honest = settings_of(folder, "adapter_config.json")
    for key, value in (("r", 60_000), ("rank_pattern", {"query": 60_000})):
        (folder / "adapter_config.json").write_text(json.dumps(honest | {key: value}))
        message = refusal(lambda: adapters.load(load_base(base, classes=CLASSES, head_seed=0), folder))
        assert message is not None
        assert f"the adapter: {key}" in message
        assert "in adapter_config.json is 60,000, and the largest rank of a matrix in" in message
    (folder / "adapter_config.json").write_text(json.dumps(honest | {"r": 10**7}))
    message = refusal(lambda: fetch_adapter(str(sealed(folder))))
    assert message is not None
    assert message.endswith("key 'r' is 10000000; a whole number from 1 to 65,536 is needed.")


@pytest.mark.parametrize("name", ["labels.json", "finetooth.json", "decision.json", "inference.json", "MANIFEST.json"])
def test_any_value_in_a_file_of_ours_is_refused_by_name_or_harmless(folder: Path, base: Path, name: str) -> None:
    honest, expected, results = settings_of(folder, name), predicted(folder, base), list[Any]()
    parts = [key for key, value in honest.items() if isinstance(value, dict) and key != "files"]
    texts = [text for key in honest for text in mutants(honest, key)]
    texts += [
        json.dumps({**honest, part: {**honest[part], key: value}})
        for part in parts
        for key in honest[part]
        for value in VALUES
    ]
    for number, text in enumerate(texts):
        (folder / name).write_text(text)
        if number % 10 == 0:
            survived(folder)
        message = refusal(lambda: read(folder, name))
        if message is None and json.loads(text) != honest and number % 5 == 0:  # a load takes half a second
            if name != "MANIFEST.json":
                sealed(folder)
            message = refusal(lambda: results.append(predicted(folder, base)))
            if message is None and name != "decision.json":  # which changes answers, not logits
                np.testing.assert_array_equal(results[-1], expected)
        assert message is None or any(word in message for word in (name, "adapter", "artifact", "reference outputs"))


def test_a_label_that_stands_twice_is_refused(folder: Path, base: Path) -> None:
    (folder / "labels.json").write_text('{"schema": 1, "labels": ["good", "good"]}')
    sealed(folder)
    message = refusal(lambda: predicted(folder, base))
    assert message is not None
    assert "labels.json: key 'labels' holds 'good' twice" in message


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "a/b", "..", "", "x\0"])
def test_a_manifest_that_names_files_elsewhere_is_refused(folder: Path, name: str) -> None:
    manifest = settings_of(folder, "MANIFEST.json")
    manifest["files"][name] = {"sha256": "0" * 64, "bytes": 1}
    (folder / "MANIFEST.json").write_text(json.dumps(manifest))
    message = refusal(lambda: fetch_adapter(str(folder)))
    assert message is not None
    assert "MANIFEST.json: key 'files' is " in message


@pytest.mark.parametrize(
    "name",
    ["adapter_config.json", "labels.json", "finetooth.json", "decision.json", "inference.json", "MANIFEST.json"],
)
def test_files_that_are_no_mappings_are_refused(folder: Path, base: Path, name: str) -> None:
    for data in broken({"a": 1}):
        (folder / name).write_bytes(data)
        if name != "MANIFEST.json":
            sealed(folder)
        message = refusal(lambda: predicted(folder, base))
        assert message is not None
        assert name in message
        survived(folder)


def test_what_peft_writes_by_itself_is_allowed() -> None:
    """A newer peft with a key that this list does not know shows here first."""
    settings = json.loads(json.dumps(adapters.peft_library().LoraConfig().to_dict(), default=str))
    assert list(check_adapter_config(settings)) == []
