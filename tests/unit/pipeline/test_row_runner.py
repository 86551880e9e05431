"""What is done where the system ends the process of a row for its memory."""

from pathlib import Path
from typing import Any

import pytest

import plans
from finetooth.errors import KilledError
from finetooth.files import new_directory, read_json, write_json
from finetooth.pipeline.row_runner import RowRunner
from finetooth.progress import Silent, Step
from finetooth.recipe import load as load_recipe
from finetooth.rows.context import Action, Context
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.training import checkpoints


def recipe_of(folder: Path) -> dict[str, Any]:
    return {"name": "x", "model": "./m", "data": {"source": str(folder / "gone.csv")}, "candidates": []}


class Spoken(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines = list[str]()

    def say(self, line: str) -> None:
        self.lines.append(line)


class Killed:
    """A command whose child the system kills for its memory the first `times` times; `budgets`: what each was given."""

    def __init__(self, row: RowFolder, times: int) -> None:
        self.row, self.times, self.budgets = row, times, list[int | None]()
        self.steps = list[int]()

    def call(self, action: Action, context: Context, step: Step, *, new_interpreter: bool = False) -> None:
        budget_file = self.row.reduced_budget
        self.budgets.append(read_json(budget_file)["token_budget"] if budget_file.is_file() else None)
        reached = self.steps[len(self.budgets) - 1] if self.steps else 0
        if reached > checkpoints.newest(self.row.checkpoints)[0]:
            state(self.row, reached, budget=self.budgets[-1] or 512)
        if len(self.budgets) <= self.times:
            raise KilledError("memory ran out")


@pytest.mark.parametrize(("times", "ends"), [(0, True), (2, True), (9, False)])
def test_a_training_that_the_system_kills_for_its_memory_goes_on_with_half_as_much_at_a_time(
    tmp_path: Path, times: int, ends: bool
) -> None:
    work, killed, progress = killed_for_memory(tmp_path, times)
    if ends:
        work._fit(("r8", 0))
    else:
        with pytest.raises(KilledError):
            work._fit(("r8", 0))
        assert not killed.row.reduced_budget.exists()  # begins as planned: something else took the memory
    assert killed.budgets == [None, 256, 128, 100][: times + 1]  # the longest text is of 100 tokens
    assert all(len(part) <= 80 for line in progress.lines for part in line.splitlines())
    assert [" ".join(line.split()) for line in progress.lines] == [
        f"Warning r8: memory ran out; continuing after step 0 with at most {budget} tokens at a time."
        for budget in killed.budgets[1:]
    ]


def test_what_is_halved_is_what_the_last_checkpoint_was_trained_with(tmp_path: Path) -> None:
    work, killed, _ = killed_for_memory(tmp_path, 1)
    state(killed.row, 5, budget=240)  # memory had run out in a step before
    work._fit(("r8", 0))
    assert killed.budgets == [None, 120]


def test_with_no_fewer_tokens_it_continues_as_long_as_it_gets_further(tmp_path: Path) -> None:
    work, killed, _ = killed_for_memory(tmp_path, 9)
    killed.steps = [0, 0, 0, 5, 10, 10]  # what the checkpoints hold after each try
    with pytest.raises(KilledError):
        work._fit(("r8", 0))
    assert killed.budgets == [None, 256, 128, 100, 100, 100]


def state(row: RowFolder, step: int, *, budget: int) -> None:
    with new_directory(row.checkpoints / f"step-{step:08d}-0") as inside:
        write_json(inside / "counters.json", {"step": step, "token_budget": budget})


def killed_for_memory(run_path: Path, times: int) -> tuple[RowRunner, Killed, Spoken]:
    folder = RunFolder(run_path)
    folder.work.mkdir()
    recipe = load_recipe(recipe_of(run_path) | {"candidates": [{"name": "r8"}]})
    killed, progress = Killed(folder.row("r8", 0), times), Spoken()
    model = plans.model(token_budget=512, tokens={"train": plans.lengths(longest_whole=100)})
    plan = plans.plan(model=model, candidates={"r8": plans.candidate()})
    return RowRunner(recipe, plan, folder, progress, killed, {"": Path()}), killed, progress  # type: ignore[arg-type]


def test_a_baseline_that_the_system_kills_for_its_memory_is_not_tried_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.work.mkdir()
    killed = Killed(folder.row("tfidf", None), 9)
    recipe = load_recipe(recipe_of(tmp_path))
    work = RowRunner(recipe, plans.plan(), folder, Silent(), killed, {"": Path()})  # type: ignore[arg-type]
    with pytest.raises(KilledError):
        work._fit(("tfidf", None))
    assert killed.budgets == [None]
