"""A tokenizer is read and never changed: by one caller, or by two threads that cut to different lengths."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

import tiny
from finetooth.models.batching import Tokens, tokenize
from finetooth.models.tokenizer import check_file_agrees, check_tokenizer, load_file, load_tokenizer

TEXTS = [text for text, _ in tiny.texts(40, seed=3)] + ["", "a", "b " * 60]
PAIRS = [text for text, _ in tiny.texts(40, seed=4)] + ["c " * 50, "", "d " * 30]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tokenizer")
    tiny.save_tokenizer(directory)
    tiny.config("bert", 200).save_pretrained(directory)
    return directory


def cutting(folder: Path) -> Any:
    """A tokenizer that its owner has told to cut to 8 tokens and to pad to 32."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.enable_truncation(8)
    tokenizer.backend_tokenizer.enable_padding(length=32)
    return tokenizer


def equal(one: Tokens, other: Tokens) -> bool:
    assert one.types is not None and other.types is not None
    return (
        np.array_equal(one.ids, other.ids)
        and np.array_equal(one.starts, other.starts)
        and np.array_equal(one.types, other.types)
    )


def test_padding_and_truncation_of_a_tokenizer_are_neither_used_nor_changed(folder: Path) -> None:
    tokenizer, bare = cutting(folder), load_tokenizer(folder)
    before = tokenizer.backend_tokenizer.to_str()
    assert equal(tokenize(tokenizer, TEXTS, PAIRS, max_tokens=20), tokenize(bare, TEXTS, PAIRS, max_tokens=20))
    assert np.array_equal(tokenize(tokenizer, TEXTS, max_tokens=20).ids, tokenize(bare, TEXTS, max_tokens=20).ids)
    check_tokenizer(tokenizer, SimpleNamespace(vocab_size=1000), pairs=True, name="x")
    check_file_agrees(tokenizer, folder)
    assert tokenizer.backend_tokenizer.to_str() == before
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 8


def test_a_loaded_tokenizer_has_neither_and_is_not_copied(folder: Path) -> None:
    for backend in (load_tokenizer(folder).backend_tokenizer, load_file(folder).backend_tokenizer):
        assert backend.truncation is None and backend.padding is None


@pytest.mark.parametrize("make", [cutting, load_tokenizer])
def test_two_threads_that_cut_to_different_lengths_change_neither_tokens_nor_tokenizer(folder: Path, make: Any) -> None:
    tokenizer = make(folder)
    before = tokenizer.backend_tokenizer.to_str()
    alone = {most: tokenize(tokenizer, TEXTS, PAIRS, max_tokens=most) for most in (9, 24)}
    together: dict[int, list[Tokens]] = {9: [], 24: []}
    start = threading.Barrier(2)

    def work(most: int) -> None:
        start.wait(30)
        for _ in range(20):
            together[most].append(tokenize(tokenizer, TEXTS, PAIRS, max_tokens=most))

    threads = [threading.Thread(target=work, args=(most,)) for most in together]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for most, tokens in together.items():
        assert len(tokens) == 20 and all(equal(alone[most], other) for other in tokens)
    assert tokenizer.backend_tokenizer.to_str() == before


@settings(max_examples=200, deadline=None, derandomize=True)
@given(first=st.integers(0, 40), second=st.integers(0, 40), most=st.integers(4, 60))
def test_a_pair_is_cut_as_the_tokenizers_library_cuts_it(first: int, second: int, most: int) -> None:
    texts, pairs = [" ".join("a" * first)], [" ".join("b" * second)]
    tokens = tokenize(SimpleNamespace(backend_tokenizer=backend()), texts, pairs, max_tokens=most)
    theirs = backend()
    theirs.enable_truncation(most, strategy="longest_first")
    (encoded,) = theirs.encode_batch([(texts[0], pairs[0])])
    assert tokens.ids.tolist() == encoded.ids
    assert tokens.types is not None and tokens.types.tolist() == encoded.type_ids


def backend() -> Tokenizer:
    """A tokenizer of letters."""
    return Tokenizer.from_str(LETTERS.to_str())


def letters() -> Tokenizer:
    from tokenizers import models, pre_tokenizers, processors

    made = Tokenizer(models.WordLevel({"[CLS]": 0, "[SEP]": 1, "a": 2, "b": 3}, unk_token="a"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    return made


LETTERS = letters()
