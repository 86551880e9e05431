"""What `then: last-K` saves: a training of all layers against one whose lower layers are frozen after the first epoch.

    python benchmarks/frozen_layers.py --data $FINETOOTH_MATERIAL/data/imdb [--rows 200] [--epochs 3] [--then last-3]

MiniLM-L6, rank 8 on all linear layers, 512 tokens, batches of 16, each training in a fresh process, sides in turn.
Prints seconds and processor seconds of the training steps, including the outputs of the frozen layers; evaluations and
loading are not counted. On a busy machine read the processor seconds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

import finetooth
from finetooth.models import adapters, device, precision
from finetooth.models.batching import Tokens
from finetooth.models.frozen_layer_cache import FrozenLayerCache
from finetooth.models.loading import load_base
from finetooth.pipeline import preparation, run_plan
from finetooth.pipeline.resources import MOST_TOKENS
from finetooth.progress import Silent
from finetooth.recipe import Recipe
from finetooth.runs.layout import RowFolder
from finetooth.training.freezing import Freezing
from finetooth.training.job import Split, TrainingJob
from finetooth.training.loop import Trainer

VALIDATION_ROWS, BUDGET, EVERYTHING = 16, 4096, 10**6


def main() -> None:
    """Measure both sides in turn, and print the ratios of their sums."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--then", default="last-3")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    recipe = _recipe(asked, asked.side or "all")
    if asked.side:
        print(json.dumps(_measured(recipe)))
        return
    sums: dict[str, list[float]] = {}
    for side in ("all", asked.then) * asked.rounds:
        command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"{side:>8}: {found[0]:7.1f} s, {found[1]:7.1f} s of processor time", flush=True)
        sums[side] = [before + now for before, now in zip(sums.get(side, [0.0, 0.0]), found, strict=True)]
    seconds, processor = (one / other for one, other in zip(sums["all"], sums[asked.then], strict=True))
    print(f"all over {asked.then}: {seconds:.2f} in time, {processor:.2f} in processor time")


def _recipe(asked: argparse.Namespace, then: str) -> Recipe:
    return finetooth.load_recipe(
        {
            "name": "frozen-layers",
            "model": "minilm",
            "data": {
                "source": str(Path(asked.data).absolute()),
                "limit": {"train": asked.rows + VALIDATION_ROWS, "test": 20},
                "validation": VALIDATION_ROWS,
            },
            "training": {"epochs": asked.epochs},
            "candidates": [{"name": "c", "rank": 8, "then": then}],
        }
    )


def _measured(recipe: Recipe) -> tuple[float, float]:
    """Seconds and processor seconds of the training steps of the recipe's candidate."""
    device.configure(device.facts())
    with tempfile.TemporaryDirectory(prefix="finetooth-frozen-") as name:
        place = Path(name)
        material = preparation.gather(recipe, rejects=None, progress=Silent())
        assert material.model is not None
        tokens = preparation.tokenize_splits(recipe, material, folder=place / "tokens", progress=Silent())
        plan = run_plan.resolve(recipe, material, tokens)
        depth = plan.candidates["c"].frozen_depth
        base = load_base(material.model.path, classes=material.dataset.classes, head_seed=0)
        model = adapters.attach(base, recipe.candidates[0], seed=0)
        splits = [
            Split(examples.ids, tokens[split], np.array(examples.labels))
            for split, examples in (("train", material.dataset.train), ("validation", material.dataset.validation))
        ]
        job = TrainingJob(
            candidate=recipe.candidates[0],
            training=recipe.training,
            seed=0,
            train=splits[0],
            validation=splits[1],
            classes=material.dataset.classes,
            pad_id=0,
            packed=True,
            precision=precision.choose("auto"),
            token_budget=MOST_TOKENS,
            evaluation_budget=BUDGET,
            folder=RowFolder(place / "row"),
        )
        if depth:
            job = replace(job, freezing=Freezing(depth, partial(_cache, place, tokens["train"], depth)))
        trainer = Trainer(job, model)
        spent = [0.0]
        trainer._evaluate = partial(_uncounted, trainer._evaluate, spent)  # type: ignore[method-assign]  # timed apart
        began = time.process_time()
        counters = trainer.run()
        processor = time.process_time() - began - spent[0]
        return counters.seconds + counters.part_seconds.get("frozen_layers", 0.0), processor


def _uncounted(work: Callable[[], None], spent: list[float]) -> None:
    began = time.process_time()
    work()
    spent[0] += time.process_time() - began


def _cache(place: Path, tokens: Tokens, depth: int, digest: str) -> FrozenLayerCache:
    return FrozenLayerCache(
        place / "then", tokens, depth=depth, width=384, budget=BUDGET, blocks=EVERYTHING, key={"adapter": digest}
    )


if __name__ == "__main__":
    main()
