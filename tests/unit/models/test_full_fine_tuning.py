"""A model trained whole: all of it counted, saved, read back bit for bit, and loaded by plain transformers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import tiny
from finetooth.errors import ModelError
from finetooth.files import seal
from finetooth.models import artifact, full_fine_tuning
from finetooth.models.artifact_files import MODEL_WEIGHTS, weights_name
from finetooth.models.batching import Input, tokenize
from finetooth.models.loading import base_tensors, hash_tensors, load_base
from finetooth.models.plain_pass import logits
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer

CLASSES = ("bad", "good")
TEXTS = [text for text, _ in tiny.texts(23, seed=5)]


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp(request.param), request.param)


def scored(model: Any, folder: Path) -> np.ndarray:
    return logits(model, tokenize(load_tokenizer(folder), TEXTS, max_tokens=48), pad_id=0, budget=256)


def saved(folder: Path, directory: Path) -> np.ndarray:
    """A model with every value moved, saved at `place`; its logits in memory."""
    base = load_base(folder, classes=CLASSES, head_seed=7)
    weights = hash_tensors(base_tensors(base))
    model = tiny.disturb(full_fine_tuning.release(base)).eval()
    artifact.save(
        TextModel(model, load_tokenizer(folder), CLASSES, Input(48, "head", False), "full"), directory, base=base,
        base_folder=folder, source=artifact.Provenance("owner/name", "0" * 64), weights_sha256=weights, head_seed=7,
    )  # fmt: skip
    return scored(model, folder)


def test_all_parameters_are_trained_and_counted_once(folder: Path) -> None:
    base = load_base(folder, classes=CLASSES, head_seed=7)
    assert not full_fine_tuning.is_released(base.model)
    model = full_fine_tuning.release(base)
    assert full_fine_tuning.is_released(model) and model.training
    counts = full_fine_tuning.parameters(base)
    assert counts.trainable == counts.total == sum(value.numel() for value in model.parameters())
    assert (counts.adapter, counts.bias, counts.peft_percent) == (0, 0, None)
    assert counts.head == 2 * 32 + 2 + (32 * 32 + 32 if folder.name.startswith("distil") else 0)


def test_reloaded_equals_in_memory_bitwise(folder: Path, tmp_path: Path) -> None:
    before = saved(folder, tmp_path / "adapter")
    again = artifact.load(tmp_path / "adapter", base_folder=folder, name="full")
    np.testing.assert_array_equal(scored(again.model, folder), before)
    assert not any(value.requires_grad for value in again.model.parameters()) and not again.model.training
    assert weights_name(tmp_path / "adapter") == "model.safetensors"


def test_plain_transformers_gives_the_same_logits(folder: Path, tmp_path: Path) -> None:
    before = saved(folder, tmp_path / "adapter")
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "adapter")
    np.testing.assert_allclose(scored(plain.eval(), folder), before, rtol=0, atol=1e-5)
    assert plain.config.id2label == dict(enumerate(CLASSES))
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "adapter")
    assert tokenizer(TEXTS[0])["input_ids"] == load_tokenizer(folder)(TEXTS[0])["input_ids"]


def test_equal_models_give_equal_bytes_without_a_path_of_this_machine(folder: Path, tmp_path: Path) -> None:
    saved(folder, tmp_path / "one")
    saved(folder, tmp_path / "two")
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name
    assert str(folder) not in (tmp_path / "one" / "config.json").read_text()
    assert json.loads((tmp_path / "one" / "config.json").read_text())["architectures"][0].endswith("Classification")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("lost", "1 tensor is missing, first 'classifier.bias'; nothing was loaded."),
        ("strange", "1 tensor is not expected by the model, first 'more.weight'; nothing was loaded."),
        (
            "shape",
            "tensor 'classifier.bias' has shape (3,), the model needs (2,); it was made for another base, rank or "
            "number of labels.",
        ),
        ("nan", "tensor 'classifier.bias' holds a value that is not finite."),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(folder: Path, tmp_path: Path, change: str, message: str) -> None:
    saved(folder, tmp_path / "adapter")
    file = tmp_path / "adapter" / MODEL_WEIGHTS
    tensors = load_file(file)
    if change == "lost":
        del tensors["classifier.bias"]
    elif change == "strange":
        tensors["more.weight"] = torch.zeros(2)
    else:
        tensors["classifier.bias"] = torch.zeros(3) if change == "shape" else torch.full((2,), torch.nan)
    save_file(tensors, file)
    (tmp_path / "adapter" / "MANIFEST.json").unlink()
    seal(tmp_path / "adapter")
    with pytest.raises(ModelError) as caught:
        artifact.load(tmp_path / "adapter", base_folder=folder, name="full")
    assert str(caught.value) == (f"full: the saved model: {message} Take it from its run or a backup again.")
