"""How many labels that were made wrong `check` finds, and what share of its list they are.

    FINETOOTH_MATERIAL=../shared .venv/bin/python benchmarks/wrong_labels.py recipes/sms-spam.yaml sms_spam

Labels of the training rows are made wrong at random, at several rates. Rows whose label was wrong in the file already
count as false findings, so the share of the list that was made wrong is a lower bound of its precision.
--trials N repeats each rate with N draws, and compares the estimated share of wrong labels, and its upper limit, with
the share that was made wrong in the judged classes. Where labels were wrong in the file, the true share is higher.
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
    parser.add_argument("--trials", type=int, default=1)
    asked = parser.parse_args()
    material = Path(os.environ.get("FINETOOTH_MATERIAL", "../shared")).resolve()
    wanted = recipe.load(asked.recipe, overrides=(f"data.source={material / 'data' / asked.folder}",))
    sources = {split: [fetch_data(text).path for text in texts] for split, texts in data_sources(wanted).items()}
    dataset = data.load(wanted.data, sources)
    print(f"{wanted.name}: {len(dataset.train):,} training rows, {len(dataset.classes)} classes")
    for rate in RATES:
        trials = [trial(dataset, rate, seed=seed) for seed in range(1, asked.trials + 1)]
        print(trials[0].text, flush=True)
        if len(trials) > 1 and rate:
            print(compared(trials), flush=True)


@dataclasses.dataclass(frozen=True)
class Trial:
    """A search with labels made wrong. true: share of the labels of the judged classes that were made wrong, 0 to 1."""

    judged: mislabelled.Judged
    true: float
    text: str


def compared(trials: list[Trial]) -> str:
    """How the estimates and their upper limits compare with the true shares, over the trials that show an estimate."""
    shown = [one for one in trials if one.judged.caught and one.judged.upper <= mislabelled.NARROW]
    if not shown:
        return f"     in {len(trials)} trials, no estimate was shown"
    ratios = [one.judged.wrong / one.true for one in shown]
    low = sum(ratio < 1 for ratio in ratios)
    beyond = sum(one.judged.upper < one.true for one in shown)
    return (
        f"     in {len(trials)} trials, {len(shown)} estimates shown: {min(ratios):.2f} to {max(ratios):.2f} times the "
        f"true share, {low} below it; {beyond} upper limits below it"
    )


def trial(dataset: Dataset, rate: float, *, seed: int) -> Trial:
    """What the search finds if `rate` of the labels, 0 to 1, are made wrong."""
    rng = np.random.default_rng(seed)
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
    parts.append(f"about {100 * judged.wrong:.1f} % of {len(judged.judged_rows):,} labels wrong")
    parts.append(f"upper limit {100 * judged.upper:.1f} %")
    of_judged = [judged.examples.ids[row] in turned for row in judged.judged_rows]
    true = sum(of_judged) / max(len(of_judged), 1)
    return Trial(judged, true, ", ".join([*parts, f"{seconds:.1f} s"]))


if __name__ == "__main__":
    main()
