"""The pass without padding is the model's own, and its gradients are those of autograd, except for rounding."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import tiny
from finetooth.models import adapters
from finetooth.models.attention import COARSE_COUNTS, LENGTH_STEP, TOKEN_STEP, Group, Layout, _Fused, _KeptScores
from finetooth.models.batching import Tokens, collate, packed_batches, tokenize
from finetooth.models.config_file import load_config
from finetooth.models.loading import load_base
from finetooth.models.packed import PackedModel, obstacle
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate, Training

CLASSES = ("bad", "good", "neither")
TEXTS = [text for text, _ in tiny.texts(40, seed=4)]
PAIRS = [text for text, _ in tiny.texts(40, seed=6)]
RELATIVE = 1e-5  # of the largest entry of a tensor


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp(request.param), request.param)


def candidate(**changes: Any) -> Candidate:
    return Candidate.model_validate({"name": "c", "rank": 4, **changes})


def attached(folder: Path, **changes: Any) -> Any:
    """A trained-looking adapter: its B is not zero."""
    base = load_base(folder, classes=CLASSES, head_seed=7)
    return tiny.disturb(adapters.attach(base, candidate(**changes), seed=7))


def tokens_of(folder: Path, *, pairs: bool = False) -> Tokens:
    return tokenize(load_tokenizer(folder), TEXTS, PAIRS if pairs else None, max_tokens=48)


def gradients(model: Any, logits: torch.Tensor, rows: np.ndarray) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    torch.autograd.backward(functional.cross_entropy(logits, torch.from_numpy(rows % len(CLASSES))))
    by_name = {name: value.grad for name, value in model.named_parameters() if value.requires_grad}
    return {name: value.clone() for name, value in by_name.items() if value is not None}


def largest(tensor: torch.Tensor) -> float:
    return float(tensor.detach().abs().max())


def assert_close(one: torch.Tensor, two: torch.Tensor, *, least: float = 0.0) -> None:
    """least: what the tolerance is taken of at least; the gradient of a key's bias is zero except for rounding."""
    assert largest(one - two) <= RELATIVE * max(least, largest(two))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"targets": "attention"},
        {"targets": "mlp"},
        {"bias": "lora_only"},
        {"layers": "last-1"},
        {"layers": "last-1", "targets": "mlp", "bias": "lora_only"},
        {"rslora": True, "rank": 2, "alpha": 3},
        {"targets": "VALUE"},
    ],
    ids=str,
)
@pytest.mark.parametrize("pairs", [False, True])
def test_logits_and_every_gradient_are_those_of_the_models_own_pass(
    folder: Path, changes: dict[str, Any], pairs: bool
) -> None:
    if changes.get("targets") == "VALUE":
        family = load_config(folder).model_type
        changes = {"targets": ["value"] if family == "bert" else ["v_lin"]}
    pairs = pairs and load_config(folder).model_type == "bert"
    model, tokens = attached(folder, **changes), tokens_of(folder, pairs=pairs)
    model.train()
    packed = PackedModel(model, tokens, budget=256)
    packed.fold()
    rows = np.argsort(tokens.lengths, kind="stable")[[0, 3, 4, 5, 17, 30, 38, 39]]
    expected = model(**collate(tokens, rows, pad_id=0)).logits
    theirs = gradients(model, expected, rows)
    actual = packed(rows)
    ours = gradients(model, actual, rows)
    assert_close(actual, expected)
    assert ours.keys() == theirs.keys()
    largest_gradient = max(largest(gradient) for gradient in theirs.values())
    for name, gradient in ours.items():
        assert_close(gradient, theirs[name], least=1e-3 * largest_gradient)


@pytest.mark.parametrize("changes", [{}, {"bias": "lora_only"}, {"layers": "last-1"}], ids=str)
def test_in_bfloat16_gradients_are_near_those_of_float32(folder: Path, changes: dict[str, Any]) -> None:
    model, tokens = attached(folder, **changes), tokens_of(folder)
    rows = np.argsort(tokens.lengths, kind="stable")[[0, 3, 4, 5, 17, 30, 38, 39]]
    actual = []
    for dtype in (torch.float32, torch.bfloat16):
        packed = PackedModel(model, tokens, budget=256, dtype=dtype)
        packed.fold()
        logits = packed(rows)
        assert logits.dtype == torch.float32
        actual.append((logits.detach(), gradients(model, logits, rows)))
    (exact, theirs), (rounded, ours) = actual
    assert 0 < largest(rounded - exact) <= 0.02 * largest(exact)
    assert all(gradient.dtype == torch.float32 for gradient in ours.values())
    most = max(float(gradient.norm()) for gradient in theirs.values())
    for name, gradient in theirs.items():
        assert float((ours[name] - gradient).norm()) <= 0.03 * max(float(gradient.norm()), 0.02 * most), name


def test_in_bfloat16_few_shapes_come_up() -> None:
    lengths = np.sort(np.random.default_rng(0).integers(1, 400, 60))
    layout = Layout(lengths, coarse=True)
    assert (layout.end + layout.padding) % TOKEN_STEP == 0
    assert 0 <= layout.padding < TOKEN_STEP
    assert all(group.rows in COARSE_COUNTS and group.longest % LENGTH_STEP == 0 for group in layout.groups)
    assert sum(group.rows for group in layout.groups) == len(lengths)
    assert [group.rows for group in Layout(np.full(40, 30), coarse=True).groups] == [32, 8]


def test_both_ways_of_attention_give_the_same() -> None:
    lengths, heads = np.asarray([3, 5, 16, 17, 17, 40]), 2
    layout, exact = Layout(lengths, coarse=True), Layout(lengths)
    inner = torch.randn(layout.end + layout.padding, 3 * heads * 8, generator=torch.manual_seed(0))
    inner[layout.end :] = 0
    towards = torch.randn(layout.end, heads * 8, generator=torch.manual_seed(1))
    results = []
    for kernel, rows, values in ((_Fused, exact, inner[: layout.end]), (_KeptScores, layout, inner)):
        values = values.clone().requires_grad_()
        context = kernel.apply(values, rows, heads)
        assert largest(context[layout.end :]) == 0 if len(values) > layout.end else True
        (gradient,) = torch.autograd.grad((context[: layout.end] * towards).sum(), values)
        results.append((context[: layout.end], gradient))
    assert_close(results[1][0], results[0][0])
    assert_close(results[1][1][: layout.end], results[0][1])
    assert largest(results[1][1][layout.end :]) == 0


def test_it_keeps_nothing_of_layers_below_the_first_trained_one(folder: Path) -> None:
    packed = PackedModel(attached(folder, layers="last-1"), tokens_of(folder), budget=256)
    entered = []
    for layer in packed.layers:
        plain = layer.inner
        layer.inner = lambda inputs, plain=plain: entered.append(torch.is_grad_enabled()) or plain(inputs)
    packed(np.arange(3))
    assert entered == [False, True]


def test_changed_values_are_taken_up_by_fold(folder: Path) -> None:
    model, tokens, rows = attached(folder), tokens_of(folder), np.arange(5)
    packed = PackedModel(model, tokens, budget=256)
    packed.fold()
    before = packed(rows)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.mul_(-1)
    packed.fold()
    after = packed(rows)
    assert not torch.allclose(before, after)
    assert_close(after, model.eval()(**collate(tokens, rows, pad_id=0)).logits)


def test_the_base_is_left_as_it_was(folder: Path) -> None:
    model, tokens = attached(folder), tokens_of(folder)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    packed = PackedModel(model, tokens, budget=256)
    packed.fold()
    gradients(model, packed(np.arange(7)), np.arange(7))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_rows_of_unequal_length_are_spread_and_gathered_back() -> None:
    lengths = np.asarray([2, 2, 3, 5])
    layout = Layout(lengths)
    packed = torch.arange(12.0).reshape(12, 1)
    gathered = torch.cat([group.gather(group.spread(packed[group.start : group.end])) for group in layout.groups])
    assert torch.equal(gathered, packed)
    assert layout.first.tolist() == [0, 2, 4, 7]
    assert [group.rows for group in layout.groups] == [4]  # short rows: padding is cheaper than another call
    assert [group.rows for group in Layout(np.asarray([50, 50, 200])).groups] == [2, 1]
    assert Group([3, 3], 0).mask is None


def test_batches_without_padding_keep_the_budget_and_every_row() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 200)
    rows = np.random.default_rng(1).permutation(200)[:50]
    for budget in (10, 64, 200, 10_000):
        parts = packed_batches(rows, lengths, budget)
        assert sorted(np.concatenate(parts)) == sorted(rows)
        assert all(lengths[part].sum() <= budget or len(part) == 1 for part in parts)
        assert all(np.all(np.diff(lengths[part]) >= 0) for part in parts)
        assert len(parts) <= 1.2 * lengths[rows].sum() / budget + 1 or budget < 100


def test_concurrent_batches_share_the_budget_and_the_work() -> None:
    lengths = np.random.default_rng(0).integers(20, 60, 200)
    rows = np.random.default_rng(1).permutation(200)[:50]
    for budget in (120, 300, 1000, 10_000):
        parts = packed_batches(rows, lengths, budget, concurrent=2, width=32)
        assert sorted(np.concatenate(parts)) == sorted(rows)
        assert all(lengths[part].sum() <= budget // 2 for part in parts)
        assert len(parts) % 2 == 0
    costs = [float((lengths[part] * (1 + lengths[part] / (1.7 * 32))).sum()) for part in parts]
    assert len(parts) == 2
    assert costs == pytest.approx([sum(costs) / 2] * 2, rel=0.02)


def test_concurrent_batches_are_as_many_as_there_are_rows() -> None:
    lengths = np.asarray([900, 7, 5])
    assert [part.tolist() for part in packed_batches(np.asarray([2]), lengths, 2000, concurrent=2)] == [[2]]
    assert [part.tolist() for part in packed_batches(np.arange(3), lengths, 2000, concurrent=2)] == [[0], [2, 1]]
    assert [part.tolist() for part in packed_batches(np.arange(3), lengths, 10, concurrent=2)] == [[0], [1], [2]]


def test_batches_are_concurrent_only_if_the_budget_has_room_for_two(folder: Path) -> None:
    model, tokens = attached(folder), tokens_of(folder)
    longest = int(tokens.lengths.max())
    for budget, concurrent in ((longest - 1, 1), (2 * longest - 1, 1), (2 * longest, 2), (9 * longest, 2)):
        packed = PackedModel(model, tokens, budget=budget, most_concurrent=2)
        assert packed.concurrent == concurrent
        assert len(packed.split(np.arange(7))) >= concurrent


@pytest.mark.parametrize(
    ("candidate_changes", "training", "reason"),
    [
        ({}, {}, None),
        ({"bias": "lora_only"}, {}, None),
        ({"bias": "all"}, {}, "bias: all"),
        ({"dropout": 0.1}, {}, "dropout of the adapter"),
        ({}, {"base_dropout": 0.1}, "dropout inside the base"),
        ({}, {"base_dropout": "model"}, "dropout inside the base"),
    ],
)
def test_what_stands_in_its_way_is_named(
    folder: Path, candidate_changes: dict[str, Any], training: dict[str, Any], reason: str | None
) -> None:
    config = load_config(folder)
    assert obstacle(config, candidate(**candidate_changes), Training.model_validate(training)) == reason


def test_on_a_gpu_heads_that_the_kernel_does_not_take_stand_in_its_way(folder: Path) -> None:
    config, on_gpu = load_config(folder), Training.model_validate({"device": "cuda"})
    assert obstacle(config, candidate(), on_gpu) is None
    for heads, width in ((8, 4), (1, 32), (16, 2)):
        config.num_attention_heads = heads
        because = None if width == 32 else f"attention heads of {width} values"
        assert obstacle(config, candidate(), on_gpu) == because
        assert obstacle(config, candidate(), Training.model_validate({})) is None


def test_another_activation_or_family_stands_in_its_way(folder: Path) -> None:
    config = load_config(folder)
    name = "hidden_act" if config.model_type == "bert" else "activation"
    setattr(config, name, "relu")
    assert obstacle(config, candidate(), Training.model_validate({})) == "activation 'relu'"
    setattr(config, name, "gelu")
    config.is_decoder = True
    assert obstacle(config, candidate(), Training.model_validate({})) == "is_decoder: true"
    config.model_type = "mpnet"
    assert obstacle(config, candidate(), Training.model_validate({})) == "model family 'mpnet'"
