"""How near training comes to what this machine can do: its FLOP/s against those of matrix products of the same shapes.

Counted by torch.utils.flop_counter on the first batches: every matrix product that is computed, also of padding. The
backward pass of attention counts as twice the forward pass, without what the fused kernel computes again.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from finetooth.models import adapters, seeds
from finetooth.models.batching import tokenize
from finetooth.models.loading import load_base
from finetooth.models.precision import DTYPES, choose
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate, Training
from finetooth.runs.layout import RowFolder
from finetooth.training.job import Split, TrainingJob
from finetooth.training.loop import Trainer

COUNTED_STEPS = 3
MEASURED_SECONDS = 0.25  # for each shape
TOKEN_BUDGET = 4_096


def share_of_limit(
    model: Path,
    train: Path,
    candidate: dict[str, Any],
    *,
    epochs: int,
    batch_size: int,
    max_tokens: int,
    seconds: float,
) -> float:
    """The share of the FLOP/s of matrix products that `seconds` of training steps over the rows of `train` reached.

    Of a candidate that trains all layers: hidden states that a run keeps would be counted as computed.
    """
    texts = pq.read_table(train, columns=["text"])["text"].to_pylist()
    tokens = tokenize(load_tokenizer(model), texts, max_tokens=max_tokens)
    split = Split(tuple(map(str, range(len(texts)))), tokens, np.zeros(len(texts), np.int64))
    adapter = Candidate.model_validate(candidate)
    with tempfile.TemporaryDirectory() as folder:
        job = TrainingJob(
            candidate=adapter,
            training=Training.model_validate({"batch_size": batch_size, "epochs": epochs}),
            seed=21, train=split, validation=split, classes=("0", "1"), pad_id=0, packed=True, precision=choose("auto"),
            token_budget=TOKEN_BUDGET, evaluation_budget=TOKEN_BUDGET, folder=RowFolder(Path(folder)),
        )  # fmt: skip
        base = load_base(model, classes=job.classes, head_seed=0)
        trainer = Trainer(job, adapters.attach(base, adapter, seed=0))
        flops = flops_per_token(trainer) * float(tokens.lengths.sum()) * epochs
        return flops / seconds / limit(trainer.model, tokens=TOKEN_BUDGET, dtype=DTYPES[job.precision])


def flops_per_token(trainer: Trainer) -> float:
    """FLOP of a training step for each real token, counted over the first batches; gradients are dropped."""
    job, flops, tokens = trainer.job, 0, 0
    order = seeds.order(job.seed, 0, len(job.train.labels))[: COUNTED_STEPS * job.training.batch_size]
    trainer.forward.fold()
    for start in range(0, len(order), job.training.batch_size):
        for part in trainer.forward.split(order[start : start + job.training.batch_size]):
            with FlopCounterMode(display=False, custom_mapping=_ATTENTION) as counter:
                torch.autograd.backward(trainer.forward(part).sum())
            flops += counter.get_total_flops()
            tokens += int(job.train.tokens.lengths[part].sum())
    trainer.model.zero_grad(set_to_none=True)
    return flops / tokens


def limit(model: Any, *, tokens: int, dtype: torch.dtype) -> float:
    """FLOP/s of the linear layers' matrix products over `tokens` rows, one after another: the median of each shape."""
    flops = seconds = 0.0
    counts: dict[tuple[int, int], int] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and ".lora_" not in name:
            shape = (module.out_features, module.in_features)
            counts[shape] = counts.get(shape, 0) + 1
    for (wide, deep), count in counts.items():
        inputs, weight = torch.randn(tokens, deep).to(dtype), torch.randn(wide, deep).to(dtype)
        end = time.perf_counter() + MEASURED_SECONDS
        taken: list[float] = []
        while len(taken) < 3 or time.perf_counter() < end:
            started = time.perf_counter()
            functional.linear(inputs, weight)
            taken.append(time.perf_counter() - started)
        flops += count * 2 * tokens * wide * deep
        seconds += count * float(np.median(taken))
    return flops / seconds


def _attention_flops(query: Any, key: Any, *rest: Any, out_shape: Any = None, **named: Any) -> int:
    rows, heads, asked, width = query
    return int(4 * rows * heads * asked * key[2] * width)


def _attention_backward_flops(given: Any, query: Any, key: Any, *rest: Any, out_shape: Any = None, **named: Any) -> int:
    return 2 * _attention_flops(query, key)


_ATTENTION: dict[Any, Any] = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward_flops,
}
