"""What the verdict of a recipe can show on its test rows, for `finetooth check`: no label of a test row is read."""

from typing import Any

import numpy as np

from finetooth.data import overlap
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.units import Units
from finetooth.evaluation.verdict_power import Design, chance_to_show, smallest_gain
from finetooth.pipeline.preparation import Material
from finetooth.recipe import Recipe
from finetooth.row_kinds import row_kind
from finetooth.runs import ledger
from finetooth.wording import shown

USUAL = 0.1  # share of test rows on which the winner and a baseline differ
DISCORDANCES = (0.05, USUAL, 0.2)  # two good models differ on few rows, a model and a weak baseline on many
_MOST_DISCORDANCE = 0.5


def verdict_power(recipe: Recipe, material: Material) -> dict[str, Any]:
    """`verdict_power` of a check (docs/check.md), by simulation of the recipe's baselines and test rows.

    Nothing is simulated without a baseline, or for a metric other than the share of right answers.
    """
    test, metric = material.dataset.test, material.task.headline
    text_keys = overlap.keys(test.texts, test.pairs)
    units = Units.of(overlap.units(text_keys, test.groups))
    looks = ledger.next_look(text_keys, test_id=material.dataset.test_id)
    terms, baselines = Terms(units=units, looks=looks), baselines_to_beat(recipe)
    power: dict[str, Any] = {
        "metric": recipe.verdict_metric,
        "examples": len(units),
        "units": units.count,
        "group": None if recipe.data.group is None else shown(recipe.data.group),
        "baselines": baselines,
        "looks": looks,
        "alpha": terms.alpha,
        "gains": [],
        "gain_asked": None,
    }
    if not baselines or recipe.verdict_metric != metric.key or metric.paired_test != "mcnemar":
        return power
    texts = np.unique(np.array(text_keys, dtype="V16"), return_inverse=True)[1]
    design = Design.of(units, texts, baselines=len(baselines), alpha=terms.alpha)
    gains = [{"discordance": share, "gain": smallest_gain(design, discordance=share)} for share in DISCORDANCES]
    return {**power, "gains": gains, "gain_asked": _chance_of_gain(design, recipe.least_gain)}


def baselines_to_beat(recipe: Recipe) -> list[str]:
    """The names of the baselines that learn from the training rows; if none does, of all baselines.

    The verdict needs a gain over every baseline. Those that learn nothing (majority, original) are usually far behind
    those that learn, and then cost no power.
    """
    kinds = {name: row_kind(name) for name in recipe.baseline_rows}
    baselines = [name for name, kind in kinds.items() if kind.role == "baseline"]
    return [name for name in baselines if kinds[name].fitted] or baselines


def _chance_of_gain(design: Design, gain: float) -> dict[str, float] | None:
    """The chance that the verdict shows the gain that the recipe asks for, if the true gain is twice as large."""
    if gain == 0 or 2 * gain > _MOST_DISCORDANCE:
        return None
    discordance = max(USUAL, 2 * gain)
    chance = chance_to_show(design, discordance=discordance, true_gain=2 * gain, gain=gain)
    return {"gain": gain, "true_gain": 2 * gain, "discordance": discordance, "chance": chance}
