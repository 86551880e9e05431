"""What tuning a candidate will cost here, measured on a few of its own batches in a process of its own.

Nothing is saved: the steps are thrown away with the process.
"""

import time
from pathlib import Path

import numpy as np
import torch

from finetooth.files import write_json
from finetooth.model import adapters, device, seeds
from finetooth.model.batching import Rows, Tokens, collate, evaluation_batches, micro_batches
from finetooth.model.loading import load_base, load_tokenizer
from finetooth.proof.task import Task
from finetooth.tuning.schedule import optimizer

TRAIN_SECONDS, EVALUATION_SECONDS = 4.0, 1.5


def probe(task: Task) -> None:
    """Write probe.json into the row's folder: parameters, seconds to load, of a step and of an evaluated token."""
    began = time.perf_counter()
    recipe, plan = task.recipe(), task.plan()
    device.configure(plan["device"])
    assert task.seed is not None
    candidate = next(item for item in recipe.candidates if item.name == task.row)
    folder = Path(task.base_folder)
    base = load_base(folder, classes=plan["classes"], head_seed=task.seed, dropout=recipe.training.base_dropout)
    pad_id = load_tokenizer(folder).pad_token_id
    model = adapters.attach(base, candidate, seed=task.seed)
    tokens = Tokens.open(task.run_folder.work / "tokens" / "train")
    named = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    rule, _ = optimizer(named, recipe.training, candidate)
    load_seconds = time.perf_counter() - began

    def step(rows: Rows) -> int:
        padded = 0
        for part in micro_batches(rows, tokens.lengths, recipe.training.token_budget):
            batch = collate(tokens, part, pad_id=pad_id)
            torch.autograd.backward(model(**batch).logits.sum())
            padded += batch["input_ids"].numel()
        rule.step()
        rule.zero_grad()
        return padded

    size = recipe.training.batch_size
    step(np.argsort(-tokens.lengths, kind="stable")[:size])  # the most memory that any batch can take
    step_seconds = _train_rate(tokens, size, task.seed, recipe.training.token_budget, step)
    counts = adapters.parameters(model)
    task.folder.path.mkdir(parents=True, exist_ok=True)
    write_json(
        task.folder.path / "probe.json",
        {
            "parameters": {
                "adapter": counts.adapter,
                "head": counts.head,
                "bias": counts.bias,
                "trainable": counts.trainable,
                "total": counts.total,
                "peft_percent": counts.peft_percent,
                "plain_percent": 100 * counts.trainable / counts.total,
            },
            "load_seconds": load_seconds,
            "step_seconds": step_seconds,
            "token_seconds": _evaluation_rate(model, tokens, pad_id, plan["evaluation_budget"]),
        },
    )


def _train_rate(tokens: Tokens, size: int, seed: int, budget: int, step: object) -> float:
    """Mean seconds of a training step, scaled from the sampled batches' tokens to the whole first epoch's."""
    assert callable(step)
    order = seeds.order(seed, 0, len(tokens.lengths))
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    padded = spent = 0.0
    for rows in batches:
        started = time.perf_counter()
        padded += step(rows)
        spent += time.perf_counter() - started
        if spent > TRAIN_SECONDS:
            break
    parts = [part for rows in batches for part in micro_batches(rows, tokens.lengths, budget)]
    whole = sum(len(part) * int(tokens.lengths[part].max()) for part in parts)
    return spent / padded * whole / len(batches)


def _evaluation_rate(model: torch.nn.Module, tokens: Tokens, pad_id: int, budget: int) -> float:
    """Seconds of a token in evaluation, from micro-batches spread over all lengths."""
    model.eval()
    batches = evaluation_batches(tokens.lengths, budget)
    count = spent = 0.0
    with torch.inference_mode():
        for rows in [batches[index] for index in np.linspace(0, len(batches) - 1, min(12, len(batches))).astype(int)]:
            started = time.perf_counter()
            batch = collate(tokens, rows, pad_id=pad_id)
            model(**batch)
            count += batch["input_ids"].numel()
            spent += time.perf_counter() - started
            if spent > EVALUATION_SECONDS:
                break
    return spent / count
