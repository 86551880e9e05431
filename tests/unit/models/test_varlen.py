"""On a GPU one kernel takes all rows of a micro-batch, and tokens are looked up there: the same as on a CPU.

The kernel itself runs on a GPU only; here its place is taken by a loop over the rows, or by its shapes (device meta).
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import tiny
from finetooth.models import adapters, device, varlen
from finetooth.models.attention import Layout, attention, first_attention
from finetooth.models.batching import Rows, Tokens, collate, tokenize
from finetooth.models.loading import load_base
from finetooth.models.packed import PackedModel
from finetooth.models.tokenizer import load_tokenizer
from finetooth.models.varlen import Ends, HeldTokens
from finetooth.recipe import Candidate

CPU = torch.device("cpu")
CLASSES = ("bad", "good", "neither")
LENGTHS = np.asarray([1, 3, 5, 16, 17, 17, 40])
HEADS = 2


def by_rows(
    query: Any, key: Any, value: Any, query_offsets: Any, key_offsets: Any, most_asked: int, most_given: int
) -> torch.Tensor:
    """What the kernel is asked to compute, a row at a time: (T, A, width)."""
    assert query_offsets.dtype == key_offsets.dtype == torch.int32
    assert (most_asked, most_given) == (int(query_offsets.diff().max()), int(key_offsets.diff().max()))
    outputs = []
    for (start, end), (first, last) in zip(
        pairwise(query_offsets.tolist()), pairwise(key_offsets.tolist()), strict=True
    ):
        row = (part.transpose(0, 1) for part in (query[start:end], key[first:last], value[first:last]))
        outputs.append(functional.scaled_dot_product_attention(*row).transpose(0, 1))
    return torch.cat(outputs)


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(varlen, "_kernel", by_rows)


def assert_close(one: torch.Tensor, two: torch.Tensor) -> None:
    assert float((one - two).detach().abs().max()) <= 1e-5 * float(two.detach().abs().max())


@pytest.mark.usefixtures("on_cpu")
def test_attention_over_all_rows_at_once_is_that_of_groups_of_rows() -> None:
    results = []
    for layout in (Layout(LENGTHS), Ends(LENGTHS, CPU)):
        inner = torch.randn(layout.end, 3 * HEADS * 8, generator=torch.manual_seed(0)).requires_grad_()
        towards = torch.randn(layout.end, HEADS * 8, generator=torch.manual_seed(1))
        actual = attention(inner, layout, HEADS)
        results.append((actual, *torch.autograd.grad((actual * towards).sum(), inner)))
    for one, two in zip(*results, strict=True):
        assert_close(two, one)


@pytest.mark.usefixtures("on_cpu")
def test_attention_of_first_tokens_is_that_of_groups_of_rows() -> None:
    results = []
    for layout in (Layout(LENGTHS), Ends(LENGTHS, CPU)):
        query = torch.randn(len(LENGTHS), HEADS * 8, generator=torch.manual_seed(0)).requires_grad_()
        pairs = torch.randn(layout.end, 2 * HEADS * 8, generator=torch.manual_seed(1)).requires_grad_()
        actual = first_attention(query, pairs, layout, heads=HEADS)
        results.append((actual, *torch.autograd.grad(actual.square().sum(), (query, pairs))))
        assert layout.first.tolist() == [0, 1, 4, 9, 25, 42, 59]
    for one, two in zip(*results, strict=True):
        assert_close(two, one)


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp(request.param), request.param)


def attached(folder: Path, **changes: Any) -> Any:
    candidate = Candidate.model_validate({"name": "c", "rank": 4, "bias": "lora_only", **changes})
    return tiny.disturb(adapters.attach(load_base(folder, classes=CLASSES, head_seed=7), candidate, seed=7))


def tokens_of(folder: Path, *, pairs: bool = False) -> Tokens:
    texts, others = ([text for text, _ in tiny.texts(20, seed=seed)] for seed in (4, 6))
    return tokenize(load_tokenizer(folder), texts, others if pairs else None, max_tokens=48)


class Known:
    """Replaces a frozen-layer cache that holds the rows of even numbers."""

    depth = 1

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def holds(self, rows: Rows) -> np.ndarray:
        return rows % 2 == 0

    def read(self, rows: Rows) -> torch.Tensor:
        count = int(self.tokens.lengths[rows].sum())
        return torch.randn(count, 32, generator=torch.manual_seed(int(rows.sum())))


@pytest.mark.parametrize("pairs", [False, True])
def test_tokens_are_looked_up_as_they_stand(folder: Path, pairs: bool) -> None:
    tokens, rows = tokens_of(folder, pairs=pairs), np.asarray([7, 0, 19, 3])
    packed = PackedModel(attached(folder), tokens, budget=256)
    actual = HeldTokens(tokens, CPU).look_up(rows, Ends(tokens.lengths[rows], CPU))
    expected = packed._look_up(rows)
    assert all(torch.equal(one, two) and one.dtype == two.dtype for one, two in zip(actual, expected, strict=True))


@pytest.mark.usefixtures("on_cpu")
def test_logits_and_gradients_are_those_of_the_models_own_pass(folder: Path) -> None:
    model, tokens, rows = attached(folder), tokens_of(folder), np.asarray([0, 3, 4, 5, 17])
    named = [value for value in model.parameters() if value.requires_grad]
    packed = PackedModel(model, tokens, budget=256)
    packed.held = HeldTokens(tokens, CPU)
    packed.fold()
    actual, expected = packed(rows), model(**collate(tokens, rows, pad_id=0)).logits
    assert_close(actual, expected)
    ours, theirs = (torch.autograd.grad(logits.square().sum(), named) for logits in (actual, expected))
    largest_gradient = max(float(gradient.abs().max()) for gradient in theirs)
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6 * largest_gradient)


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("rows", [[0, 2, 4], [1, 3], [1, 2, 3, 8, 11]])
def test_states_from_disk_stand_among_those_computed_here(folder: Path, rows: list[int]) -> None:
    model, tokens = attached(folder, layers="last-1"), tokens_of(folder)
    packed = PackedModel(model, tokens, budget=256, states=Known(tokens))
    packed.fold()
    expected = packed(np.asarray(rows))
    packed.held = HeldTokens(tokens, CPU)
    assert_close(packed(np.asarray(rows)), expected)


def test_no_pass_needs_a_value_of_the_device(folder: Path) -> None:
    """On the device meta there are no values: whatever would wait for one raises."""
    model, tokens = device.placed(attached(folder, layers="last-1"), "meta"), tokens_of(folder)
    named = [value for value in model.parameters() if value.requires_grad]
    for states in (None, Known(tokens)):
        packed = PackedModel(model, tokens, budget=256, states=states, dtype=torch.bfloat16)
        packed.fold()
        for rows in ([0, 2], [1, 3], [1, 2, 3, 8]):
            logits = packed(np.asarray(rows))
            assert (logits.shape, logits.dtype, logits.device.type) == ((len(rows), 3), torch.float32, "meta")
            gradients = torch.autograd.grad(logits.sum(), named)
            assert [gradient.dtype for gradient in gradients] == [torch.float32] * len(named)
    with pytest.raises(RuntimeError):
        float(logits.sum())


def test_a_copy_on_a_device_leaves_the_model_where_it_is(folder: Path) -> None:
    model = attached(folder)
    copied = device.placed(model, "meta")
    assert {value.device.type for value in model.parameters()} == {"cpu"}
    assert {value.device.type for value in copied.parameters()} == {"meta"}
    assert device.placed(model, "cpu") is model
