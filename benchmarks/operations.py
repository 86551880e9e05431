"""Where the time of training without padding goes, operation by operation, on reviews of at most 512 tokens.

    python benchmarks/operations.py [--rows 64] [--precision bfloat16]

The passes forward and backward of rank 8 on query, key and value, micro-batch after micro-batch on one thread, under
torch's profiler: the share of each operation's own time. Reviews come from $FINETOOTH_MATERIAL (default ../shared).
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from own_run import write_rows
from torch.profiler import ProfilerActivity, profile

import finetooth
from finetooth.models import adapters, device
from finetooth.models.batching import Tokens
from finetooth.models.loading import load_base
from finetooth.models.packed import PackedModel
from finetooth.models.precision import DTYPES
from finetooth.pipeline import preparation
from finetooth.progress import Silent

QUICKSTART = Path(finetooth.__file__).with_name("quickstart.yaml")
BUDGET, BATCH = 1024, 8
SHOWN = 12
PRODUCTS = ("aten::addmm", "aten::mm", "aten::bmm")


def main() -> None:
    """Tokenize the rows, warm up on all of them, profile all of them once more, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--precision", choices=sorted(DTYPES), default="bfloat16")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="finetooth-operations-") as name:
        place = Path(name)
        write_rows(place, asked.rows)
        splits = {split: str(place / f"{split}.parquet") for split in ("train", "validation", "test")}
        targets = ["query", "key", "value"]
        recipe = finetooth.Recipe.model_validate(
            {
                "name": "operations",
                "model": finetooth.load_recipe(QUICKSTART).model,
                "data": {"source": splits, "text": "text", "label": "label"},
                "candidates": [{"name": "r8", "rank": 8, "targets": targets}],
            }
        )
        material = preparation.gather(recipe, rejects=None, progress=Silent())
        assert material.model is not None
        preparation.tokenize_splits(recipe, material, folder=place / "tokens", progress=Silent())
        device.configure(device.facts())
        torch.set_num_threads(1)
        base = load_base(material.model.path, classes=("negative", "positive"), head_seed=0)
        model = adapters.attach(base, recipe.candidates[0], seed=0)
        tokens = Tokens.open(place / "tokens" / "train")
        forward = PackedModel(model, tokens, budget=BUDGET, dtype=DTYPES[asked.precision])
        forward.fold()
        _passes(forward, asked.rows)
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            _passes(forward, asked.rows)
    _tell({item.key: item.self_cpu_time_total / 1e6 for item in seen.key_averages()})


def _passes(forward: PackedModel, rows: int) -> None:
    for start in range(0, rows, BATCH):
        for part in forward.split(np.arange(start, min(start + BATCH, rows))):
            torch.autograd.backward(forward(part).sum())


def _tell(seconds: dict[str, float]) -> None:
    whole = sum(seconds.values())
    print(f"matrix products {sum(seconds.get(name, 0.0) for name in PRODUCTS) / whole:6.1%} of {whole:.1f} s")
    for name in sorted(seconds, key=lambda name: -seconds[name])[:SHOWN]:
        print(f"{seconds[name] / whole:6.1%}  {name}")


if __name__ == "__main__":
    main()
