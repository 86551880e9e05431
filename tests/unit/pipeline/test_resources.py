"""What memory and disk allow is resolved once, within the recipe's bounds."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from finetooth.models.batching import Tokens, evaluation_batches
from finetooth.pipeline.resources import MOST_TOKENS, MOST_TOKENS_GPU, cache_plan, candidate_plan, token_budget
from finetooth.recipe import Candidate, Recipe, load
from finetooth.training.schedule import Schedule
from plans import candidate, kept

MINILM = SimpleNamespace(
    model_type="bert", hidden_act="gelu", hidden_size=384, intermediate_size=1536, num_hidden_layers=6,
    num_attention_heads=12,
)  # fmt: skip
DISTILBERT = SimpleNamespace(
    model_type="distilbert", activation="gelu", hidden_size=768, hidden_dim=3072, num_hidden_layers=6,
    num_attention_heads=12,
)  # fmt: skip


def recipe(*, training: Any = None, **changes: Any) -> Recipe:
    return load(
        {"name": "r", "model": "owner/name", "data": {"source": "owner/d"}, "training": training or {}, **changes}
    )


def tokens(*lengths: int) -> Tokens:
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Tokens(np.zeros(starts[-1], np.int32), starts, None, np.asarray(lengths, np.int64))


def test_a_budget_that_the_recipe_names_is_taken() -> None:
    assert token_budget(MINILM, recipe(training={"token_budget": 77}), free_bytes=1) == 77


def test_memory_bounds_the_budget_but_one_text_always_fits() -> None:
    budgets = [
        token_budget(MINILM, recipe(max_tokens=256), free_bytes=free) for free in (10**12, 10**9, 5 * 10**8, 10**6)
    ]
    assert budgets[0] == MOST_TOKENS
    assert budgets[0] > budgets[1] > budgets[2] > budgets[3] == 256
    assert token_budget(MINILM, recipe(max_tokens=256), free_bytes=0) == 256
    assert token_budget(MINILM, recipe(max_tokens=256), free_bytes=None) == MOST_TOKENS


def test_on_a_gpu_more_tokens_are_computed_at_a_time_within_its_memory() -> None:
    loaded_recipe = recipe(training={"device": "cuda"})
    assert token_budget(MINILM, loaded_recipe, free_bytes=80 * 10**9) == MOST_TOKENS_GPU
    assert MOST_TOKENS < token_budget(MINILM, loaded_recipe, free_bytes=8 * 10**9) < MOST_TOKENS_GPU


def test_a_larger_model_and_dropout_in_the_attention_take_more_memory() -> None:
    free = 2 * 10**9
    plain = token_budget(DISTILBERT, recipe(max_tokens=128), free_bytes=free)
    assert plain < token_budget(MINILM, recipe(max_tokens=128), free_bytes=free)
    dropped = recipe(max_tokens=128, training={"base_dropout": 0.1})
    assert token_budget(DISTILBERT, dropped, free_bytes=free) < plain


@pytest.mark.parametrize(
    ("targets", "changes", "because", "depth"),
    [
        (("bert.encoder.layer.0.q", "bert.encoder.layer.5.q"), {}, None, 0),
        (("bert.encoder.layer.4.q", "bert.encoder.layer.5.q"), {}, None, 4),
        (("bert.encoder.layer.4.q", "bert.pooler.dense"), {}, None, 0),
        (("bert.encoder.layer.4.q",), {"dropout": 0.1}, "dropout of the adapter", 0),
    ],
)
def test_layers_below_the_first_adapted_one_are_kept_where_nothing_changes_them(
    targets: tuple[str, ...], changes: dict[str, Any], because: str | None, depth: int
) -> None:
    settings = Candidate.model_validate({"name": "c", **changes})
    plan = candidate_plan(MINILM, settings, recipe().training, targets=targets, train_rows=600)
    assert plan == candidate(targets=targets, fallback_reason=because, depth=depth)


def test_hidden_states_keep_their_bound_and_the_test_rows_wait_for_a_second_reader() -> None:
    splits = {"train": tokens(50, 40, 30, 60), "validation": tokens(20, 20), "test": tokens(10, 10)}
    candidates = {"a": candidate(depth=3), "b": candidate(depth=0)}
    counts = {split: len(split_tokens.lengths) for split, split_tokens in splits.items()}

    def planned(most: int, *, seeds: tuple[int, ...] = (0,), free: int = 10**9) -> dict[str, Any]:
        loaded_recipe = recipe(seeds=list(seeds), training={"cache_bytes": most, "epochs": 3})
        return cache_plan(loaded_recipe, candidates, splits, counts=counts, width=8, budget=64, free_bytes=free)

    unbounded = planned(10**9)["3"]
    assert {split: states.bytes for split, states in unbounded.items()} == {"train": 180 * 32, "validation": 40 * 32}
    assert unbounded["train"].blocks == len(evaluation_batches(splits["train"].lengths, 64))
    assert planned(10**9, seeds=(0, 1))["3"]["test"].bytes == 20 * 32
    for bound in (planned(150 * 32), planned(10**9, free=300 * 32)):
        assert sum(states.bytes for states in bound["3"].values()) <= 150 * 32
        assert bound["3"]["validation"] == kept(1, 40 * 32)  # read once more than training rows
        assert bound["3"]["train"] == kept(2, 110 * 32)  # the two longest of four
    assert planned(0)["3"]["train"] == kept(0, 0)
    bare = {"b": candidate(depth=0)}
    assert cache_plan(recipe(), bare, splits, counts=counts, width=8, budget=64, free_bytes=10**9) == {}


def test_where_there_is_room_for_one_depth_the_deepest_is_kept_since_it_saves_most() -> None:
    splits = {"train": tokens(30, 30), "validation": tokens(10), "test": tokens(10)}
    counts = {"train": 2, "validation": 1, "test": 1}
    loaded_recipe = recipe(training={"cache_bytes": 70 * 32, "epochs": 3})
    candidates = {"last-5": candidate(depth=1), "last-1": candidate(depth=5)}
    plan = cache_plan(loaded_recipe, candidates, splits, counts=counts, width=8, budget=64, free_bytes=10**9)
    assert plan["5"]["train"].bytes == 60 * 32 and plan["5"]["validation"].bytes == 10 * 32
    assert plan["1"]["train"] == plan["1"]["validation"] == kept(0, 0)


def test_what_is_read_once_is_not_kept_and_what_is_read_most_comes_first() -> None:
    splits = {"train": tokens(30, 30), "validation": tokens(10), "test": tokens(10)}
    counts = {"train": 2, "validation": 1, "test": 1}

    def planned(candidates: dict[str, Any], *, epochs: int = 3, most: int = 10**9, seeds: int = 1) -> dict[str, Any]:
        loaded_recipe = recipe(training={"cache_bytes": most, "epochs": epochs}, seeds=list(range(seeds)))
        return cache_plan(loaded_recipe, candidates, splits, counts=counts, width=8, budget=64, free_bytes=10**9)

    once = planned({"a": candidate(depth=3)}, epochs=1)
    assert list(once["3"]) == ["validation"]  # scored in training and verified once more
    assert set(planned({"a": candidate(depth=3), "b": candidate(depth=3)}, epochs=1)["3"]) == {
        "train",
        "validation",
        "test",
    }
    often = recipe(training={"cache_bytes": 70 * 32, "epochs": 3, "batch_size": 1, "evaluate_every": 1})
    assert Schedule.of(often.training, 2).evaluations == 6
    # Of test rows a byte saves depth 5 once, of the other candidate's training rows depth 4 five times.
    both = planned({"a": candidate(depth=5), "b": candidate(depth=4)}, most=155 * 32, seeds=2)
    assert both["5"]["train"].blocks == both["4"]["train"].blocks == 1
    assert both["5"]["test"] == kept(1, 10 * 32)
    assert both["4"]["test"] == kept(0, 0)


def test_of_a_sample_the_bytes_are_those_of_all_rows_and_the_bound_holds_for_them() -> None:
    splits = {"train": tokens(30, 30), "validation": tokens(10), "test": tokens(10)}
    counts = {"train": 200, "validation": 1, "test": 1}

    def planned(most: int) -> dict[str, Any]:
        loaded_recipe = recipe(training={"cache_bytes": most, "epochs": 3})
        return cache_plan(
            loaded_recipe, {"a": candidate(depth=1)}, splits, counts=counts, width=8, budget=30, free_bytes=10**9
        )

    assert planned(10**9)["1"]["train"] == kept(2, 6000 * 32)
    assert planned(4000 * 32)["1"]["train"] == kept(1, 3000 * 32)
