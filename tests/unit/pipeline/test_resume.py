"""What differs is refused and named."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import plans
from finetooth.errors import ChangedError
from finetooth.files import sha256_file
from finetooth.pipeline.resume import agree, notes_of_complete, refuse_changed_recipe, resolved
from finetooth.recipe import Recipe, load
from finetooth.runs import plan_file
from finetooth.runs.layout import RunFolder
from finetooth.runs.plan_file import Plan

VALUES: dict[str, Any] = {
    "name": "t",
    "model": "owner/name",
    "data": {"source": "owner/reviews"},
    "candidates": [{"name": "r4", "rank": 4}, {"name": "r8"}],
}
PLAN = plans.plan(
    device={"threads": 2, "torch": "2.13"},
    data_fingerprint="aa",
    model=plans.model(base=plans.base(weights_sha256="bb")),
)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run_folder = RunFolder(tmp_path / "run")
    run_folder.path.mkdir()
    run_folder.recipe.write_bytes(resolved(load(VALUES)))
    plan_file.write(run_folder, replace(PLAN, files={run_folder.recipe.name: sha256_file(run_folder.recipe)}))
    return run_folder


def refuse_changed(folder: RunFolder, recipe: Recipe) -> None:
    refuse_changed_recipe(folder, recipe, begun=plan_file.read(folder))


def agreed(folder: RunFolder, now: Plan, *, allow_inexact: bool = False) -> Plan:
    return agree(folder, now, begun=plan_file.read(folder), allow_inexact=allow_inexact)


def refused(work: Any) -> str:
    with pytest.raises(ChangedError) as caught:
        work()
    return str(caught.value)


def test_the_same_recipe_and_plan_go_on(folder: RunFolder) -> None:
    refuse_changed(folder, load(VALUES))
    assert agreed(folder, replace(PLAN, run_id="")) == plan_file.read(folder)


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({"seeds": [1]}, "seeds.0 was 0, is 1"),
        ({"seeds": [0, 1]}, "seeds.1 was None, is 1"),
        ({"max_tokens": 100}, "max_tokens was 512, is 100"),
        ({"training": {"device": "cuda"}}, "training.device was 'cpu', is 'cuda'"),
        (
            {"training": {"batch_size": 4, "epochs": 1}},
            "training.epochs was 'auto', is 1; training.batch_size was 16, is 4",
        ),
        ({"candidates": [{"name": "r4", "rank": 5}, {"name": "r8"}]}, "candidates.0.rank was 4, is 5"),
        ({"model": "x" * 80}, f"model was 'owner/name', is '{'x' * 56}..."),
    ],
)  # fmt: skip
def test_a_changed_recipe_names_its_keys(folder: RunFolder, changes: dict[str, Any], differences: str) -> None:
    assert refused(lambda: refuse_changed(folder, load(VALUES | changes))) == (
        f"{folder.path}: the recipe differs from that of the run in this folder: {differences}. "
        "Undo the change to continue, or start another run with --out."
    )


def test_many_changes_are_counted(folder: RunFolder) -> None:
    message = refused(lambda: refuse_changed(folder, load(VALUES | {"seeds": list(range(9))})))
    assert message.endswith(
        "seeds.1 was None, is 1; seeds.2 was None, is 2; seeds.3 was None, is 3; seeds.4 was None, is 4; "
        "seeds.5 was None, is 5; and 3 more. Undo the change to continue, or start another run with --out."
    )


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({"data_fingerprint": "cc"}, "data_fingerprint was 'aa', is 'cc'"),
        ({"classes": ("good", "bad")}, "classes.0 was 'bad', is 'good'; classes.1 was 'good', is 'bad'"),
        (
            {"model": plans.model(base=plans.base(weights_sha256="dd"))},
            "base.weights_sha256 was 'bb', is 'dd'",
        ),
        ({"model": None}, "base.id was 'owner/name', is None; base.sha256 was "),
    ],
)
@pytest.mark.parametrize("allow_inexact", [False, True])
def test_what_decides_the_computation_is_never_allowed_to_change(
    folder: RunFolder, changes: dict[str, Any], differences: str, allow_inexact: bool
) -> None:
    message = refused(lambda: agreed(folder, replace(PLAN, **changes), allow_inexact=allow_inexact))
    assert message.startswith(f"{folder.path}: the plan differs from that of the run in this folder: {differences}")
    assert message.endswith(". Undo the change to continue, or start another run with --out.")


def test_what_decides_the_last_bit_is_refused_or_marked(folder: RunFolder) -> None:
    now = replace(PLAN, device={"threads": 1, "torch": "2.14"})
    differences = ["threads was 2, is 1", "torch was '2.13', is '2.14'"]
    assert refused(lambda: agreed(folder, now)) == (
        f"{folder.path}: this machine or its set-up differs from that of the run being resumed: "
        f"{'; '.join(differences)}. Results may differ, mostly in the last bits. Undo the change, or continue with "
        "--allow-inexact, which marks the run as inexact."
    )
    assert plan_file.read(folder).inexact == ()
    plan = agreed(folder, now, allow_inexact=True)
    assert (plan.inexact, plan.device) == (tuple(differences), now.device)
    assert plan_file.read(folder) == plan
    assert agreed(folder, now) == plan


def test_another_gpu_is_refused_by_name(folder: RunFolder) -> None:
    on = {name: replace(PLAN, device={**PLAN.device, "gpu": name, "cuda": "13.0"}) for name in ("A 40GB", "B 80GB")}
    plan_file.write(folder, on["A 40GB"])
    assert agreed(folder, on["A 40GB"]).inexact == ()
    message = "this machine or its set-up differs from that of the run being resumed: gpu was 'A 40GB', is 'B 80GB'. "
    assert message in refused(lambda: agreed(folder, on["B 80GB"]))


def test_of_a_complete_run_it_is_told_that_nothing_was_done_and_which_data_is_newer(
    folder: RunFolder, tmp_path: Path
) -> None:
    folder.complete.write_text("{}")
    done = f"{folder.path} is complete: nothing was computed. For another run name another folder (--out)."
    assert plain(notes_of_complete(folder, load(VALUES))) == [done]
    (tmp_path / "split" / "pos").mkdir(parents=True)
    old, new, missing = tmp_path / "old.csv", tmp_path / "split" / "pos" / "new.csv", tmp_path / "gone.csv"
    for path, later in ((old, -60), (new, 60)):
        path.write_text("text,label\n")
        at = folder.complete.stat().st_mtime + later
        os.utime(path, (at, at))
    recipe = load(VALUES | {"data": {"source": {"train": [str(old), str(missing)], "test": str(tmp_path / "split")}}})
    newer = f"Note: {tmp_path / 'split'} has changed since then; the figures are those of its earlier content."
    assert plain(notes_of_complete(folder, recipe)) == [done, newer]


def plain(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines]


@pytest.mark.parametrize(("begun", "how", "remedy"), [(False, "without", "leave it out"), (True, "with", "add it")])
def test_a_run_is_gone_on_with_exact_as_it_was_begun(folder: RunFolder, begun: bool, how: str, remedy: str) -> None:
    plan_file.write(folder, replace(PLAN, exact=begun))
    assert agreed(folder, replace(PLAN, exact=begun)).exact is begun
    assert refused(lambda: agreed(folder, replace(PLAN, exact=not begun), allow_inexact=True)) == (
        f"This run was begun {how} --exact; {remedy}, or begin another run with --out DIR."
    )
