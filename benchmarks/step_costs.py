"""What a training step of the quickstart costs: the fixed part of a padded micro-batch, and memory over many steps.

    python benchmarks/step_costs.py [--steps 100]

Each line is measured in a fresh process. OVERHEAD_TOKENS of finetooth.models.batching expresses the fixed part in
tokens; docs/adr/0005 compares spinning and waiting threads, docs/adr/0006 explains what oneDNN keeps. Steps are those
of the training loop, without padding, two micro-batches concurrently. Run it on idle cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import finetooth
from finetooth.models import adapters, device, seeds
from finetooth.models.batching import Tokens
from finetooth.models.loading import load_base
from finetooth.models.packed import PackedModel
from finetooth.pipeline import preparation
from finetooth.pipeline.resources import MOST_TOKENS
from finetooth.progress import Silent
from finetooth.runs.memory import peak_bytes
from finetooth.training.gradients import MicroBatchPool, accumulate
from finetooth.training.optimizer import adamw

QUICKSTART = Path(finetooth.__file__).with_name("quickstart.yaml")
ROWS_OF_32_TOKENS = (8, 32)  # micro-batches of 256 and 1,024 tokens


def main() -> None:
    """Prepare the quickstart's rows once, then measure each variant in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--variant", nargs=3, metavar=("WHAT", "MODEL", "TOKENS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.variant:
        what, model, tokens = asked.variant
        _measure(what, Path(model), Tokens.open(Path(tokens)), asked.steps)
        return
    recipe = finetooth.load_recipe(QUICKSTART)
    with tempfile.TemporaryDirectory(prefix="finetooth-steps-") as name:
        material = preparation.gather(recipe, rejects=None, progress=Silent())
        assert material.model is not None
        preparation.tokenize_splits(recipe, material, folder=Path(name) / "tokens", progress=Silent())
        paths = [str(material.model.path), str(Path(name) / "tokens" / "train")]
        for policy in ("ACTIVE", "PASSIVE"):
            _child(["--variant", "micro-batch", *paths], {"OMP_WAIT_POLICY": policy})
        for capacity in ("0", "1024", "0", "1024"):  # A B A B: the machine's speed varies
            named = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": capacity}
            _child(["--variant", "steps", *paths, "--steps", str(asked.steps)], named)


def _child(arguments: list[str], variables: dict[str, str]) -> None:
    print(*(f"{key}={value} " for key, value in variables.items()), end="", flush=True)
    subprocess.run([sys.executable, __file__, *arguments], env={**os.environ, **variables}, check=True)


def _measure(what: str, folder: Path, tokens: Tokens, steps: int) -> None:
    recipe = finetooth.load_recipe(QUICKSTART)
    device.configure(device.facts())
    base = load_base(folder, classes=("fresh", "rotten"), head_seed=0)
    model = adapters.attach(base, recipe.candidates[0], seed=0)
    if what == "micro-batch":
        small, large = (_micro_batch_seconds(model, rows) for rows in ROWS_OF_32_TOKENS)
        a_token = (large - small) / (32 * (ROWS_OF_32_TOKENS[1] - ROWS_OF_32_TOKENS[0]))
        fixed = small - a_token * 32 * ROWS_OF_32_TOKENS[0]
        print(
            f"micro-batches of 256 and 1,024 tokens: {1e3 * small:.0f} and {1e3 * large:.0f} ms; a token "
            f"{1e3 * a_token:.2f} ms, fixed {1e3 * fixed:.0f} ms = {fixed / a_token:.0f} tokens"
        )
        return
    named = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    rule, _ = adamw(named, recipe.training, recipe.candidates[0])
    order = seeds.order(0, 0, len(tokens.lengths))
    size, pool = recipe.training.batch_size, MicroBatchPool()
    forward = PackedModel(model, tokens, budget=MOST_TOKENS, most_concurrent=pool.size)
    parameters = [value for _, value in named]
    started = time.perf_counter()
    with pool:
        for step in range(steps):
            forward.fold()
            parts = forward.split(order[step * size : (step + 1) * size])
            accumulate(pool, parts, forward=forward, parameters=parameters, loss=lambda found, _: (found.sum(),) * 2)
            rule.step()
            rule.zero_grad()
    rate = steps / (time.perf_counter() - started)
    print(f"{steps} steps, {rate:.2f} a second, peak memory {peak_bytes() / 1e9:.2f} GB")


def _micro_batch_seconds(model: torch.nn.Module, rows: int) -> float:
    """Median seconds of the passes forward and backward over `rows` rows of 32 tokens."""
    batch = {"input_ids": torch.full((rows, 32), 2000), "attention_mask": torch.ones(rows, 32, dtype=torch.int64)}
    taken = []
    for _ in range(25):
        started = time.perf_counter()
        torch.autograd.backward(model(**batch).logits.sum())
        taken.append(time.perf_counter() - started)
    return float(np.median(taken[5:]))


if __name__ == "__main__":
    main()
