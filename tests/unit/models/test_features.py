"""Features of the frozen encoder are what the model itself computes, whatever the batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import tiny
from finetooth.models.batching import Tokens, collate, tokenize
from finetooth.models.features import encode, head_input, head_logits
from finetooth.models.loading import Base, head_tensors, load_base
from finetooth.models.plain_pass import logits
from finetooth.models.tokenizer import load_tokenizer

TEXTS = [text for text, _ in tiny.texts(23, seed=5)]


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def base(folder: Path) -> Base:
    return load_base(folder, classes=("bad", "good"), head_seed=7)


@pytest.fixture(scope="module")
def tokens(folder: Path) -> Tokens:
    return tokenize(load_tokenizer(folder), TEXTS, max_tokens=48)


def encoded(base: Base, tokens: Tokens, *features: Any, budget: int = 256) -> dict[Any, np.ndarray]:
    return encode(base.model, tokens, features=features, pad_id=0, budget=budget)


def test_the_mean_is_that_of_the_real_tokens_of_each_text_alone(base: Base, tokens: Tokens) -> None:
    actual = encoded(base, tokens, "first_token", "mean")
    for row in range(len(TEXTS)):
        with torch.inference_mode():
            (hidden,) = base.model.base_model(**collate(tokens, np.array([row]), pad_id=0)).last_hidden_state.numpy()
        assert actual["mean"][row] == pytest.approx(hidden.mean(axis=0), abs=1e-5)
        assert actual["first_token"][row] == pytest.approx(hidden[0], abs=1e-5)


def test_the_head_on_its_input_gives_the_models_logits(base: Base, tokens: Tokens) -> None:
    name = head_input(base)
    rows = torch.from_numpy(encoded(base, tokens, name)[name])
    with torch.inference_mode():
        head = base.model.classifier if name == "pooler" else _distilbert_head(base)
        actual = head(rows).numpy()
    assert actual == pytest.approx(logits(base.model, tokens, pad_id=0, budget=256), abs=1e-5)


def _distilbert_head(base: Base) -> Any:
    return lambda rows: base.model.classifier(torch.relu(base.model.pre_classifier(rows)))


def test_a_second_pass_is_bitwise_the_first_and_other_batches_change_rounding_alone(base: Base, tokens: Tokens) -> None:
    one, two = (encoded(base, tokens, "mean")["mean"] for _ in range(2))
    assert one.tobytes() == two.tobytes()
    assert encoded(base, tokens, "mean", budget=1)["mean"] == pytest.approx(one, abs=1e-5)


def test_a_head_on_the_first_tokens_gives_the_models_logits_whatever_head_was_there(
    folder: Path, tokens: Tokens
) -> None:
    drawn = {seed: load_base(folder, classes=("bad", "good"), head_seed=seed) for seed in (7, 8)}
    heads = {
        seed: {name: tensor.clone() for name, tensor in head_tensors(base).items()} for seed, base in drawn.items()
    }
    expected = {seed: logits(base.model, tokens, pad_id=0, budget=256) for seed, base in drawn.items()}
    first = encoded(drawn[7], tokens, "first_token")["first_token"]
    for seed in (8, 7, 8):
        assert head_logits(drawn[7].model, first, heads[seed]) == pytest.approx(expected[seed], abs=1e-5)
    assert np.abs(expected[7] - expected[8]).max() > 1e-3


def test_every_row_is_told(base: Base, tokens: Tokens) -> None:
    counts: list[int] = []
    encode(base.model, tokens, features=("mean",), pad_id=0, budget=128, advance=counts.append)
    assert sum(counts) == len(TEXTS) and len(counts) > 1


@pytest.mark.parametrize(
    ("made", "expected"),
    [("BertModel", "pooler"), ("BertForMaskedLM", "first_token"), ("DistilBertModel", "first_token")],
)
def test_a_pooler_is_read_only_if_the_checkpoint_brought_it(tmp_path: Path, made: str, expected: str) -> None:
    vocabulary = tiny.save_tokenizer(tmp_path)
    family = "distilbert" if made.startswith("Distil") else "bert"
    getattr(transformers, made)(tiny.config(family, vocabulary)).save_pretrained(tmp_path)
    assert head_input(load_base(tmp_path, classes=("bad", "good"), head_seed=0)) == expected
