"""Baselines choose their settings by the metric of the verdict, so that a candidate meets each at its best."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import plans
import tiny
from finetooth import baselines
from finetooth.baselines import Probe
from finetooth.data import Dataset, Examples
from finetooth.evaluation import deciding
from finetooth.evaluation.cost import cost_metric
from finetooth.evaluation.decisions import Decision
from finetooth.recipe import load
from finetooth.rows import text_baseline
from finetooth.rows.context import Context
from finetooth.runs.layout import RunFolder
from finetooth.runs.work import save_examples
from finetooth.tasks import DEFAULT, Logits, Metric, Targets
from silent import SILENT

DEAR = ((1, 0, 10.0),)  # to miss a rare row costs ten times as much as a false alarm
COST = cost_metric(DEAR, classes=2)
BY_MACRO_F1 = ({"verdict": {"metric": "macro_f1"}}, {"training": {"monitor": "macro_f1"}})
BY_COST = {"decision": {"costs": {"good": {"bad": 10.0}}}}
BY_LOSS = {"verdict": {"metric": "loss"}}


def rare(count: int, seed: int, noise: float) -> Examples:
    """Texts of 8 words, about 5 in 100 of the class `good`, which has 3 words more often. noise: in any text."""
    random = np.random.default_rng(seed)
    labels = (random.random(count) < 0.05).astype(np.int64)
    tells = random.random((count, 8)) < 0.2 * labels[:, None] + noise
    words = np.where(tells, random.integers(0, 3, (count, 8)), random.integers(3, 60, (count, 8)))
    ids = tuple(f"{seed}.csv:{number}" for number in range(count))
    return Examples(ids, tuple(" ".join(f"w{word}x" for word in row) for row in words), None, labels)


def measured(place: Path, row: str, noise: float, metric: Metric, **changes: Any) -> float:
    """The metric of the validation rows, decided as the row's are, by a baseline of texts. changes: of the recipe."""
    recipe = load(tiny.recipe(place / "nowhere", place / "reviews.csv", baselines=[row], candidates=[], **changes))
    folder = RunFolder(place / "run")
    folder.work.mkdir(parents=True)
    folder.recipe.write_text(yaml.safe_dump(recipe.model_dump(mode="json")), encoding="utf-8")
    train, validation, test = (rare(count, seed, noise) for count, seed in ((600, 1), (400, 2), (10, 3)))
    save_examples(folder, Dataset(train, validation, test, ("bad", "good"), "b" * 64, "f" * 64, {}))
    facts: Any = {"recipe": recipe, "plan": plans.plan(), "row": row, "row_seed": None, "split": "train"}
    text_baseline.fit(Context(run_folder=folder, base_folder=place, **facts), SILENT)
    logits = baselines.load(folder.row(row, None).baseline).logits(validation.texts)
    costs = DEAR if metric is COST else ()
    decision = Decision(temperature=deciding.temperature(logits, validation.labels), costs=costs)
    return metric.value(decision.outputs(logits), validation.labels)


@pytest.mark.parametrize(
    ("row", "noise", "key", "changes"),
    [
        ("tfidf", 0.02, "macro_f1", BY_MACRO_F1[0]),
        ("tfidf", 0.02, "macro_f1", BY_MACRO_F1[1]),
        ("nb_words", 0.05, "macro_f1", BY_MACRO_F1[0]),
        ("tfidf", 0.02, "cost", BY_COST),
        ("tfidf", 0.02, "loss", BY_LOSS),
    ],
)
def test_with_a_rare_class_the_settings_are_the_best_by_the_metric_of_the_verdict(
    tmp_path: Path, row: str, noise: float, key: str, changes: dict[str, Any]
) -> None:
    metric = COST if key == "cost" else DEFAULT.metric(key)
    by_accuracy = measured(tmp_path / "accuracy", row, noise, metric)
    by_metric = measured(tmp_path / "metric", row, noise, metric, **changes)
    assert metric.gain(by_metric) > metric.gain(by_accuracy)


def test_a_probe_takes_the_settings_of_the_highest_figure() -> None:
    random = np.random.default_rng(4)
    labels = (random.random(800) < 0.05).astype(np.int64)
    rows = {"pooler": (random.normal(size=(800, 6)) + 0.8 * labels[:, None]).astype(np.float32)}

    def macro_f1(logits: Logits, targets: Targets) -> float:
        return float(DEFAULT.score(logits, targets)["macro_f1"])

    parts = (slice(400), slice(400, None))
    fitted, chooses = ({name: values[part] for name, values in rows.items()} for part in parts)
    plain, actual = (
        Probe.fit(fitted, labels[:400], validation=chooses, truth=labels[400:], classes=2, figure=figure)
        for figure in (None, macro_f1)
    )
    assert macro_f1(actual.logits(chooses), labels[400:]) > macro_f1(plain.logits(chooses), labels[400:])
    assert actual.chosen.figure == max(trial.figure for trial in actual.tried)
