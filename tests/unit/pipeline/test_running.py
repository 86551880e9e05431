"""What a run refuses before it writes, and how it reads the recipe it is given."""

from pathlib import Path
from typing import Any

import pytest
from proven_runs import make_run

import plans
from finetooth import Recipe
from finetooth.errors import ChangedError, KilledError, RecipeError, RunError, SourceError
from finetooth.files import new_directory, read_json, write_json
from finetooth.model import device
from finetooth.pipeline import running
from finetooth.progress import Silent, Step
from finetooth.recipe import load as load_recipe
from finetooth.rows.context import Task
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.runs.plan_file import Plan
from finetooth.tuning import checkpoints


def recipe_of(place: Path) -> dict[str, Any]:
    return {"name": "x", "model": "./m", "data": {"source": str(place / "gone.csv")}, "candidates": []}


def test_a_folder_with_a_users_own_files_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match=r"holds files that are not of a run \(thesis\.tex\)"):
        running.run(recipe_of(tmp_path), out=out)
    assert sorted(item.name for item in out.iterdir()) == ["thesis.tex"]


def test_what_a_kill_in_the_first_moment_leaves_is_no_users_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in (".lock", ".lock-worker", ".lock.holder", ".tmp-0123456789abcdef"):
        (out / name).write_text("")
    with pytest.raises(SourceError, match="no such file or folder"):  # it went on
        running.run(recipe_of(tmp_path), out=out)


def test_without_a_gpu_a_run_on_one_is_refused_before_anything_is_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "gpu_obstacle", lambda: "there is none")
    asked = recipe_of(tmp_path) | {"training": {"device": "cuda"}}
    with pytest.raises(RecipeError, match=r"^training\.device: cuda, but there is none\. Set training\.device: cpu"):
        running.run(asked, out=tmp_path / "out")


def test_a_recipe_object_means_what_its_file_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Recipe] = []

    def work(recipe: Recipe, *others: object, **named: object) -> None:
        given.append(recipe)
        raise RunError("far enough")

    monkeypatch.setattr(running, "_Work", work)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="far enough"):
        running.run(Recipe.model_validate(recipe_of(tmp_path) | {"data": {"source": "./gone.csv"}}), out="out")
    assert (given[0].model, given[0].data.source) == (str(tmp_path / "m"), str(tmp_path / "gone.csv"))


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

    def call(self, task: Task, step: Step, *, plan: Plan, new_interpreter: bool = False) -> None:
        lowered = self.row.lowered
        self.budgets.append(read_json(lowered)["token_budget"] if lowered.is_file() else None)
        reached = self.steps[len(self.budgets) - 1] if self.steps else 0
        if reached > checkpoints.newest(self.row.checkpoints)[0]:
            state(self.row, reached, budget=self.budgets[-1] or 512)
        if len(self.budgets) <= self.times:
            raise KilledError("memory ran out")


@pytest.mark.parametrize(("times", "ends"), [(0, True), (2, True), (9, False)])
def test_tuning_that_the_system_kills_for_its_memory_goes_on_with_half_as_much_at_a_time(
    tmp_path: Path, times: int, ends: bool
) -> None:
    work, killed, said = killed_for_memory(tmp_path, times)
    if ends:
        work._fit("r8", 0)
    else:
        with pytest.raises(KilledError):
            work._fit("r8", 0)
        assert not killed.row.lowered.exists()  # the same command begins as planned: something else took the memory
    assert killed.budgets == [None, 256, 128, 100][: times + 1]  # the longest text is of 100 tokens
    assert all(len(part) <= 80 for line in said.lines for part in line.splitlines())
    assert [" ".join(line.split()) for line in said.lines] == [
        f"Warning r8: memory ran out; going on after step 0 with at most {budget} tokens at a time."
        for budget in killed.budgets[1:]
    ]


def test_what_is_halved_is_what_the_last_checkpoint_was_tuned_with(tmp_path: Path) -> None:
    work, killed, _ = killed_for_memory(tmp_path, 1)
    state(killed.row, 5, budget=240)  # memory had run out in a step before
    work._fit("r8", 0)
    assert killed.budgets == [None, 120]


def test_with_no_fewer_tokens_it_goes_on_as_long_as_it_comes_further(tmp_path: Path) -> None:
    work, killed, _ = killed_for_memory(tmp_path, 9)
    killed.steps = [0, 0, 0, 5, 10, 10]  # what the checkpoints hold after each try
    with pytest.raises(KilledError):
        work._fit("r8", 0)
    assert killed.budgets == [None, 256, 128, 100, 100, 100]


def state(row: RowFolder, step: int, *, budget: int) -> None:
    with new_directory(row.checkpoints / f"step-{step:08d}-0") as inside:
        write_json(inside / "counters.json", {"step": step, "token_budget": budget})


def killed_for_memory(place: Path, times: int) -> tuple[Any, Killed, Spoken]:
    folder = RunFolder(place)
    folder.work.mkdir()
    recipe = load_recipe(recipe_of(place) | {"candidates": [{"name": "r8"}]})
    killed, said = Killed(folder.row("r8", 0), times), Spoken()
    work = running._Work(recipe, folder, said, killed)  # type: ignore[arg-type]
    model = plans.model(token_budget=512, tokens={"train": plans.lengths(longest_whole=100)})
    work.plan = plans.plan(model=model, candidates={"r8": plans.candidate()})
    return work, killed, said


def test_a_control_that_the_system_kills_for_its_memory_is_not_tried_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.work.mkdir()
    killed = Killed(folder.row("tfidf", None), 9)
    work = running._Work(load_recipe(recipe_of(tmp_path)), folder, Silent(), killed)  # type: ignore[arg-type]
    work.plan = plans.plan()
    with pytest.raises(KilledError):
        work._fit("tfidf", None)
    assert killed.budgets == [None]


def test_exact_of_a_complete_run_that_was_begun_without_it_is_refused(tmp_path: Path) -> None:
    place = make_run(tmp_path)
    recipe = load_recipe(RunFolder(place).recipe)
    running.run(recipe, out=place)
    with pytest.raises(ChangedError, match="begun without --exact; leave it out"):
        running.run(recipe, out=place, exact=True)
