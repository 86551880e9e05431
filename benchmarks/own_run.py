"""`finetooth run` on rows of IMDB, for the benchmarks: each writes rows, then measures runs on them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

MATERIAL = Path(os.environ.get("FINETOOTH_MATERIAL", "../shared"))


def write_rows(place: Path, rows: int) -> None:
    """Write train.parquet of that many reviews in a random order, validation.parquet and test.parquet of 64 each."""
    for split, count in (("train", rows), ("validation", 64), ("test", 64)):
        source = "train" if split == "train" else "test"
        table = pq.read_table(MATERIAL / "data" / "imdb" / f"{source}.parquet")
        order = np.random.default_rng(21).permutation(table.num_rows)
        chosen = order[64:128] if split == "validation" else order[:count]
        pq.write_table(pa.Table.from_batches(table.take(chosen).to_batches()), place / f"{split}.parquet")


def own_run(place: Path, recipe: dict[str, Any]) -> dict[str, Any]:
    """Run the recipe on the rows in `place`; what `run --json` prints."""
    splits = {split: str(place / f"{split}.parquet") for split in ("train", "validation", "test")}
    data = {"source": splits, "text": "text", "label": "label"}
    name = recipe["name"]
    path = place / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"data": data, "baselines": ["majority"], **recipe}), encoding="utf-8")
    command = [sys.executable, "-c", "from finetooth.cli import main; main()", "run", str(path), "--json"]
    state = {"FINETOOTH_STATE": str(place / "state")}
    done = subprocess.run(
        [*command, "--out", str(place / name)], env=os.environ | state, capture_output=True, text=True, check=True
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
