"""A run folder just before its report is made: results, comparison, costs, predictions and the test rows' texts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import plans
from finetooth.data import Dataset, Examples
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.training_curve import CurvePoint
from finetooth.evaluation.units import Units
from finetooth.files import write_json
from finetooth.runs import comparison, predictions
from finetooth.runs.layout import RunFolder
from finetooth.runs.predictions import Predictions
from finetooth.runs.results import (
    Costs,
    Parameters,
    Reload,
    ResultsRow,
    RowCosts,
    write_costs,
    write_results,
)
from finetooth.runs.work import read_units, save_examples, write_splits
from finetooth.tasks import DEFAULT

# name, kind, seed, chance of a right answer, trained parameters, seconds
ROWS = (
    ("majority", "baseline", None, 0.5, None, None),
    ("tfidf", "baseline", None, 0.76, None, 1.2),
    ("original", "baseline", 0, 0.48, None, None),
    ("original", "baseline", 1, 0.53, None, None),
    ("lora-r8", "candidate", 0, 0.83, 332_546, 301.0),
    ("lora-r8", "candidate", 1, 0.82, 332_546, 306.0),
    ("lora-r16", "candidate", 0, 0.8, 664_322, 322.0),
    ("lora-r16", "candidate", 1, 0.81, 664_322, 326.0),
)
CURVE = (
    (1.0, 0.61, 0.5, 0.78, 0.66),
    (2.0, 0.42, 0.41, 0.82, 0.81),
    (3.0, 0.3, 0.46, 0.815, 0.88),
    (4.0, 0.21, 0.55, 0.81, 0.93),
)


def build(
    path: Path,
    *,
    texts: Sequence[str],
    classes: Sequence[str] = ("fresh", "rotten"),
    ids: Sequence[str] | None = None,
    pairs: Sequence[str] | None = None,
    run: str = "reviews",
    rows: Sequence[tuple] = ROWS,
) -> RunFolder:
    """The folder; what each row answered is drawn, so that figures and rows belong together."""
    folder, count, rng = RunFolder(path), len(texts), np.random.default_rng(7)
    folder.path.mkdir(parents=True)
    labels = np.arange(count, dtype=np.int64) % len(classes)
    named = tuple(ids or (f"reviews.csv:{number + 2}" for number in range(count)))
    test = Examples(named, tuple(texts), None if pairs is None else tuple(pairs), labels)
    dataset = Dataset(test, test, test, tuple(classes), "ab" * 32, "cd" * 32, {})
    save_examples(folder, dataset)
    write_splits(folder, dataset)
    hard = rng.random(count)  # some texts are hard for every row
    made, outcomes, costs = [], [], []
    for name, kind, seed, share, trained, spent in rows:
        predicted = _predictions(test, share, hard, rng, len(classes))
        row_folder = folder.row(name, seed)
        row_folder.path.mkdir(parents=True)
        predictions.write(row_folder.predictions, {"validation": predicted, "test": predicted})
        made.append(_row(name, kind, seed, trained, DEFAULT.score(predicted.logits, predicted.labels)))
        outcomes.append(comparison.Outcome(name, kind, seed, predicted))
        costs.append(RowCosts(name=name, seed=seed, train_seconds=spent, peak_bytes=1_034_567_890))
    winner = next(((row.name, row.seed) for row in made if row.kind == "candidate" and row.seed is not None), None)
    plan = plans.plan(
        model=plans.model(base=plans.base(id="owner/name@" + "0a" * 20)),
        test_id="ab" * 32,
        counts={"train": 9_140, "validation": 1_048, "test": count},
        classes=tuple(classes),
    )
    write_results(folder, made, run=run, plan=plan, max_tokens=512, winner=winner)
    comparison.write_comparison(
        folder, comparison.compare(outcomes, winner=winner, terms=Terms(units=Units.of(read_units(folder))))
    )
    write_costs(
        folder,
        Costs(
            test_openings=1, rows=costs, step_seconds={"prepare": 8.9, "train lora-r8": 601.5}, peak_bytes=1_340_000_000
        ),
    )
    account = {"in": 12_808, "used": 9_140, "rejected": 0, "dropped": {"equals a test row": 3}, "outside": 3_665}
    facts = {"file": "reviews.csv", "split": "train", "format": "csv", "rows": 12_808}
    columns = {"text": {"name": "text", "how": "declared"}, "label": {"name": "category", "how": "declared"}}
    write_json(
        folder.data,
        {"files": [facts], "columns": columns, "rows": {"train": account}, "notes": ["no validation rows are given."]},
    )
    write_json(folder.provenance, {"packages": {"finetooth": "0.1.0", "torch": "2.13.0"}, "processor": "two cores"})
    return folder


def _predictions(test: Examples, share: float, hard: np.ndarray, rng: np.random.Generator, classes: int) -> Predictions:
    right = 0.6 * hard + 0.4 * rng.random(len(hard)) < np.quantile(0.6 * hard + 0.4 * rng.random(len(hard)), share)
    guess = np.where(right, test.labels, (test.labels + rng.integers(1, classes, len(hard))) % classes)
    logits = rng.normal(0, 0.3, (len(hard), classes)).astype(np.float32)
    logits[np.arange(len(hard)), guess] = logits.max(axis=1) + rng.gamma(2.0, 0.7, len(hard)).astype(np.float32)
    return Predictions(test.ids, test.labels, logits)


def _row(name: str, kind: str, seed: int | None, trained: int | None, figures: dict) -> ResultsRow:
    if kind == "baseline":
        return ResultsRow(
            name=name,
            kind=kind,
            seed=seed,
            validation=figures,
            test=figures,
            head="new" if name == "original" else None,
        )
    assert trained is not None
    return ResultsRow(
        name=name,
        kind=kind,
        seed=seed,
        parameters=Parameters(adapter=trained - 770, head=770, bias=0, total=22_713_986 + trained, peft_percent=1.45),
        validation=figures,
        test=figures,
        reload=Reload(verified=True, max_abs_logit_difference=0.0),
        best_step=572,
        kept_epoch=2.0,
        curve=[CurvePoint(*point) for point in CURVE],
        head="new",
    )
