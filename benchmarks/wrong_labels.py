"""How many labels that were made wrong `check` finds, and what share of its list they are.

    FINETOOTH_MATERIAL=../shared .venv/bin/python benchmarks/wrong_labels.py recipes/sms-spam.yaml sms_spam

Labels of the training rows are made wrong at random, at several rates. Rows whose label was wrong in the file already
count as false findings, so the share of the list that was made wrong is a lower bound of its precision.
"""

import argparse
import dataclasses
import os
import time
from pathlib import Path

import numpy as np

from finetooth import data, recipe
from finetooth.data import Dataset
from finetooth.preflight import mislabelled
from finetooth.preflight.data_view import view_of
from finetooth.progress import Silent
from finetooth.sources import data_sources, fetch_data

RATES = (0.0, 0.02, 0.05, 0.1)


def main() -> None:
    """Load the rows of a recipe and print a line for each rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("folder", help="data.source, below FINETOOTH_MATERIAL/data")
    asked = parser.parse_args()
    material = Path(os.environ.get("FINETOOTH_MATERIAL", "../shared")).resolve()
    wanted = recipe.load(asked.recipe, overrides=(f"data.source={material / 'data' / asked.folder}",))
    sources = {split: [fetch_data(text).path for text in texts] for split, texts in data_sources(wanted).items()}
    dataset = data.load(wanted.data, sources)
    print(f"{wanted.name}: {len(dataset.train):,} training rows, {len(dataset.classes)} classes")
    for rate in RATES:
        print(measured(dataset, rate), flush=True)


def measured(dataset: Dataset, rate: float) -> str:
    """One line: what the search finds if `rate` of the labels, 0 to 1, are made wrong."""
    rng = np.random.default_rng(1)
    labels, classes = dataset.train.labels.copy(), len(dataset.classes)
    rows = rng.permutation(len(labels))[: int(rate * len(labels))]
    labels[rows] = (labels[rows] + rng.integers(1, classes, len(rows))) % classes
    turned = {dataset.train.ids[row] for row in rows.tolist()}
    view = view_of(dataclasses.replace(dataset, train=dataclasses.replace(dataset.train, labels=labels)))
    started = time.perf_counter()
    judged = mislabelled.judge(view, progress=Silent())
    seconds = time.perf_counter() - started
    found = sum(judged.examples.ids[row] in turned for row in judged.rows)
    among = sum(row in turned for row in judged.examples.ids)
    parts = [f"{100 * rate:4.0f} % turned wrong: {len(judged.rows):5,} listed"]
    if among:
        parts.append(f"{found:4,} of {among:,} found ({100 * found / among:.0f} %)")
        parts.append(f"{100 * found / max(len(judged.rows), 1):3.0f} % of the list")
    parts.append(f"at most {100 * judged.wrong:.1f} % of {judged.judged_rows:,} labels wrong")
    return ", ".join([*parts, f"{seconds:.1f} s"])


if __name__ == "__main__":
    main()
