"""`then: last-K` in a plan: which layers are frozen, what room their states have, and where it cannot be."""

from pathlib import Path
from typing import Any

import pytest

import plans
import tiny
from finetooth.errors import RecipeError
from finetooth.pipeline import check_text, preparation, recipe_check, run_plan
from finetooth.progress import Silent
from finetooth.recipe import load
from finetooth.runs.plan_file import Plan


def planned(sources: Path, tmp_path: Path, **changes: Any) -> Plan:
    training = {"base_dropout": 0.0} | changes.pop("training", {})
    candidate = {"name": "c", "rank": 4, "then": "last-1"} | changes.pop("candidate", {})
    values = tiny.recipe(sources / "model", sources / "reviews.csv", training=training, baselines=[])
    values["data"] |= {"validation": 10, "test": 10}
    recipe = load(values | {"candidates": [candidate, {"name": "all", "rank": 4}]} | changes)
    material = preparation.gather(recipe, rejects=None, progress=Silent())
    tokens = preparation.tokenize_splits(recipe, material, folder=tmp_path / "tokens", progress=Silent())
    return run_plan.resolve(recipe, material, tokens)


def test_the_layers_below_the_last_ones_are_frozen_and_their_states_have_room(sources: Path, tmp_path: Path) -> None:
    plan = planned(sources, tmp_path)
    assert {name: item.frozen_depth for name, item in plan.candidates.items()} == {"c": 1, "all": 0}
    (states,) = plan.kept_frozen().values()
    mean, width = plan.of_model().tokens["train"].mean, plan.of_model().base.width
    assert states.bytes == round(4 * width * mean * plan.counts["train"])
    none = planned(sources, tmp_path, training={"cache_bytes": 0})
    assert none.kept_frozen() == {"c": plans.kept(0, 0)}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"training": {"epochs": 1}}, "changes nothing in one epoch; set training.epochs to 2 or more, or to auto."),
        (
            {"training": {"base_dropout": 0.1}},
            "needs training without padding on the CPU, which this rules out: dropout inside the base.",
        ),
        (
            {"candidate": {"layers": "last-1"}},
            "freezes no layer that is trained: of 2 layers, number 2 is the lowest adapted.",
        ),
        (
            {"training": {"epochs": "auto"}},
            "freezes layers after 200 steps, and with so few rows the rate falls after 100 at the latest. Remove "
            "`then`, or use more rows.",
        ),
        (
            {"candidate": {"then": "last-2"}},
            "freezes no layer that is trained: of 2 layers, number 1 is the lowest adapted.",
        ),
    ],
)
def test_where_it_cannot_be_the_recipe_is_refused(
    sources: Path, tmp_path: Path, changes: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(RecipeError) as error:
        planned(sources, tmp_path, **changes)
    then = changes.get("candidate", {}).get("then", "last-1")
    assert str(error.value) == f"candidate c: then: {then} {wrong}"


@pytest.mark.parametrize(("count", "layers"), [(1, "layer is"), (3, "3 layers are")])
def test_check_says_which_layers_are_frozen_and_what_their_states_take(count: int, layers: str) -> None:
    unpadded = {"plain_step_seconds": None, "fallback_reason": None, "gpu_peak_bytes": None, "precision": "float32"}
    row = unpadded | {"frozen_layers": count, "frozen_bytes": 1_500_000_000, "cached_bytes": 0}
    assert list(check_text._training_notes(row)) == [
        f"its lowest {layers} frozen during training (then)",
        "hidden states of the frozen layers are kept on disk: 1.50 GB",
    ]


def test_the_states_of_frozen_layers_are_estimated_once_for_each_seed() -> None:
    model = plans.model(tokens={"train": plans.lengths(mean=20.0)}, base=plans.base(layers=4))
    plan = plans.plan(counts={"train": 100}, model=model, candidates={"c": plans.candidate(frozen_depth=3)})
    seconds = [recipe_check._frozen_seconds(plan, "c", token_seconds=0.001, seeds=seeds) for seeds in (1, 3)]
    assert seconds == pytest.approx([1.5, 4.5])
