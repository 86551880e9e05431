"""The frozen-layer cache: equal to the uncached pass, bounded, and repaired where it is stale, damaged or cut short."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import tiny
from finetooth.errors import RunError
from finetooth.models import adapters
from finetooth.models.batching import Tokens, evaluation_batches, tokenize
from finetooth.models.frozen_layer_cache import FrozenLayerCache, count_blocks
from finetooth.models.loading import load_base
from finetooth.models.packed import PackedModel
from finetooth.models.plain_pass import logits
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate

TEXTS = [text for text, _ in tiny.texts(40, seed=4)]
BUDGET, WIDTH = 128, 32
KEY = {"base": "a"}


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def tokens(folder: Path) -> Tokens:
    return tokenize(load_tokenizer(folder), TEXTS, max_tokens=48)


@pytest.fixture
def model(folder: Path) -> Any:
    candidate = Candidate.model_validate({"name": "c", "rank": 4, "layers": "last-1"})
    base = load_base(folder, classes=("bad", "good"), head_seed=7)
    return tiny.disturb(adapters.attach(base, candidate, seed=7))


def opened(directory: Path, tokens: Tokens, *, blocks: int | None = None, key: Any = KEY) -> FrozenLayerCache:
    all_blocks = len(evaluation_batches(tokens.lengths, BUDGET))
    return FrozenLayerCache(
        directory, tokens, depth=1, width=WIDTH, budget=BUDGET, blocks=all_blocks if blocks is None else blocks, key=key
    )


def filled(directory: Path, tokens: Tokens, model: Any, **changes: Any) -> FrozenLayerCache:
    cache = opened(directory, tokens, **changes)
    cache.fill(model, pad_id=0, advance=lambda done, total: None)
    return cache


def refill(directory: Path, tokens: Tokens, model: Any, **changes: Any) -> int:
    """How many blocks a new process finds missing."""
    return opened(directory, tokens, **changes).fill(model, pad_id=0, advance=lambda done, total: None)


@pytest.mark.parametrize("blocks", [None, 3])
def test_an_evaluation_with_it_is_bitwise_one_without(tmp_path: Path, tokens: Tokens, model: Any, blocks: Any) -> None:
    cache = filled(tmp_path, tokens, model, blocks=blocks)
    calls: list[int] = []
    stack = model.get_base_model().get_submodule(adapters.encoder_layers(model.get_base_model())[0])
    handle = stack[0].register_forward_hook(lambda *_: calls.append(1))
    with_cache = logits(model, tokens, pad_id=0, budget=BUDGET, states=cache)
    handle.remove()
    assert np.array_equal(with_cache, logits(model, tokens, pad_id=0, budget=BUDGET))
    assert len(calls) == (0 if blocks is None else len(evaluation_batches(tokens.lengths, BUDGET)) - blocks)


@pytest.mark.parametrize("blocks", [None, 3, 0])
def test_training_with_it_is_training_without_but_for_rounding(
    tmp_path: Path, tokens: Tokens, model: Any, blocks: Any
) -> None:
    model.train()
    rows = np.argsort(tokens.lengths, kind="stable")[::3]
    cache = filled(tmp_path, tokens, model, blocks=blocks)
    actual = []
    for states in (None, cache):
        packed = PackedModel(model, tokens, budget=10_000, states=states)
        packed.fold()
        model.zero_grad(set_to_none=True)
        computed = packed(rows)
        torch.autograd.backward(functional.cross_entropy(computed, torch.from_numpy(rows % 2)))
        gradients = [value.grad.clone() for value in model.parameters() if value.grad is not None]
        actual.append([computed.detach(), *gradients])
    assert len(actual[0]) > 10
    largest = max(float(value.abs().max()) for value in actual[0][1:])
    for one, two in zip(*actual, strict=True):
        assert float((one - two).abs().max()) <= 1e-5 * max(float(one.abs().max()), 1e-3 * largest)


def test_a_whole_cache_is_not_computed_again(tmp_path: Path, tokens: Tokens, model: Any) -> None:
    filled(tmp_path, tokens, model)
    assert refill(tmp_path, tokens, model) == 0


def test_threads_that_read_at_the_same_time_get_the_states_of_their_rows(
    tmp_path: Path, tokens: Tokens, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("preadv", "pread", "pwrite"):  # as on Windows
        monkeypatch.delattr(os, name)
    cache = filled(tmp_path, tokens, model)
    blocks = cache.blocks[:2]
    states = [cache.read(rows) for rows in blocks]

    def equal(number: int) -> bool:
        return all(torch.equal(cache.read(blocks[number]), states[number]) for _ in range(500))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(equal, (0, 1, 0, 1)))
    finally:
        sys.setswitchinterval(interval)


def test_a_damaged_block_is_computed_again_to_the_same_bytes(tmp_path: Path, tokens: Tokens, model: Any) -> None:
    filled(tmp_path, tokens, model)
    path = tmp_path / "states.f32"
    content = path.read_bytes()
    for position in (0, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        assert refill(tmp_path, tokens, model) == 1
        assert path.read_bytes() == content
    path.write_bytes(content[: len(content) // 3])
    assert refill(tmp_path, tokens, model) > 1
    assert path.read_bytes() == content


def test_a_damaged_index_costs_blocks_and_not_the_run(tmp_path: Path, tokens: Tokens, model: Any) -> None:
    filled(tmp_path, tokens, model)
    index = tmp_path / "blocks.jsonl"
    content = index.read_bytes()
    for position in range(0, len(content), 7):
        index.write_bytes(content[:position] + bytes([content[position] ^ 0x80]) + content[position + 1 :])
        assert refill(tmp_path, tokens, model) in (0, 1, 2)  # a line end that is gone costs the two lines it parts
    assert refill(tmp_path, tokens, model) == 0


def test_it_goes_on_after_a_kill_between_and_inside_blocks(tmp_path: Path, tokens: Tokens, model: Any) -> None:
    class Killed(Exception):
        pass

    def kill(done: int, total: int) -> None:
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        opened(tmp_path, tokens).fill(model, pad_id=0, advance=kill)
    index = tmp_path / "blocks.jsonl"
    index.write_text(index.read_text() + '{"block": 2, "sh')
    all_blocks = len(evaluation_batches(tokens.lengths, BUDGET))
    assert refill(tmp_path, tokens, model) == all_blocks - 2
    assert refill(tmp_path, tokens, model) == 0
    fresh = filled(tmp_path / "other", tokens, model)
    assert torch.equal(fresh.read(np.arange(40)), opened(tmp_path, tokens).read(np.arange(40)))


@pytest.mark.parametrize("change", ["removed", "cut short"])
def test_a_change_while_in_use_ends_with_what_to_do(tmp_path: Path, tokens: Tokens, model: Any, change: str) -> None:
    cache = filled(tmp_path, tokens, model)
    file = tmp_path / "states.f32"
    if change == "removed":
        file.unlink()
    else:
        os.truncate(file, file.stat().st_size - 4)
    with pytest.raises(RunError) as caught:
        cache.read(np.arange(40))
    assert str(caught.value) == (
        f"{file}: the frozen-layer cache was {change} while in use. Run the same command again to continue."
    )


def test_another_key_makes_it_stale(tmp_path: Path, tokens: Tokens, model: Any) -> None:
    filled(tmp_path, tokens, model)
    all_blocks = len(evaluation_batches(tokens.lengths, BUDGET))
    assert refill(tmp_path, tokens, model, key={"base": "b"}) == all_blocks
    assert json.loads((tmp_path / "key.json").read_text()) == {"base": "b"}
    (tmp_path / "key.json").write_text('{"base": "b')
    assert refill(tmp_path, tokens, model, key={"base": "b"}) == all_blocks  # a damaged key is nobody's
    assert refill(tmp_path, tokens, model, key={"base": "b"}) == 0


def test_it_keeps_its_bound_in_bytes(tmp_path: Path, tokens: Tokens, model: Any) -> None:
    row = int(tokens.lengths.max()) * WIDTH * 4
    for most in (0, row - 1, 3 * row, 10 * row, 10**9):
        blocks, size = count_blocks(tokens.lengths, width=WIDTH, budget=BUDGET, most_bytes=most)
        assert size <= most
        cache = filled(tmp_path / str(most), tokens, model, blocks=blocks)
        assert (tmp_path / str(most) / "states.f32").stat().st_size == size
        assert cache.holds(np.arange(40)).sum() == sum(map(len, evaluation_batches(tokens.lengths, BUDGET)[:blocks]))
    assert blocks == len(evaluation_batches(tokens.lengths, BUDGET))


def test_the_model_is_left_as_it_was(tmp_path: Path, tokens: Tokens, model: Any) -> None:
    before = [name for name, _ in model.named_modules()]
    cache = filled(tmp_path, tokens, model)
    logits(model, tokens, pad_id=0, budget=BUDGET, states=cache)
    assert [name for name, _ in model.named_modules()] == before
