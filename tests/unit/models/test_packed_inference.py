"""The inference pass gives what the plain pass gives, whatever the adapter, the batch, and the number of workers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tiny
from finetooth.models import adapters, batching, torch_threads
from finetooth.models.batching import Tokens, inference_batches, tokenize
from finetooth.models.features import Feature, encode
from finetooth.models.loading import load_base
from finetooth.models.packed_inference import InferencePass, inference_obstacle
from finetooth.models.plain_pass import logits
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate

CLASSES = ("bad", "good", "neither")
TEXTS = [text for text, _ in tiny.texts(60, seed=4)]
PAIRS = [text for text, _ in tiny.texts(60, seed=6)]
FLOAT32 = 1e-5  # largest difference of a logit or a feature
BFLOAT16 = 0.03  # of the largest logit

FAMILIES = pytest.mark.parametrize("family", ["bert", "distilbert"])


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers on any machine."""
    monkeypatch.setattr(torch_threads, "count", lambda: 2)


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folders: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in folders:
            folders[family] = tiny.save_model(tmp_path_factory.mktemp(family), family)
        return folders[family]

    return folder


def model_of(folder: Path, **adapter: Any) -> Any:
    """A classifier in eval mode; with `adapter` settings, one whose adapter has learned something."""
    base = load_base(folder, classes=CLASSES, head_seed=7)
    if not adapter:
        return base.model
    candidate = Candidate.model_validate({"name": "c", "rank": 4, **adapter})
    return tiny.disturb(adapters.attach(base, candidate, seed=7)).eval()


def tokens_of(folder: Path, count: int = 60, *, pairs: bool = False) -> Tokens:
    return tokenize(load_tokenizer(folder), TEXTS[:count], PAIRS[:count] if pairs else None, max_tokens=48)


@FAMILIES
@pytest.mark.parametrize(
    "adapter",
    [{}, {"targets": "all-linear"}, {"bias": "all"}, {"layers": "last-1", "rslora": True}, {"dropout": 0.5}],
    ids=str,
)
@pytest.mark.parametrize("pairs", [False, True])
def test_in_float32_logits_are_those_of_the_plain_pass(
    folder_of: Callable[[str], Path], family: str, adapter: dict[str, Any], pairs: bool
) -> None:
    folder = folder_of(family)
    model, tokens = model_of(folder, **adapter), tokens_of(folder, pairs=pairs and family == "bert")
    computed = InferencePass(model, "float32").split_logits(tokens)
    assert computed.dtype == np.float32
    assert np.abs(computed - logits(model, tokens, pad_id=0)).max() <= FLOAT32


@FAMILIES
def test_in_float32_features_are_those_of_the_plain_pass(folder_of: Callable[[str], Path], family: str) -> None:
    folder = folder_of(family)
    model, tokens = model_of(folder), tokens_of(folder)
    names: tuple[Feature, ...] = ("pooler", "first_token", "mean") if family == "bert" else ("first_token", "mean")
    computed = InferencePass(model, "float32").features(tokens, features=names)
    plain = encode(model, tokens, features=names, pad_id=0, budget=256)
    assert computed.keys() == plain.keys()
    for name in names:
        assert np.abs(computed[name] - plain[name]).max() <= FLOAT32, name


@FAMILIES
def test_first_token_alone_is_what_it_is_beside_the_mean(folder_of: Callable[[str], Path], family: str) -> None:
    folder = folder_of(family)
    computed, tokens = InferencePass(model_of(folder), "float32"), tokens_of(folder)
    both = computed.features(tokens, features=("first_token", "mean"))["first_token"]
    assert np.abs(computed.features(tokens, features=("first_token",))["first_token"] - both).max() <= FLOAT32


@FAMILIES
def test_in_bfloat16_logits_are_near_those_of_the_plain_pass(folder_of: Callable[[str], Path], family: str) -> None:
    folder = folder_of(family)
    model, tokens = model_of(folder, targets="all-linear"), tokens_of(folder)
    plain = logits(model, tokens, pad_id=0)
    difference = np.abs(InferencePass(model, "bfloat16").split_logits(tokens) - plain).max()
    assert 0 < difference <= BFLOAT16 * np.abs(plain).max()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_number_of_workers_changes_no_bit(
    folder_of: Callable[[str], Path], precision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of("bert")
    adapted, plain = (InferencePass(model_of(folder, **adapter), precision) for adapter in ({"rank": 4}, {}))
    tokens = tokens_of(folder)
    assert len(inference_batches(tokens.lengths)) > 3
    computed, means = [], []
    for workers in (1, 2, 3):
        monkeypatch.setattr(torch_threads, "count", lambda workers=workers: workers)
        computed.append(adapted.split_logits(tokens))
        means.append(plain.features(tokens, features=("mean",))["mean"])
    assert all(np.array_equal(computed[0], other) for other in computed[1:])
    assert all(np.array_equal(means[0], other) for other in means[1:])


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_no_text_and_one_text(folder_of: Callable[[str], Path], count: int, precision: Any) -> None:
    folder = folder_of("bert")
    model, tokens = model_of(folder), tokens_of(folder, count)
    computed = InferencePass(model, precision)
    assert computed.split_logits(tokens).shape == (count, len(CLASSES))
    assert computed.features(tokens, features=("mean",))["mean"].shape == (count, 32)


def test_later_changes_of_the_model_do_not_reach_the_pass_through_its_adapter(
    folder_of: Callable[[str], Path],
) -> None:
    folder = folder_of("bert")
    model, tokens = model_of(folder, targets="attention"), tokens_of(folder)
    computed = InferencePass(model, "float32")
    before = computed.split_logits(tokens)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            parameter.data.zero_()
    assert np.array_equal(computed.split_logits(tokens), before)
    assert np.abs(InferencePass(model, "float32").split_logits(tokens) - before).max() > 1e-3


def test_the_plan_holds_every_row_once_in_order_of_length_and_within_its_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lengths = np.random.default_rng(0).integers(2, 300, 500)
    monkeypatch.setattr(batching, "INFERENCE_WINDOW", 200)
    plan = inference_batches(lengths)
    assert sorted(np.concatenate(plan).tolist()) == list(range(500))
    assert all(len({row // 200 for row in rows.tolist()}) == 1 for rows in plan)
    assert all((np.diff(lengths[rows]) >= 0).all() for rows in plan)
    assert all(lengths[rows].sum() <= 1024 for rows in plan)
    longer_than_a_batch = np.array([2000, 5])
    assert [rows.tolist() for rows in inference_batches(longer_than_a_batch)] == [[0], [1]]
    assert inference_batches(np.empty(0, np.int64)) == []


def test_few_texts_are_shared_out_among_the_workers() -> None:
    assert len(inference_batches(np.full(20, 100))) >= 10


def test_an_error_of_a_worker_and_of_the_caller_ends_the_work(folder_of: Callable[[str], Path]) -> None:
    folder = folder_of("bert")
    computed, tokens = InferencePass(model_of(folder), "float32"), tokens_of(folder)
    broken = Tokens(tokens.ids + 10_000, tokens.starts, None, tokens.whole_lengths)
    with pytest.raises(IndexError):
        computed.split_logits(broken)

    def stop(count: int) -> None:
        raise InterruptedError("told to stop")

    with pytest.raises(InterruptedError, match="told to stop"):
        computed.split_logits(tokens, advance=stop)


def test_threads_are_what_they_were_afterwards(folder_of: Callable[[str], Path]) -> None:
    folder = folder_of("bert")
    threads = torch.get_num_threads()
    InferencePass(model_of(folder), "float32").split_logits(tokens_of(folder))
    assert torch.get_num_threads() == threads


def test_what_cannot_be_computed_is_named(folder_of: Callable[[str], Path]) -> None:
    folder = folder_of("bert")
    assert inference_obstacle(model_of(folder)) is None
    assert inference_obstacle(model_of(folder, bias="all", dropout=0.1)) is None
    other = model_of(folder)
    other.config.hidden_act = "relu"
    assert inference_obstacle(other) == "activation 'relu'"
    other = model_of(folder)
    other.config.model_type = "modernbert"
    assert inference_obstacle(other) == "model family 'modernbert'"
    other = model_of(folder)
    layer = other.bert.encoder.layer[0].output
    layer.dense = torch.nn.Linear(64, 32, bias=False)
    assert inference_obstacle(other) == "a linear layer without bias"
    other = model_of(folder, targets="attention")
    module = next(module for module in other.modules() if hasattr(module, "lora_A"))
    module.use_dora["default"] = True
    assert inference_obstacle(other) == "DoRA"
