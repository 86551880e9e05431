"""An artifact whose base is missing or another: the message names the base, and no remedy for the adapter."""

import shutil
from pathlib import Path

import pytest

import tiny
from finetooth.errors import ModelError
from finetooth.models import adapters, artifact
from finetooth.models.batching import Input
from finetooth.models.loading import base_tensors, encoder_parameters, hash_tensors, load_base
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate

CLASSES = ("bad", "good")


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("bert") / "base")


@pytest.fixture(scope="module")
def adapter(base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved adapter of that base."""
    base = load_base(base_folder, classes=CLASSES, head_seed=7)
    model = adapters.attach(base, Candidate.model_validate({"name": "c", "rank": 2}), seed=7).eval()
    folder = tmp_path_factory.mktemp("saved") / "adapter"
    artifact.save(
        TextModel(model, load_tokenizer(base_folder), CLASSES, Input(48, "head", False), "c"), folder, base=base,
        base_folder=base_folder, source=artifact.Provenance("owner/name", "0" * 64),
        weights_sha256=hash_tensors(base_tensors(base)), head_seed=7,
    )  # fmt: skip
    return folder


def refusal(adapter: Path, base_folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        artifact.load(adapter, base_folder=base_folder, name="c")
    return str(caught.value)


def test_a_base_without_its_configuration_has_the_message_of_the_base(adapter: Path, tmp_path: Path) -> None:
    expected = "c: the base model: config.json could not be loaded (there is none)."
    assert refusal(adapter, tmp_path) == expected
    assert refusal(adapter, tmp_path / "missing") == expected


def test_a_base_without_weights_has_the_message_of_the_base(adapter: Path, base_folder: Path, tmp_path: Path) -> None:
    shutil.copy(base_folder / "config.json", tmp_path)
    message = refusal(adapter, tmp_path)
    assert message.startswith("c: the base model: ")
    assert "backup" not in message


@pytest.mark.parametrize(("what", "seed"), [("base weights", 9), ("base config", None)])
def test_another_base_is_named_with_the_one_that_belongs_to_the_adapter(
    adapter: Path, base_folder: Path, tmp_path: Path, what: str, seed: int | None
) -> None:
    if seed is None:
        other = shutil.copytree(base_folder, tmp_path / "other")
        config = other / "config.json"
        config.write_text(config.read_text() + "\n")
    else:
        other = tiny.save_model(tmp_path / "other", seed=seed)
    message = refusal(adapter, other)
    assert message.startswith(f"c: {what} is not what the adapter was made with (recorded sha256 ")
    assert message.endswith("; its base is owner/name.")


def test_a_fault_of_the_adapter_has_its_remedy(adapter: Path, base_folder: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(adapter, tmp_path / "damaged")
    (damaged / "labels.json").write_text("{}")
    assert refusal(damaged, base_folder).endswith(
        "labels.json differs from its manifest. Take it from its run or a backup again."
    )


def test_parameters_of_the_encoder_are_counted_without_head_and_buffers(base_folder: Path) -> None:
    base = load_base(base_folder, classes=CLASSES, head_seed=7)
    expected = sum(parameter.numel() for parameter in base.model.bert.parameters())
    assert encoder_parameters(base) == expected
    base.model.bert.embeddings.register_buffer("positions", base.model.bert.embeddings.position_ids.clone())
    assert encoder_parameters(base) == expected
