"""Adapters on one base in memory give the bits that each gives alone, by the plain and by the packed engine."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from finetooth.errors import ModelError
from finetooth.models import adapters, artifact, inference
from finetooth.models.batching import Input
from finetooth.models.loading import base_tensors, hash_tensors, load_base
from finetooth.models.shared_base import SharedBase
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate

TEXTS = [text for text, _ in tiny.texts(40, seed=6)]
ADAPTERS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "sentiment": (("bad", "good"), {"rank": 4, "targets": "attention", "bias": "all"}),
    "topic": (("art", "sport", "trade"), {"rank": 8, "targets": "all-linear", "rslora": True}),
    "spam": (("ham", "spam"), {"rank": 2, "layers": "last-1"}),
}


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def folder_of(base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    directory = tmp_path_factory.mktemp("adapters")
    for seed, (name, (classes, settings)) in enumerate(ADAPTERS.items()):
        base = load_base(base_folder, classes=classes, head_seed=seed)
        weights = hash_tensors(base_tensors(base))
        model = adapters.attach(base, Candidate.model_validate({"name": name, **settings}), seed=seed)
        tiny.disturb(model)
        trained = TextModel(model.eval(), load_tokenizer(base_folder), classes, Input(48, "head", False), name)
        artifact.save(
            trained, directory / name, base=base, base_folder=base_folder,
            source=artifact.Provenance("owner/name", "0" * 64), weights_sha256=weights, head_seed=seed,
        )  # fmt: skip
    return lambda name: directory / name


@pytest.fixture(scope="module")
def shared(base_folder: Path, folder_of: Callable[[str], Path]) -> SharedBase:
    shared = SharedBase(base_folder)
    for name in ADAPTERS:
        shared.load(folder_of(name), name=name)
    return shared


@pytest.mark.parametrize("precision", ["plain", "float32"])
@pytest.mark.parametrize("name", list(ADAPTERS))
def test_an_adapter_gives_the_bits_and_answers_that_it_gives_alone(
    base_folder: Path, folder_of: Callable[[str], Path], shared: SharedBase, name: str, precision: Any
) -> None:
    alone = inference.ready(artifact.load(folder_of(name), base_folder=base_folder, name=name), precision)
    beside = inference.ready(shared[name], precision)
    assert alone.precision == beside.precision == precision
    assert beside.infer(TEXTS).tobytes() == alone.infer(TEXTS).tobytes()
    assert beside.predict(TEXTS) == alone.predict(TEXTS)


@pytest.mark.parametrize("precision", ["plain", "float32"])
def test_adapters_that_are_used_at_the_same_time_give_the_same_bits(shared: SharedBase, precision: Any) -> None:
    predictors = {name: inference.ready(shared[name], precision) for name in ADAPTERS}
    alone = {name: predictor.infer(TEXTS).tobytes() for name, predictor in predictors.items()}
    together: dict[str, list[bytes]] = {name: [] for name in ADAPTERS}
    start = threading.Barrier(len(ADAPTERS))

    def work(name: str) -> None:
        start.wait(30)
        for _ in range(3):
            together[name].append(predictors[name].infer(TEXTS).tobytes())

    threads = [threading.Thread(target=work, args=(name,)) for name in ADAPTERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert together == {name: [bits] * 3 for name, bits in alone.items()}


def test_the_matrices_of_the_base_are_in_memory_once(
    base_folder: Path, folder_of: Callable[[str], Path], shared: SharedBase
) -> None:
    def held_bytes(models: list[Any]) -> int:
        parameters = (parameter for model in models for parameter in model.parameters())
        return sum({parameter.data_ptr(): parameter.nbytes for parameter in parameters}.values())

    one = held_bytes([shared["topic"].model])
    three = held_bytes([shared[name].model for name in ADAPTERS])
    apart = [artifact.load(folder_of(name), base_folder=base_folder, name=name).model for name in ADAPTERS]
    assert three < 1.4 * one < 2 * one < held_bytes(apart)


def test_an_adapter_keeps_the_biases_that_it_trained(shared: SharedBase) -> None:
    biased, other = shared["sentiment"].model.get_base_model(), shared["spam"].model.get_base_model()
    name = "bert.encoder.layer.0.output.LayerNorm.bias"
    assert not torch.equal(biased.get_parameter(name), other.get_parameter(name))


def test_names_are_unique_and_known(shared: SharedBase, folder_of: Callable[[str], Path]) -> None:
    assert shared.names == tuple(ADAPTERS)
    with pytest.raises(ModelError, match=r"^topic: an adapter of this name is loaded already"):
        shared.load(folder_of("spam"), name="topic")
    with pytest.raises(ModelError, match=r"^topics: no adapter of this name is loaded. Did you mean 'topic'\?"):
        shared["topics"]


def test_an_adapter_of_another_base_is_refused(tmp_path: Path, folder_of: Callable[[str], Path]) -> None:
    other = SharedBase(tiny.save_model(tmp_path / "other", seed=5))
    with pytest.raises(ModelError, match="base weights is not what the adapter was made with"):
        other.load(folder_of("spam"), name="spam")
    assert other.names == ()
