"""Which base to train: a linear probe of each on the same training rows, cross-validated.

No validation or test row is encoded, so that those rows have no part in the choice.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.baselines.probe import cross_validated
from finetooth.data import Examples, overlap
from finetooth.errors import DataError, ModelError, RecipeError, SourceError
from finetooth.evaluation.intervals import metric_interval
from finetooth.evaluation.power import smallest_shown
from finetooth.evaluation.significance import paired
from finetooth.evaluation.units import Units
from finetooth.models.batching import EVALUATION_BUDGET
from finetooth.models.features import Feature, encode, head_input
from finetooth.models.loading import encoder_parameters
from finetooth.models.packed_inference import InferencePass, inference_obstacle
from finetooth.pipeline import preparation, run_plan
from finetooth.pipeline.preparation import Material
from finetooth.progress import Progress
from finetooth.recipe import Recipe
from finetooth.recipe.paths import absolute_paths
from finetooth.sources import fetch_model
from finetooth.tasks import Metric, Outputs, Scores
from finetooth.wording import counted

SAMPLE = 1_000  # training rows: 4 to 60 seconds a base, and intervals of about 3 points either way
FOLDS = 5
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class _Measured:
    """A base on the sample; `scores` is None where `error` says why it could not be measured.

    scores: (N,) of the examples by the headline metric of the task. seconds: to tokenize and encode the sample;
    probe_seconds: to fit the probes.
    """

    base: str
    id: str | None = None
    parameters: int | None = None
    seconds: float | None = None
    probe_seconds: float | None = None
    error: str | None = None
    scores: Scores | None = None


def compare_bases(recipe: Recipe, bases: Sequence[str], *, progress: Progress) -> dict[str, Any]:
    """The accuracy of a linear probe on each base, its difference from the best, and the base to train.

    bases: sources as a recipe names its model, paths relative to the working directory. The best is the one of highest
    accuracy, the first among equals. Intervals of differences hold for all pairs of bases together (Bonferroni), since
    the same rows choose the best.
    Raises: DataError, SourceError for the data; RecipeError without a base or with one named twice. A base that cannot
    be measured gets an `error`, and the others are measured.
    """
    doubled = next((base for position, base in enumerate(bases) if base in bases[:position]), None)
    if doubled is not None or not bases:
        raise RecipeError("--bases names no base." if not bases else f"--bases names {doubled!r} twice.")
    # Without a row that needs it, the recipe's own model is not fetched.
    rows_only = recipe.model_copy(update={"candidates": [], "baselines": ["majority"]})
    material = preparation.gather(rows_only, rejects=None, progress=progress)
    sample = preparation.drawn(material.dataset.train, SAMPLE, seed=recipe.data.seed)
    units = overlap.units(overlap.keys(sample.texts, sample.pairs), sample.groups)
    folds = overlap.folds(units.tolist(), sample.labels, count=FOLDS)
    if len(np.unique(folds)) < FOLDS:
        group = (material.dataset.summary["columns"].get("group") or {}).get("name")
        raise DataError(_too_few(len(sample), int(units.max()) + 1, group=group))
    measured = [_measured(base, recipe, material, sample=sample, folds=folds, progress=progress) for base in bases]
    return {
        "schema": 1,
        "run": recipe.name,
        "data": material.dataset.summary,
        "findings": [],
        "sample_rows": len(sample),
        "folds": FOLDS,
        "units": int(units.max()) + 1,
        **_compared(measured, material.task.headline, Units.of(units)),
    }


def _too_few(rows: int, units: int, *, group: str | None) -> str:
    """The message that training rows of fewer than FOLDS units cannot be cross-validated."""
    if units == rows:
        return f"{rows:,} training rows are too few to compare bases by {FOLDS}-fold cross-validation."
    few = f"{counted(units, 'group')} ({group})" if group else counted(units, "different text")
    return (
        f"the {rows:,} training rows are of only {few}, too few to compare bases by {FOLDS}-fold "
        f"cross-validation: it needs {FOLDS}."
    )


def _measured(
    base: str,
    recipe: Recipe,
    material: Material,
    *,
    sample: Examples,
    folds: npt.NDArray[np.int64],
    progress: Progress,
) -> _Measured:
    classes = material.dataset.classes
    try:
        source = fetch_model(absolute_paths({"model": base}, Path.cwd(), where="--bases")["model"], progress=progress)
        preparation.refuse_positions(recipe, source.path)
        loaded = run_plan.sound_base(source.path, classes)
        tokenizer = preparation.checked_tokenizer(source.path, pairs=sample.pairs is not None)
        names: tuple[Feature, ...] = (head_input(loaded), "mean")
        with progress.step(f"read by {base}", total=len(sample), unit="texts") as step:
            began = time.perf_counter()
            tokens = preparation.tokens_of(tokenizer, sample, recipe, advance=lambda count: None)
            if inference_obstacle(loaded.model) is None:
                computed = InferencePass(loaded.model, "float32")
                encoded = computed.features(tokens, features=names, advance=step.advance)
            else:  # in float32 too
                pad_id, budget = tokenizer.pad_token_id, EVALUATION_BUDGET
                encoded = encode(
                    loaded.model, tokens, features=names, pad_id=pad_id, budget=budget, advance=step.advance
                )
            seconds = time.perf_counter() - began
        for name, rows in encoded.items():
            broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
            if len(broken):
                raise ModelError(
                    f"the base model: a value of {name} is not finite for the row {sample.ids[broken[0]]}. Leave this "
                    "base out of --bases."
                )
    except (RecipeError, SourceError, ModelError) as error:
        return _Measured(base, error=str(error))
    about = _Measured(base, id=source.id, parameters=encoder_parameters(loaded), seconds=seconds)
    with progress.step(f"probe on {base}", total=FOLDS, unit="folds") as step:
        began = time.perf_counter()
        features = {str(name): rows for name, rows in encoded.items()}
        logits = cross_validated(features, sample.labels, folds, classes=len(classes), advance=step.advance)
    task = material.task
    scores = task.headline.each(Outputs(logits, task.answers(logits)), sample.labels)
    return replace(about, scores=scores, probe_seconds=time.perf_counter() - began)


def _compared(measured: Sequence[_Measured], headline: Metric, units: Units) -> dict[str, Any]:
    """The table, the base to train (None if none was measured), and the smallest difference that the rows show."""
    scored = [(item.base, item.scores) for item in measured if item.scores is not None]
    best = max(scored, key=lambda item: float(item[1].sum()), default=None)
    alpha = (1 - LEVEL) / max(1, len(scored) * (len(scored) - 1) // 2)
    return {
        "best": None if best is None else best[0],
        "bases": [_line(item, best, headline, units, level=1 - alpha) for item in measured],
        "smallest_difference": _smallest(scored, best, headline, units, alpha=alpha),
    }


def _line(
    item: _Measured, best: tuple[str, Scores] | None, headline: Metric, units: Units, *, level: float
) -> dict[str, Any]:
    line = {key: value for key, value in asdict(item).items() if key != "scores"}
    unknown = dict.fromkeys(("accuracy", "interval", "difference", "difference_interval", "distinguished"))
    if item.scores is None or best is None:
        return line | unknown
    accuracy, interval = (
        float(item.scores.mean()),
        list(metric_interval(headline, item.scores, units=units, level=LEVEL)),
    )
    line |= unknown | {"accuracy": accuracy, "interval": interval}
    if item.base == best[0]:
        return line
    pair = paired(item.scores, best[1], test=headline.paired_test, units=units)
    low, high = pair.interval(level=level)
    return line | {
        "difference": pair.difference,
        "difference_interval": [low, high],
        "distinguished": high < 0,
    }


def _smallest(
    scored: Sequence[tuple[str, Scores]],
    best: tuple[str, Scores] | None,
    headline: Metric,
    units: Units,
    *,
    alpha: float,
) -> float | None:
    """The smallest true difference, 0 to 1, that these rows show in 4 of 5 cases; None if they show none.

    The share of rows on which two bases differ is that of the best and the second best.
    """
    others = [scores for base, scores in scored if best is not None and base != best[0]]
    if best is None or not others:
        return None
    closest = max(others, key=lambda scores: float(scores.sum()))
    pair = paired(closest, best[1], test=headline.paired_test, units=units)
    return smallest_shown(pair, alpha=alpha) if pair.differing else None
