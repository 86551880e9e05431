"""FLOP counted of a training step are those worked out by hand; the limit is that of plain products."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tiny
from finetooth.model import adapters
from finetooth.model.batching import tokenize
from finetooth.model.loading import load_base
from finetooth.model.tokenizer import load_tokenizer
from finetooth.recipe import Candidate, Training
from finetooth.runs.layout import RowFolder
from finetooth.tuning import profiling
from finetooth.tuning.job import Job, Split
from finetooth.tuning.loop import Tuning


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("model"))


def tuning(folder: Path, place: Path, text: str, count: int) -> Tuning:
    candidate = Candidate.model_validate({"name": "c", "rank": 2, "targets": "attention", "layers": "last-1"})
    tokens = tokenize(load_tokenizer(folder), [text] * count, max_tokens=48)
    split = Split(tuple(map(str, range(count))), tokens, np.zeros(count, np.int64))
    training = Training.model_validate({"batch_size": 2})
    job = Job(
        candidate=candidate, training=training, seed=0, train=split, validation=split, classes=("a", "b"), pad_id=0,
        packed=True, token_budget=64, budget=64, folder=RowFolder(place),
    )  # fmt: skip
    return Tuning(job, adapters.attach(load_base(folder, classes=("a", "b"), head_seed=0), candidate, seed=0))


def test_flops_are_those_worked_out_by_hand(folder: Path, tmp_path: Path) -> None:
    found = profiling.flops_per_token(tuning(folder, tmp_path, "the film", 2))
    rows, length, width, inner, rank = 2, 4, 32, 64, 2
    tokens = rows * length
    below = 2 * tokens * (4 * width * width + 2 * width * inner) + 4 * rows * length * length * width
    inside = 2 * tokens * 2 * width * width  # keys and values
    inside += 2 * rows * (2 * width * width + 2 * width * inner)  # query, output and the rest, of first tokens
    inside += 4 * rows * length * width  # attention of the first tokens
    head = 2 * rows * (width * width + 2 * width)
    back = 2 * rows * (2 * width * inner + 2 * width * width + width * width + 2 * width)  # of what is passed through
    back -= 2 * rows * width * width  # the query's input is frozen
    back += 2 * 4 * rows * length * width  # attention
    back += 2 * rows * (width * width + 2 * width)  # the head's own weights
    for count, products in ((tokens, 2), (rows, 1), (rows, 1)):  # keys and values; query; output
        back += products * 4 * 2 * count * width * rank
    fold = 2 * 0
    assert found == pytest.approx((below + inside + head + back + fold) / tokens, rel=0.02)


def test_the_limit_weighs_every_shape_by_how_often_the_model_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.Linear(256, 512), torch.nn.Linear(512, 256))
    model.add_module("query", torch.nn.ModuleDict({"lora_A": torch.nn.Linear(256, 8)}))
    taken = {(512, 256): 0.001, (256, 512): 0.003}  # seconds that a product of each shape is made to take
    clock = [0.0]

    def product(inputs: torch.Tensor, weight: torch.Tensor) -> None:
        clock[0] += taken[tuple(weight.shape)]

    monkeypatch.setattr(profiling.functional, "linear", product)
    monkeypatch.setattr(profiling.time, "perf_counter", lambda: clock[0])
    found = profiling.limit(model, tokens=100, dtype=torch.float32)
    assert found == pytest.approx(3 * 2 * 100 * 256 * 512 / (2 * 0.001 + 0.003))
