"""Training against what users write today, on the same rows in the same run: rates, ratios with their spread, memory.

    python benchmarks/peers.py [--pairs 3] [--rows 320] [--notebook-steps 16] [--shared] [--distilbert] [--only SIDE …]

Order A B C A B C: the Trainer script of the notebooks (padded to 512, the model's own dropout), the same script with
--tuned (dynamic padding, groups of one length, no dropout), and `finetooth run` with the same adapter, batch and
learning rate. If matrix products are faster in bfloat16 on this machine, Finetooth computes them in it, and the script
with --tuned is also run with the Trainer's own bf16=True.
--shared: against the script with --tuned, `finetooth run` with adapters in the last three layers for three epochs: one
candidate, and two with two seeds in one run, which share the outputs of the layers below. The scripts are in
$FINETOOTH_MATERIAL/peers (default ../shared). For `finetooth`, the share of the FLOP/s of matrix products that training
reaches is printed (products.py). --distilbert: the same on a DistilBERT of full size with random weights instead of
MiniLM-L6. Run it on idle cores.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from own_run import MATERIAL, own_run, write_rows
from products import share_of_limit

import finetooth
from finetooth.models import precision
from finetooth.progress import Silent
from finetooth.sources import fetch_model

QUICKSTART = Path(finetooth.__file__).with_name("quickstart.yaml")
PEERS = ("notebook", "tuned", "tuned bf16")
BATCH, TOKENS, EPOCHS = 8, 512, 3
TARGETS = {"bert": ["query", "key", "value"], "distilbert": ["q_lin", "k_lin", "v_lin"]}

# The script, with what it has no option for. It sets BERT's names of dropout, which DistilBERT refuses: there they are
# left out, and its folder says none.
WITHOUT_NAMES = """
kind = transformers.AutoModelForSequenceClassification
load = kind.from_pretrained
kind.from_pretrained = lambda folder, num_labels, **dropout: load(folder, num_labels=num_labels)
"""
IN_BFLOAT16 = """
plain = transformers.TrainingArguments
transformers.TrainingArguments = lambda **settings: plain(**settings, bf16=True, use_cpu=True)
"""
BEGIN = "import runpy, sys, transformers"
END = "del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"


def main() -> None:
    """Run every side once for each pair, print each as it comes, and the ratios at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=320)
    parser.add_argument("--notebook-steps", type=int, default=16, help="Of 8 rows, all padded to one length.")
    parser.add_argument("--shared", action="store_true", help="Measure what is shared, in place of all layers.")
    parser.add_argument("--distilbert", action="store_true", help="On a DistilBERT of random weights.")
    parser.add_argument("--only", nargs="+", metavar="SIDE", help="These sides alone, such as: notebook finetooth.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="finetooth-peers-") as name:
        place = Path(name)
        write_rows(place, asked.rows)
        if asked.distilbert:
            model = random_distilbert(place / "distilbert")
        else:
            model = fetch_model(finetooth.load_recipe(QUICKSTART).model, progress=Silent()).path
        rounds = []
        for number in range(asked.pairs):
            if asked.shared:
                sides = _shared_sides(place, model, asked.rows, number)
            else:
                sides = _sides(place, model, asked.rows, number, notebook_steps=asked.notebook_steps)
            rounds.append(_round({side: sides[side] for side in asked.only or sides}, number))
    _ratios(rounds)


def random_distilbert(folder: Path) -> Path:
    shutil.copytree(MATERIAL / "models" / "distilbert-base-uncased-shell", folder)
    torch.manual_seed(0)
    transformers.DistilBertModel(transformers.AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    return folder


def _without_dropout(model: Path) -> Path:
    folder = model.with_name(f"{model.name}-without-dropout")
    if not folder.exists():
        shutil.copytree(model, folder)
        config = json.loads((folder / "config.json").read_text())
        config |= {"dropout": 0.0, "attention_dropout": 0.0, "seq_classif_dropout": 0.0}
        (folder / "config.json").write_text(json.dumps(config))
    return folder


Sides = dict[str, Callable[[], dict[str, float]]]


def _sides(place: Path, model: Path, rows: int, number: int, *, notebook_steps: int) -> Sides:
    candidate = {"name": "qkv", "rank": 8, "targets": TARGETS[_family(model)]}
    sides: Sides = {
        "notebook": lambda: _peer(place, model, rows, "--max-steps", str(notebook_steps)),
        "tuned": lambda: _peer(place, model, rows, "--tuned", "--epochs", "1"),
    }
    if precision.choose("auto") == "bfloat16":
        sides["tuned bf16"] = lambda: _peer(place, model, rows, "--tuned", "--epochs", "1", patches=[IN_BFLOAT16])
    return sides | {
        "finetooth": lambda: _with_share(place, model, f"qkv-{number}", candidate),
    }


def _shared_sides(place: Path, model: Path, rows: int, number: int) -> Sides:
    last = [{"name": f"last3-r{rank}", "rank": rank, "layers": "last-3"} for rank in (8, 16)]
    return {
        "tuned": lambda: _peer(place, model, rows, "--tuned", "--epochs", "1"),
        "last-3": lambda: _ours(place, model, f"last-{number}", last[:1], epochs=EPOCHS, seeds=[21]),
        "2 x 2": lambda: _ours(place, model, f"four-{number}", last, epochs=EPOCHS, seeds=[21, 22]),
    }


def _round(sides: Sides, number: int) -> dict[str, dict[str, float]]:
    found = {}
    for side, measure in sides.items():
        found[side] = measure()
        print(
            f"round {number + 1}  {side:<10} {found[side]['rate']:6.2f} examples/s, peak memory "
            f"{found[side]['bytes'] / 1e9:.2f} GB"
            + (f", {100 * found[side]['share']:.0f} % of matrix products' FLOP/s" if "share" in found[side] else ""),
            flush=True,
        )
    return found


def _family(model: Path) -> str:
    return str(json.loads((model / "config.json").read_text())["model_type"])


def _peer(place: Path, model: Path, rows: int, *more: str, patches: Sequence[str] = ()) -> dict[str, float]:
    script = str(MATERIAL / "peers" / "stock_trainer.py")
    if "--tuned" in more and _family(model) == "distilbert":
        model, patches = _without_dropout(model), [*patches, WITHOUT_NAMES]
    command = [sys.executable, "-c", "\n".join([BEGIN, *patches, END]), script]
    command += ["--model", str(model)]
    command += ["--train", str(place / "train.parquet"), "--test", str(place / "test.parquet"), "--rows", str(rows)]
    command += ["--test-rows", "8", "--batch-size", str(BATCH), "--out", str(place / "peer"), *more]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run(command, env=os.environ | offline, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    return {"rate": figures["train_examples_per_second"], "bytes": figures["peak_rss_bytes"]}


def _ours(
    place: Path, model: Path, name: str, candidates: list[dict[str, Any]], *, epochs: int, seeds: list[int]
) -> dict[str, float]:
    """Examples a second over all rows; the time to compute the outputs of frozen layers is included."""
    training = {"epochs": epochs, "batch_size": BATCH, "learning_rate": 2e-3, "head_learning_rate": 2e-3}
    recipe = {"name": name, "model": str(model), "max_tokens": TOKENS, "seeds": seeds, "training": training}
    figures = own_run(place, recipe | {"candidates": candidates})
    rows = [row for row in figures["rows"] if row["train_seconds"]]
    seconds = sum(row["train_seconds"] for row in rows)
    return {
        "rate": len(rows) * epochs * figures["data"]["train"] / seconds,
        "bytes": figures["peak_bytes"],  # of the command that waits, too
        "step_seconds": sum(row["train_seconds"] - row["part_seconds"]["frozen_layers"] for row in rows),
    }


def _with_share(place: Path, model: Path, name: str, candidate: dict[str, Any]) -> dict[str, float]:
    """One candidate on all layers, with the share of the FLOP/s of matrix products that its training steps reached."""
    found = _ours(place, model, name, [candidate], epochs=1, seeds=[21])
    share = share_of_limit(
        model, place / "train.parquet", candidate, epochs=1, batch_size=BATCH, max_tokens=TOKENS,
        seconds=found["step_seconds"],
    )  # fmt: skip
    return found | {"share": share}


def _ratios(rounds: list[dict[str, dict[str, float]]]) -> None:
    print()
    peers = [side for side in rounds[0] if side in PEERS]
    for side in rounds[0]:
        for peer in peers if side not in peers else ():
            ratios = [found[side]["rate"] / found[peer]["rate"] for found in rounds]
            shares = [found[side]["bytes"] / found[peer]["bytes"] for found in rounds]
            print(
                f"over {peer + ':':<12}{side:<9}  rate {np.median(ratios):5.2f} x "
                f"({min(ratios):.2f} to {max(ratios):.2f}), "
                f"peak memory {np.median(shares):.2f} x ({min(shares):.2f} to {max(shares):.2f})"
            )


if __name__ == "__main__":
    main()
