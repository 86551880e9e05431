"""Do the defaults learn? Test accuracy of the defaults and of a grid of rates and epochs, on small data sets.

    FINETOOTH_MATERIAL=../shared nice -n 5 .venv/bin/python benchmarks/learning_grid.py RESULTS.jsonl [SET ...]
    .venv/bin/python benchmarks/learning_grid.py RESULTS.jsonl SET --seeds 3 [--set learning_rate=5e-4 ...]
    .venv/bin/python benchmarks/learning_grid.py RESULTS.jsonl --table

SET: 600 training and 60 validation rows; SET/whole: all rows, with the validation rows split off as in any run. At
most 1,000 test rows. MiniLM-L6, rank 8, seed 0, trained in this process. The grid: adapter rate, head rate (the
adapter's or 5e-3) and epochs: 10 with all rates, 3 and 30 with the best of them; with all rows, the three in OF_WHOLE.
--seeds: instead of the grid, the defaults with these training options, each with several seeds, on the same rows.
Results that are in RESULTS.jsonl are not computed again, so that a stopped command continues.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import finetooth
from finetooth.evaluation.intervals import wilson
from finetooth.evaluation.learning import collapse
from finetooth.models import adapters, device
from finetooth.models.batching import Tokens
from finetooth.models.loading import load_base
from finetooth.models.plain_pass import logits
from finetooth.models.tokenizer import load_tokenizer
from finetooth.pipeline import preparation, run_plan
from finetooth.pipeline.preparation import Material
from finetooth.progress import Silent
from finetooth.recipe import Recipe
from finetooth.runs.layout import RowFolder
from finetooth.runs.plan_file import Plan
from finetooth.tasks import DEFAULT
from finetooth.training.job import Split, TrainingJob
from finetooth.training.loop import Trainer

ROWS, VALIDATION_ROWS, TEST_ROWS = 600, 60, 1_000
RATES, HEAD_RATES = (7e-4, 1.4e-3, 3.5e-4), (5e-3, "same")
FIRST_EPOCHS, OTHER_EPOCHS = 10, (3, 30)
OF_WHOLE = ((7e-4, 5e-3, 3), (7e-4, 5e-3, 10), (1.4e-3, 5e-3, 5))  # rate, head rate, epochs
DATA = Path(os.environ.get("FINETOOTH_MATERIAL", "../shared")).resolve() / "data"
SETS: dict[str, dict[str, Any]] = {
    "trec6": {"source": {"train": "trec6/TREC.train.all", "test": "trec6/TREC.test.all"},
              "format": "label_text", "encoding": "latin-1"},
    "sst2": {"source": {"train": "sst2/stsa.binary.train", "test": "sst2/stsa.binary.test"}, "format": "label_text"},
    "banking77": {"source": "banking77", "text": "text", "label": "category"},
    "rte": {"source": {"train": "rte/train.tsv", "test": "rte/dev.tsv"}, "quoting": False,
            "columns": ["index", "first", "second", "label"], "text": "first", "text_pair": "second", "label": "label"},
    "sms": {"source": "sms_spam", "format": "tsv", "columns": ["label", "text"], "quoting": False,
            "text": "text", "label": "label", "test": 0.2},
    "germeval": {"source": "germeval2018", "format": "tsv", "columns": ["text", "coarse", "fine"],
                 "quoting": False, "text": "text", "label": "coarse"},
    "imdb": {"source": {"train": "imdb/train.parquet", "test": "imdb/test.parquet"}, "text": "text", "label": "label",
             "labels": ["negative", "positive"]},
}  # fmt: skip
MAX_TOKENS = {"trec6": 64, "banking77": 64, "rte": 256}  # of the others 128


@dataclass(frozen=True)
class Prepared:
    """A set, read and tokenized once for all its trainings. splits: train, validation, test."""

    name: str
    recipe: Recipe
    material: Material
    splits: dict[str, Split]
    plan: Plan
    place: Path


def main() -> None:
    """Compute the figures that are missing, the defaults of all sets first; or print the table of those there are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--only", choices=("defaults", "grid"), help="make only these")
    parser.add_argument("--seeds", type=int, help="this many seeds of one setting, in place of the grid")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="of training, with --seeds")
    parser.add_argument("--table", action="store_true", help="print the table")
    asked = parser.parse_args()
    names = asked.sets or list(SETS)
    if asked.table:
        print(table(read(asked.results)))
        return
    device.configure(device.facts())
    if asked.seeds is not None:
        training = {key: yaml.safe_load(value) for key, _, value in (option.partition("=") for option in asked.set)}
        _seeds(names, training, asked.results, count=asked.seeds)
        return
    for part in ("defaults", "grid"):
        for name in names if asked.only in (None, part) else ():
            with tempfile.TemporaryDirectory(prefix="finetooth-grid-") as place:
                prepared = prepare_set(name, Path(place))
                points = [("defaults", {})] if part == "defaults" else grid(lambda: read(asked.results), name)
                for label, training in points:
                    measured(prepared, label, training, asked.results)


def _seeds(names: list[str], training: dict[str, Any], results: Path, *, count: int) -> None:
    label = " ".join(["defaults", *(f"{key}={value}" for key, value in training.items())])
    for name in names:
        with tempfile.TemporaryDirectory(prefix="finetooth-grid-") as place:
            prepared = prepare_set(name, Path(place))
            for seed in range(count):
                measured(prepared, f"{label}, seed {seed}", training, results, seed=seed)


def prepare_set(name: str, place: Path) -> Prepared:
    """Read and tokenize a set."""
    base, _, size = name.partition("/")
    data, source = SETS[base], SETS[base]["source"]
    where: Any = {split: str(DATA / path) for split, path in source.items()} if isinstance(source, dict) else ""
    limits = {"train": ROWS, "test": TEST_ROWS} if not size else {"test": TEST_ROWS}
    carved = {"validation": VALIDATION_ROWS} if not size else {}
    recipe = finetooth.load_recipe(
        {
            "name": base,
            "model": "minilm",
            "max_tokens": MAX_TOKENS.get(base, 128),
            "data": data | {"source": where or str(DATA / source), "limit": limits} | carved,
            "candidates": [{"name": "lora-r8", "rank": 8}],
        }
    )
    material = preparation.gather(recipe, rejects=None, progress=Silent())
    tokens = preparation.tokenize_splits(recipe, material, folder=place / "tokens", progress=Silent())
    splits = {split: _split(material, split, tokens[split]) for split in ("train", "validation", "test")}
    return Prepared(name, recipe, material, splits, run_plan.resolve(recipe, material, tokens), place)


def _split(material: Material, split: str, tokens: Tokens) -> Split:
    examples = preparation.split_of(material.dataset, split)
    return Split(examples.ids, tokens, np.array(examples.labels))


def grid(results: Callable[[], list[dict[str, Any]]], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and training of each point; the best rates are known once the first are measured."""
    if name.endswith("/whole"):
        yield from (_point(*point) for point in OF_WHOLE)
        return
    for rate in RATES:
        for head in HEAD_RATES:
            yield _point(rate, head, FIRST_EPOCHS)
    known = [item for item in results() if item["set"] == name and item["training"].get("epochs") == FIRST_EPOCHS]
    best = max(known, key=lambda item: float(item["accuracy"]))["training"]
    rate, head = best["learning_rate"], best["head_learning_rate"]
    for epochs in OTHER_EPOCHS:
        yield _point(rate, "same" if head == rate else head, epochs)


def _point(rate: float, head: Any, epochs: int) -> tuple[str, dict[str, Any]]:
    training = {"learning_rate": rate, "epochs": epochs, "head_learning_rate": rate if head == "same" else head}
    return f"{rate:g} x {epochs} x {head}", training


def measured(prepared: Prepared, label: str, changes: dict[str, Any], results: Path, *, seed: int = 0) -> None:
    """Train once and append a line to the results, unless there is one. seed: of the head, the order and dropout."""
    if any((item["set"], item["name"]) == (prepared.name, label) for item in read(results)):
        return
    began = time.process_time()
    trainer = trainer_of(prepared, changes, seed=seed)
    counters = trainer.run()
    seconds = time.process_time() - began
    test, job = prepared.splits["test"], trainer.job
    answers = DEFAULT.answers(logits(trainer.model, test.tokens, pad_id=job.pad_id, budget=job.evaluation_budget))
    right = answers == test.labels
    line = {
        "set": prepared.name,
        "name": label,
        "training": changes,
        "accuracy": float(right.mean()),
        "train_rows": len(job.train.labels),
        "collapsed": collapse(answers, test.labels) is not None,
        "steps": counters.step,
        "best_step": counters.best_step,
        "steps_per_epoch": trainer.schedule.steps_per_epoch,
        "processor_seconds": round(seconds, 1),
        "curve": counters.curve,
        "right": "".join(map(str, right.astype(int))),
    }
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(
        f"{prepared.name:16} {label:20} {100 * float(right.mean()):5.1f} %  {counters.step:,} steps, {seconds:.0f} s",
        flush=True,
    )


def trainer_of(prepared: Prepared, changes: dict[str, Any], *, seed: int) -> Trainer:
    """The training, not begun, as a row's process makes it."""
    recipe, plan = prepared.recipe, prepared.plan
    training = type(recipe.training).model_validate(recipe.training.model_dump() | changes)
    assert prepared.material.model is not None
    folder = prepared.material.model.path
    base = load_base(folder, classes=plan.classes, head_seed=seed, dropout=training.base_dropout)
    row, train, pad_id = (
        RowFolder(prepared.place / "row"),
        prepared.splits["train"],
        load_tokenizer(folder).pad_token_id,
    )
    shutil.rmtree(row.path, ignore_errors=True)
    budget = plan.evaluation_budget
    job = TrainingJob(
        candidate=recipe.candidates[0],
        training=training,
        seed=seed,
        train=train,
        validation=prepared.splits["validation"],
        classes=plan.classes,
        pad_id=pad_id,
        packed=True,
        precision=plan.of_model().precision,
        token_budget=plan.of_model().token_budget,
        evaluation_budget=budget,
        folder=row,
    )
    return Trainer(job, adapters.attach(base, recipe.candidates[0], seed=seed))


def read(results: Path) -> list[dict[str, Any]]:
    """The lines of the results."""
    return [json.loads(line) for line in results.read_text().splitlines()] if results.is_file() else []


def table(lines: list[dict[str, Any]]) -> str:
    """A line of Markdown for each set: the defaults, the best of the grid, and their difference on the test rows."""
    rows = ["| set | test rows | defaults (95 %) | epochs | best of the grid: rate x epochs x head | difference |"]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    for name in dict.fromkeys(line["set"] for line in lines):
        here = {line["name"]: line for line in lines if line["set"] == name and ", seed " not in line["name"]}
        ours = here.pop("defaults", None)
        if ours is None:
            continue
        count = len(ours["right"])
        low, high = wilson(ours["right"].count("1"), count)
        shown = f"{100 * ours['accuracy']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
        shown += ", one class" if ours["collapsed"] else ""
        best, gap = "not measured", ""
        if here:
            top = max(here.values(), key=lambda line: float(line["accuracy"]))
            best = f"{100 * top['accuracy']:.1f} %: {top['name']}, of {len(here)}"
            gap = "{:+.1f} +- {:.1f}".format(*difference(ours["right"], top["right"]))
        epochs = ours["steps"] / ours["steps_per_epoch"]
        rows.append(f"| {name} | {count:,} | {shown} | {epochs:.1f} | {best} | {gap} |")
    return "\n".join(rows)


def difference(ours: str, theirs: str) -> tuple[float, float]:
    """Accuracy of ours over theirs on the same rows, and half of its 95 % interval (normal), in points."""
    gaps = np.array([int(one) - int(other) for one, other in zip(ours, theirs, strict=True)], float)
    return 100 * float(gaps.mean()), 196 * float(gaps.std() / np.sqrt(len(gaps)))


if __name__ == "__main__":
    main()
