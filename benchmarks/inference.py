"""Prediction against what users write today, and against the plain pass, on the same reviews in the same run.

    python benchmarks/inference.py [--rounds 5] [--rows 400] [--distilbert] [--processor-time]

Sides in turn, each in a process of its own, from texts to labels, reviews of IMDB cut at 512 tokens: transformers'
pipeline one text at a time (peers/stock_pipeline.py), Finetooth's plain pass, which `--exact` keeps, and its inference
pass in float32 and in bfloat16, with an adapter of rank 8 on every linear layer. Prints texts a second of each round,
the ratios with their spread, and how busy the machine was. --processor-time: on one thread, by processor time, which
other programs disturb less; the time that threads of one matrix product wait for each other is then left out.
--distilbert: a DistilBERT of full size with random weights instead of MiniLM-L6. The script is in
$FINETOOTH_MATERIAL/peers (default ../shared).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from own_run import MATERIAL, write_rows
from peers import QUICKSTART, random_distilbert

import finetooth
from finetooth.models import adapters
from finetooth.models.agreement import Agreement, Measured
from finetooth.models.batching import Input
from finetooth.models.inference import ready
from finetooth.models.loading import load_base
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer
from finetooth.progress import Silent
from finetooth.recipe import Candidate
from finetooth.runs.plan_file import Precision
from finetooth.sources import fetch_model

OURS = ("plain", "float32", "bfloat16")
SIDES = ("pipeline", *OURS)
PAIRS = (
    ("bfloat16", "pipeline"),
    ("float32", "pipeline"),
    ("plain", "pipeline"),
    ("bfloat16", "plain"),
    ("float32", "plain"),
)
WARM_UP = 8  # texts
# Runs a script with another clock.
BY_PROCESSOR_TIME = """
import os, runpy, sys, time
time.perf_counter = time.process_time
del sys.argv[0]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
TOKENS = 512


def main() -> None:
    """Run every side once a round, print each as it comes, and the ratios at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--distilbert", action="store_true", help="On a DistilBERT of random weights.")
    parser.add_argument("--processor-time", action="store_true", help="On one thread, for a busy machine.")
    parser.add_argument("--only", nargs="+", metavar="SIDE", choices=SIDES, default=SIDES)
    parser.add_argument("--side", nargs=2, metavar=("SIDE", "FOLDER"), help="For the processes that it starts.")
    asked = parser.parse_args()
    if asked.side:
        _own(asked.side[0], Path(asked.side[1]))
        return
    with tempfile.TemporaryDirectory(prefix="finetooth-inference-") as name:
        place = Path(name)
        write_rows(place, asked.rows)
        if asked.distilbert:
            model = random_distilbert(place / "model")
        else:
            model = fetch_model(finetooth.load_recipe(QUICKSTART).model, progress=Silent()).path
            (place / "model").symlink_to(model)
        rounds = []
        for number in range(asked.rounds):
            rates = {}
            for side in asked.only:
                rates[side] = _rate(side, place, asked.rows, one_thread=asked.processor_time)
                print(
                    f"round {number + 1}  {side:<9} {rates[side]:7.2f} texts/s  load {os.getloadavg()[0]:.1f}",
                    flush=True,
                )
            rounds.append(rates)
    _tell(rounds)


def _rate(side: str, place: Path, rows: int, *, one_thread: bool) -> float:
    """Texts a second of one side, in a process of its own; one_thread: on one thread, by processor time."""
    if side == "pipeline":
        command = [str(MATERIAL / "peers" / "stock_pipeline.py"), "--model", str(place / "model")]
        command += ["--data", str(place / "train.parquet"), "--rows", str(rows), "--batch-size", "1"]
    else:
        command = [__file__, "--side", side, str(place)]
    settings = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    if one_thread:
        settings |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        command = ["-c", BY_PROCESSOR_TIME, *command]
    done = subprocess.run(
        [sys.executable, *command], env=os.environ | settings, capture_output=True, text=True, check=True
    )
    return float(json.loads(done.stdout.strip().splitlines()[-1])["examples_per_second"])


def _own(side: Precision, place: Path) -> None:
    """Label the rows with one of Finetooth's passes and print the rate as the peer does."""
    texts = pq.read_table(place / "train.parquet", columns=["text"]).column("text").to_pylist()
    base = load_base(place / "model", classes=("negative", "positive"), head_seed=0)
    model = adapters.attach(base, Candidate.model_validate({"name": "r8", "rank": 8}), seed=0).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(0, 0.02)
    tokenizer = load_tokenizer(place / "model")
    trained = TextModel(model, tokenizer, ("negative", "positive"), Input(TOKENS, "head", pairs=False), side)
    passed = Measured(None, Agreement(1_000, 0, 1.0, 1.0, 0.0))  # whatever the gate would say
    predictor = ready(replace(trained, measured=passed), side)
    assert predictor.precision == side
    predictor.predict(texts[:WARM_UP])
    started = time.perf_counter()
    predictor.predict(texts)
    print(json.dumps({"examples_per_second": len(texts) / (time.perf_counter() - started)}))


def _tell(rounds: list[dict[str, float]]) -> None:
    print()
    for side, other in PAIRS:
        if side in rounds[0] and other in rounds[0]:
            ratios = [rates[side] / rates[other] for rates in rounds]
            print(
                f"{side:<9} over {other + ':':<10} {np.median(ratios):5.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
