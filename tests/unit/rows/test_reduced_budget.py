"""A row that the system killed for its memory is trained with what that left it."""

from collections.abc import Callable

from finetooth.files import read_json, write_hashed_json
from finetooth.rows import row_of
from finetooth.rows.context import Context
from silent import SILENT


def test_the_worker_trains_with_the_tokens_that_a_kill_for_memory_left(
    begin: Callable[..., Callable[..., Context]],
) -> None:
    context = begin(baselines=[], training={"epochs": 1})("fit", "r4")
    assert context.plan.of_model().token_budget == 96
    context.folder.checkpoints.mkdir(parents=True)
    write_hashed_json(context.folder.reduced_budget, {"schema": 1, "token_budget": 48})
    row_of("r4").fit(context, SILENT)
    curve = read_json(context.folder.curve)
    assert curve["token_budget"] == 48  # by which the end of the run marks it inexact
    assert curve["warnings"][0] == "memory ran out after step 0; from there at most 48 tokens at a time"
