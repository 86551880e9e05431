"""Tokens are those of transformers; micro-batches cost least; evaluation's plan is fixed."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from finetooth.errors import Interrupted, ModelError
from finetooth.models.batching import (
    OVERHEAD_TOKENS,
    Tokens,
    collate,
    encode,
    evaluation_batches,
    micro_batches,
    tokenize,
)
from finetooth.models.loading import load_base
from finetooth.models.plain_pass import logits
from finetooth.models.tokenizer import load_tokenizer

TEXTS = [text for text, _ in tiny.texts(60, seed=8)] + ["", "a", "!" * 90]
PAIRS = [text for text, _ in tiny.texts(60, seed=9)] + ["the film", "", "b " * 40]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tokenizer")
    tiny.save_tokenizer(directory)
    tiny.config("bert", 100).save_pretrained(directory)
    return directory


def row(tokens: Tokens, number: int) -> list[int]:
    return [int(token) for token in tokens.ids[tokens.starts[number] : tokens.starts[number + 1]]]


@pytest.mark.parametrize("max_tokens", [4, 7, 16, 64])
def test_single_texts_are_cut_as_transformers_cuts_them(folder: Path, max_tokens: int) -> None:
    actual = tokenize(load_tokenizer(folder), TEXTS, max_tokens=max_tokens)
    theirs = load_tokenizer(folder)(TEXTS, truncation=True, max_length=max_tokens)
    assert [row(actual, number) for number in range(len(TEXTS))] == theirs["input_ids"]
    assert actual.types is None
    untruncated = load_tokenizer(folder)(TEXTS, truncation=False)["input_ids"]
    assert actual.whole_lengths.tolist() == [len(ids) for ids in untruncated]


@pytest.mark.parametrize("max_tokens", [5, 12, 31, 64])
def test_pairs_are_cut_as_transformers_cuts_them(folder: Path, max_tokens: int) -> None:
    actual = tokenize(load_tokenizer(folder), TEXTS, PAIRS, max_tokens=max_tokens)
    theirs = load_tokenizer(folder)(
        TEXTS, PAIRS, truncation="longest_first", max_length=max_tokens, return_token_type_ids=True
    )
    assert [row(actual, number) for number in range(len(TEXTS))] == theirs["input_ids"]
    assert actual.types is not None
    types = [actual.types[start:end].tolist() for start, end in itertools.pairwise(actual.starts)]
    assert types == theirs["token_type_ids"]


def test_head_tail_keeps_a_quarter_of_head_and_the_rest_of_tail(folder: Path) -> None:
    text = " ".join("abcdefghijklmnopqrstuvwxyz")
    tokenizer = load_tokenizer(folder)
    actual = tokenize(tokenizer, [text, "a b c"], max_tokens=12, truncation="head_tail")
    assert tokenizer.convert_ids_to_tokens(row(actual, 0)) == ["[CLS]", "a", *"rstuvwxyz", "[SEP]"]
    assert tokenizer.convert_ids_to_tokens(row(actual, 1)) == ["[CLS]", "a", "b", "c", "[SEP]"]
    for max_tokens in range(4, 40):
        cut = tokenize(tokenizer, [text], max_tokens=max_tokens, truncation="head_tail")
        shown = tokenizer.convert_ids_to_tokens(row(cut, 0))
        assert len(shown) == min(max_tokens, 28)
        assert (shown[0], shown[-1]) == ("[CLS]", "[SEP]")
        assert [word for word in "abcdefghijklmnopqrstuvwxyz" if word in shown] == shown[1:-1]


def test_head_tail_is_refused_for_pairs(folder: Path) -> None:
    with pytest.raises(ModelError) as caught:
        tokenize(load_tokenizer(folder), ["a"], ["b"], max_tokens=8, truncation="head_tail")
    assert str(caught.value) == "truncation: head_tail is for single texts; for pairs use head."


def test_saved_tokens_are_read_back(folder: Path, tmp_path: Path) -> None:
    for number, pairs in enumerate((None, PAIRS)):
        actual = tokenize(load_tokenizer(folder), TEXTS, pairs, max_tokens=20)
        directory = tmp_path / str(number)
        directory.mkdir()
        actual.save(directory)
        again = Tokens.open(directory)
        for name in ("ids", "starts", "types", "whole_lengths"):
            one, two = getattr(actual, name), getattr(again, name)
            assert (one is None and two is None) or (one.dtype == two.dtype and np.array_equal(one, two))


def test_collate_is_what_transformers_pads(folder: Path) -> None:
    tokenizer = load_tokenizer(folder)
    actual = tokenize(tokenizer, TEXTS, PAIRS, max_tokens=30)
    rows = np.asarray([5, 0, 62, 61])
    theirs = load_tokenizer(folder)(
        [TEXTS[number] for number in rows], [PAIRS[number] for number in rows],
        truncation="longest_first", max_length=30, padding=True, return_tensors="pt",
        return_token_type_ids=True,
    )  # fmt: skip
    batch = collate(actual, rows, pad_id=tokenizer.pad_token_id)
    assert batch.keys() == theirs.keys()
    assert all(torch.equal(batch[name], theirs[name]) for name in batch)


def cost(parts: list[list[int]]) -> int:
    return sum(len(part) * max(part) + OVERHEAD_TOKENS for part in parts)


def cheapest(sizes: list[int], budget: int) -> float:
    """The least cost of any partition into groups that keep the budget, all of them tried."""
    if not sizes:
        return 0.0
    first, rest = sizes[0], sizes[1:]
    best = float("inf")
    for count in range(len(rest) + 1):
        for mates in itertools.combinations(range(len(rest)), count):
            group = [first, *(rest[index] for index in mates)]
            if len(group) > 1 and len(group) * max(group) > budget:
                continue
            left = [size for index, size in enumerate(rest) if index not in mates]
            best = min(best, cost([group]) + cheapest(left, budget))
    return best


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 120), min_size=1, max_size=7), st.integers(16, 300))
def test_micro_batches_cost_least_of_all_partitions(sizes: list[int], budget: int) -> None:
    lengths = np.asarray(sizes, np.int64)
    parts = micro_batches(np.arange(len(sizes)), lengths, budget)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(sizes)))
    assert all(len(part) == 1 or len(part) * lengths[part].max() <= budget for part in parts)
    assert cost([lengths[part].tolist() for part in parts]) == cheapest(sizes, budget)


def test_micro_batches_depend_on_the_rows_and_not_on_chance() -> None:
    lengths = np.random.default_rng(0).integers(3, 60, 40)
    rows = np.random.default_rng(1).permutation(40)[:16]
    one, two = (micro_batches(rows.copy(), lengths, 128) for _ in range(2))
    assert [part.tolist() for part in one] == [part.tolist() for part in two]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 90), min_size=0, max_size=40), st.integers(1, 400))
def test_evaluation_takes_every_row_once_longest_first_within_the_budget(sizes: list[int], budget: int) -> None:
    lengths = np.asarray(sizes, np.int64)
    parts = evaluation_batches(lengths, budget)
    flat = [int(number) for part in parts for number in part]
    assert sorted(flat) == list(range(len(sizes)))
    assert [sizes[number] for number in flat] == sorted(sizes, reverse=True)
    assert all(len(part) == 1 or len(part) * lengths[part].max() <= budget for part in parts)


@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_pairs_go_through_both_families(tmp_path: Path, family: str) -> None:
    folder = tiny.save_model(tmp_path / family, family)
    base = load_base(folder, classes=("no", "yes"), head_seed=0)
    actual = tokenize(load_tokenizer(folder), TEXTS[:9], PAIRS[:9], max_tokens=30)
    assert np.isfinite(logits(base.model, actual, pad_id=0)).all()


@pytest.mark.parametrize("error", [Interrupted("stopped by SIGINT"), MemoryError()])
def test_what_ends_the_process_while_texts_are_tokenized_is_no_fault_of_the_tokenizer(error: BaseException) -> None:
    class Backend:
        def encode_batch(self, texts: list[str]) -> list[object]:
            raise error

    with pytest.raises(type(error)):
        encode(Backend(), ["a text"])
