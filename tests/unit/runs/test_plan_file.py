"""plan.json gives the plan again that was written, and names what is wrong in it by its key."""

from pathlib import Path
from typing import Any

import pytest

import plans
from finetooth.errors import RunError
from finetooth.files import read_hashed_json, write_hashed_json
from finetooth.runs import plan_file
from finetooth.runs.layout import RunFolder
from finetooth.runs.plan_file import OtherBase, Plan

WHOLE = plans.plan(
    inexact=("threads was 2, is 1",),
    device={"threads": 2, "versions": {"numpy": "2"}},
    other_bases={"probe-other": OtherBase(base=plans.base(id="other"), tokens={"train": plans.lengths()})},
    candidates={"r4": plans.candidate(targets=("a.query",), depth=1, frozen_depth=1), "full": plans.candidate()},
    frozen_layer_states={"1": {"train": plans.kept(2, 900)}, "then": {"r4": plans.kept(3, 800)}},
    files={"recipe.yaml": "d" * 64},
)


@pytest.mark.parametrize("plan", [WHOLE, plans.plan(), plans.plan(model=None, run_id="")])
def test_what_is_read_is_what_was_written(tmp_path: Path, plan: Plan) -> None:
    plan_file.write(RunFolder(tmp_path), plan)
    assert plan_file.read(RunFolder(tmp_path)) == plan


def test_the_keys_of_a_model_stand_beside_the_others() -> None:
    written = WHOLE.as_json()
    assert (written["base"]["id"], written["token_budget"], written["precision"]) == ("owner/name", 96, "float32")
    assert written["tokens"]["test"]["rows_cut"] == 0.25
    assert {"id", "layers", "tokens"} <= written["other_bases"]["probe-other"].keys()
    assert written["frozen_layer_states"]["then"] == {"r4": {"blocks": 3, "bytes": 800}}
    bare = plans.plan(model=None).as_json()
    assert not {"base", "token_budget", "tokens", "precision", "model"} & bare.keys()


def test_a_row_finds_its_own_base_lengths_and_states() -> None:
    assert (WHOLE.base_of("r4").id, WHOLE.base_of("probe-other").id) == ("owner/name", "other")
    assert (set(WHOLE.lengths_for("r4")), set(WHOLE.lengths_for("probe-other"))) == (
        {"train", "validation", "test"},
        {"train"},
    )
    assert WHOLE.kept_states(1)["train"].blocks == 2 and WHOLE.kept_states(0) == {}
    assert WHOLE.kept_frozen()["r4"].bytes == 800


def changed(value: Any, key: str, to: Any) -> None:
    """Put `to` under a key such as base.layers; the key is taken out where it is ..."""
    *path, last = key.split(".")
    for part in path:
        value = value[part]
    if to is ...:
        del value[last]
    else:
        value[last] = to


@pytest.mark.parametrize(
    ("key", "to", "message"),
    [
        ("test_id", ..., "test_id is missing"),
        ("base.layers", ..., "base.layers is missing"),
        ("token_budget", ..., "token_budget is missing"),
        ("candidates.r4.depth", "1", "candidates.r4.depth is '1': input should be a valid integer"),
        ("counts.train", True, "counts.train is True: input should be a valid integer"),
        ("other_bases.probe-other.layers", ..., "other_bases.probe-other.layers is missing"),
        ("classes", "bad", "classes is 'bad': input should be a valid array"),
        ("candidates", [], "candidates is []: input should be an object"),
        ("base", 7, "base is 7: input should be an object"),
        ("candidates.r4.targets", [1], "candidates.r4.targets.0 is 1: input should be a valid string"),
        ("inference", "fast", "inference is 'fast': input should be 'plain', 'float32' or 'bfloat16'"),
        ("schema", 2, "schema is 2: input should be 1"),
        ("candidates.r4.rank", 4, "candidates.r4.rank is an unknown key"),
        ("extra", 1, "extra is an unknown key"),
        ("model", {}, "model is an unknown key"),
        ("model", WHOLE.as_json()["base"], "model is an unknown key"),
        ("other_bases.probe-other.base", {}, "other_bases.probe-other.base is an unknown key"),
    ],
)
def test_what_is_missing_unknown_or_of_another_type_is_named(tmp_path: Path, key: str, to: Any, message: str) -> None:
    value = WHOLE.as_json()
    changed(value, key, to)
    write_hashed_json(tmp_path / "plan.json", value)
    with pytest.raises(RunError) as caught:
        plan_file.read(RunFolder(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path / 'plan.json'}: {message}. It was changed, or it was written by an earlier version. Take it from a "
        "backup, or begin another run with --out DIR."
    )


def test_an_object_of_the_model_or_of_a_base_is_refused_where_its_keys_are_absent(tmp_path: Path) -> None:
    value = plans.plan(model=None).as_json() | {"model": None}
    write_hashed_json(tmp_path / "plan.json", value)
    with pytest.raises(RunError, match="model is an unknown key"):
        plan_file.read(RunFolder(tmp_path))
    value = WHOLE.as_json()
    other = value["other_bases"]["probe-other"]
    value["other_bases"]["probe-other"] = {"tokens": other.pop("tokens"), "base": other}
    write_hashed_json(tmp_path / "plan.json", value)
    with pytest.raises(RunError, match=r"other_bases\.probe-other\.base is an unknown key"):
        plan_file.read(RunFolder(tmp_path))


def test_a_plan_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    device: dict[str, Any] = {}
    for _ in range(300):
        device = {"device": device}
    write_hashed_json(tmp_path / "plan.json", WHOLE.as_json() | {"device": device})
    with pytest.raises(RunError, match="recursion limit exceeded"):
        plan_file.read(RunFolder(tmp_path))


def test_whole_numbers_stand_for_floats_and_a_reason_may_be_none(tmp_path: Path) -> None:
    value = WHOLE.as_json()
    changed(value, "tokens.train.mean", 20)
    changed(value, "candidates.r4.fallback_reason", "dropout of the adapter")
    write_hashed_json(tmp_path / "plan.json", value)
    plan = plan_file.read(RunFolder(tmp_path))
    assert repr(plan.lengths_for("r4")["train"].mean) == "20.0"
    assert [candidate.fallback_reason for candidate in plan.candidates.values()] == ["dropout of the adapter", None]


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    plan_file.write(folder, WHOLE)
    assert read_hashed_json(folder.plan) == WHOLE.as_json()
    folder.plan.write_bytes(folder.plan.read_bytes().replace(b'"exact": false', b'"exact": true'))
    with pytest.raises(RunError, match=r"plan\.json: was changed after it was written, so it is not known which "):
        plan_file.read(folder)
