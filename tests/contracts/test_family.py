"""The contract of a model family: what must hold of every model that `run` accepts, by the laws of house style.

A capability (the pass without padding, the frozen-layer cache) is never required, but where it is there, a model
computes with it what it computes without it.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import tiny
from finetooth.errors import ModelError
from finetooth.files import read_json, write_json
from finetooth.models import adapters, artifact, features, inference
from finetooth.models.batching import Input, Tokens, collate, evaluation_batches, tokenize
from finetooth.models.config_file import positions
from finetooth.models.frozen_layer_cache import FrozenLayerCache
from finetooth.models.loading import Base, base_tensors, hash_tensors, head_tensors, load_base
from finetooth.models.packed import PackedModel
from finetooth.models.packed_inference import InferencePass, inference_obstacle
from finetooth.models.plain_pass import logits
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer
from finetooth.pipeline import preparation
from finetooth.recipe import Candidate
from tiny_families import LAYERS, POSITIONS, WIDTH, every_family, save_model

CLASSES = ("bad", "good", "neither")
TEXTS = [*(text for text, _ in tiny.texts(30, seed=4)), "a film [PAD] with [PAD] the padding token in it"]
ROUNDING = 1e-5  # largest difference of a logit that is computed in another order
BUDGET = 256

family = pytest.mark.parametrize("family", every_family())


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folders: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in folders:
            folders[family] = save_model(tmp_path_factory.mktemp(family), family)
        return folders[family]

    return folder


FolderOf = Callable[[str], Path]


def base_of(folder: Path, *, head_seed: int = 7) -> Base:
    return load_base(folder, classes=CLASSES, head_seed=head_seed)


def adapted(folder: Path, **settings: Any) -> Any:
    """A model whose adapter and head have learned something."""
    candidate = Candidate.model_validate({"name": "c", "rank": 4, **settings})
    return tiny.disturb(adapters.attach(base_of(folder), candidate, seed=7)).eval()


def tokens_of(folder: Path, texts: list[str] = TEXTS, *, max_tokens: int = 48) -> Tokens:
    return tokenize(load_tokenizer(folder), texts, max_tokens=max_tokens)


def scored(model: Any, tokens: Tokens, *, budget: int = BUDGET, states: FrozenLayerCache | None = None) -> np.ndarray:
    """Logits by the model's own pass."""
    return logits(model, tokens, pad_id=model.config.pad_token_id, budget=budget, states=states)


@family
def test_it_loads_with_a_new_head_over_the_classes(folder_of: FolderOf, family: str) -> None:
    base = base_of(folder_of(family))
    computed = scored(base.model, tokens_of(folder_of(family)))
    assert computed.shape == (len(TEXTS), len(CLASSES)) and np.isfinite(computed).all()
    assert computed.std(axis=0).min() > 1e-4  # texts are distinguished
    assert base.head == "new" and base.head_modules
    assert not any(parameter.requires_grad for parameter in base.model.parameters())


@family
def test_groups_share_out_the_linear_layers_of_every_encoder_layer(folder_of: FolderOf, family: str) -> None:
    base = base_of(folder_of(family))
    every, attention, mlp = (set(adapters.match(base, targets=group)) for group in adapters.GROUPS)
    assert attention and mlp and attention | mlp == every and not attention & mlp
    for group in (attention, mlp):
        assert {adapters.layer_of(name) for name in group} == set(range(LAYERS))


@family
def test_last_1_is_the_layer_that_is_computed_last(folder_of: FolderOf, family: str) -> None:
    base = base_of(folder_of(family))
    names = adapters.match(base, targets="all-linear", layers="last-1")
    assert {adapters.layer_of(name) for name in names} == {LAYERS - 1}
    called: list[str] = []
    for name in adapters.match(base, targets="all-linear"):
        base.model.get_submodule(name).register_forward_hook(lambda *_, name=name: called.append(name))
    scored(base.model, tokens_of(folder_of(family), TEXTS[:1]))
    assert set(called[-len(names) :]) == set(names)


@family
def test_batch_size_and_padding_change_rounding_alone(folder_of: FolderOf, family: str) -> None:
    model, tokens = adapted(folder_of(family)), tokens_of(folder_of(family))
    alone, together = (scored(model, tokens, budget=budget) for budget in (1, 10_000))
    np.testing.assert_allclose(alone, together, rtol=0, atol=ROUNDING)


@family
def test_the_longest_text_that_is_allowed_is_computed_both_ways(folder_of: FolderOf, family: str) -> None:
    most, model = positions(folder_of(family)), base_of(folder_of(family)).model
    assert most == POSITIONS
    tokens = tokens_of(folder_of(family), [" ".join(["film"] * 2 * most)], max_tokens=most)
    assert tokens.lengths.tolist() == [most]
    fast = InferencePass(model, "float32").split_logits(tokens)
    np.testing.assert_allclose(fast, scored(model, tokens), rtol=0, atol=ROUNDING)


@family
def test_a_head_on_the_states_that_it_reads_gives_the_logits(folder_of: FolderOf, family: str) -> None:
    folder = folder_of(family)
    base, other, tokens = base_of(folder), base_of(folder, head_seed=8), tokens_of(folder)
    read = features.encode(
        base.model, tokens, features=("first_token",), pad_id=base.model.config.pad_token_id, budget=BUDGET
    )["first_token"]
    assert read.shape == (len(TEXTS), WIDTH)
    wanted = scored(other.model, tokens)
    np.testing.assert_allclose(
        features.head_logits(base.model, read, head_tensors(other)), wanted, rtol=0, atol=ROUNDING
    )


@family
def test_the_fast_pass_gives_the_logits_of_the_plain_one(folder_of: FolderOf, family: str) -> None:
    folder = folder_of(family)
    model, tokens = adapted(folder, targets="all-linear"), tokens_of(folder)
    assert inference_obstacle(model) is None
    predictor = inference.ready(predictor_of(folder, model), "float32")
    assert predictor.precision == "float32"
    plain = scored(model, tokens)
    np.testing.assert_allclose(predictor.infer_tokens(tokens), plain, rtol=0, atol=ROUNDING)


@family
def test_training_without_padding_has_the_gradients_of_the_models_own_pass(folder_of: FolderOf, family: str) -> None:
    model, tokens = adapted(folder_of(family), bias="lora_only").train(), tokens_of(folder_of(family))
    packed = PackedModel(model, tokens, budget=BUDGET)
    packed.fold()
    rows = np.argsort(tokens.lengths, kind="stable")[[0, 3, 17, 29, 30]]
    ours = gradients(model, packed(rows))
    theirs = gradients(model, model(**collate(tokens, rows, pad_id=model.config.pad_token_id)).logits)
    largest = max(float(gradient.abs().max()) for gradient in theirs.values())
    assert ours.keys() == theirs.keys() and largest > 1e-3
    for name, gradient in ours.items():
        assert float((gradient - theirs[name]).abs().max()) <= ROUNDING * largest, name


def gradients(model: Any, logits: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    torch.autograd.backward(functional.cross_entropy(logits, torch.arange(len(logits)) % len(CLASSES)))
    return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


@family
def test_the_frozen_layer_cache_gives_the_bits_of_the_plain_pass(
    folder_of: FolderOf, family: str, tmp_path: Path
) -> None:
    model, tokens = adapted(folder_of(family), layers="last-1"), tokens_of(folder_of(family))
    plain = scored(model, tokens)
    cache = filled(tmp_path, model, tokens)
    assert scored(model, tokens, states=cache).tobytes() == plain.tobytes()


def filled(place: Path, model: Any, tokens: Tokens) -> FrozenLayerCache:
    blocks = len(evaluation_batches(tokens.lengths, BUDGET))
    cache = FrozenLayerCache(place, tokens, depth=LAYERS - 1, width=WIDTH, budget=BUDGET, blocks=blocks, key={})
    cache.fill(model, pad_id=model.config.pad_token_id, advance=lambda done, whole: None)
    return cache


@pytest.mark.parametrize("family", ["bert", "electra"])
def test_a_model_that_norms_what_its_layers_give_is_not_cached(
    folder_of: FolderOf, family: str, tmp_path: Path
) -> None:
    model, tokens = adapted(folder_of(family), layers="last-1"), tokens_of(folder_of(family))

    def norm(module: Any, inputs: Any, output: Any) -> Any:
        output.last_hidden_state = 2 * output.last_hidden_state
        return output

    hook = model.get_base_model().base_model.register_forward_hook(norm)
    with pytest.raises(ModelError, match=r"training.cache_bytes: 0"):
        filled(tmp_path, model, tokens)
    hook.remove()
    assert not list(tmp_path.glob("*.jsonl"))  # nothing of it counts
    filled(tmp_path, model, tokens)


def predictor_of(folder: Path, model: Any) -> TextModel:
    return TextModel(model, load_tokenizer(folder), CLASSES, Input(48, "head", False), "c")


@family
def test_reloaded_it_gives_the_bits_it_gave_in_memory_and_the_answers_of_its_logits(
    folder_of: FolderOf, family: str, tmp_path: Path
) -> None:
    folder = folder_of(family)
    clean, tokens = base_of(folder), tokens_of(folder)
    weights = hash_tensors(base_tensors(clean))
    model = tiny.disturb(adapters.attach(clean, Candidate(name="c", rank=4), seed=7)).eval()
    before = scored(model, tokens)
    artifact.save(
        predictor_of(folder, model),
        tmp_path / "adapter",
        base=clean,
        base_folder=folder,
        source=artifact.Provenance("owner/name", "0" * 64),
        weights_sha256=weights,
        head_seed=7,
    )
    reloaded = artifact.load(tmp_path / "adapter", base_folder=folder, name="c")
    assert scored(reloaded.model, tokens).tobytes() == before.tobytes()
    answers = [answer["label"] for answer in inference.ready(reloaded, "float32").predict(TEXTS)]
    assert answers == [CLASSES[number] for number in before.argmax(axis=1)]
    assert torch.isfinite(torch.from_numpy(before)).all()


@pytest.mark.parametrize("kind", ["roberta", "electra"])
def test_a_tokenizer_that_its_class_builds_otherwise_than_its_file_is_refused(
    folder_of: FolderOf, tmp_path: Path, kind: str
) -> None:
    shutil.copytree(folder_of(kind), tmp_path / "model")
    assert preparation.checked_tokenizer(tmp_path / "model", pairs=False)
    name = {"roberta": "RobertaTokenizer", "electra": "ElectraTokenizer"}[kind]
    settings = tmp_path / "model" / "tokenizer_config.json"
    write_json(settings, read_json(settings) | {"tokenizer_class": name, "do_lower_case": False})
    with pytest.raises(ModelError, match=r"of transformers does not make the tokens of tokenizer\.json"):
        preparation.checked_tokenizer(tmp_path / "model", pairs=False)


def test_the_projection_of_electras_embeddings_is_no_target(folder_of: FolderOf) -> None:
    base = base_of(folder_of("electra"))
    assert base.model.electra.embeddings_project.out_features == WIDTH
    with pytest.raises(ModelError, match="'embeddings_project' is no linear layer of the encoder"):
        adapters.match(base, targets=["embeddings_project"])


@pytest.mark.parametrize(("pad", "message"), [(None, "pad_token_id"), (600, "leaves no position for a token")])
def test_a_padding_token_that_leaves_no_positions_is_refused(
    folder_of: FolderOf, tmp_path: Path, pad: int | None, message: str
) -> None:
    shutil.copytree(folder_of("roberta"), tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    write_json(config, read_json(config) | {"pad_token_id": pad})
    with pytest.raises(ModelError, match=message):
        positions(tmp_path / "model")
