"""No file of a run folder is trusted because it exists: each is changed in every way, and is made again or refused.

The sweep tries every file of runs stopped at several points, and of a finished one: deleted, one byte changed, one
number of its JSON changed, a folder, a pipe and a dangling link in its place.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runs_here import Here, measured, recipe_in

import finetooth
from finetooth.errors import FinetoothError, Interrupted, RunError
from finetooth.files import read_json, write_json
from finetooth.pipeline.run_verification import verify
from finetooth.report.verification import render
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.verification import rechecks


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache for all tests, and a ledger of each test's own: every run is the first look at its test rows."""
    monkeypatch.setenv("FINETOOTH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(monkeypatch)


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return recipe_in(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def stages(values: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Run folders stopped in training, after it, before the test rows, and one that is complete."""
    parent = tmp_path_factory.mktemp("stages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FINETOOTH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.setenv("FINETOOTH_STATE", str(parent / "state"))
        here = Here(patch)
        folders = {"complete": parent / "complete"}
        finetooth.run(values, out=folders["complete"])
        all_calls = list(here.calls)
        after = {
            "trained": all_calls.index(("fit", "r4", "train")) + 1,
            "verified": all_calls.index(("score", "r4", "validation")) + 1,
            "tested": len(all_calls) - 1,
        }
        for name, count in after.items():
            folders[name], here.calls, here.stop_after = parent / name, [], count
            with pytest.raises(Interrupted):
                finetooth.run(values, out=folders[name])
        here.calls, here.stop_after, here.stop_at_step = [], None, 4
        folders["training"] = parent / "training"
        with pytest.raises(Interrupted):
            finetooth.run(values, out=folders["training"])
    yield folders


@pytest.fixture
def stage(stages: dict[str, Path], tmp_path: Path) -> Callable[[str], RunFolder]:
    """A copy of the run folder of a stage, to be spoiled."""

    def copied(name: str) -> RunFolder:
        out = tmp_path / "run"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(stages[name], out)
        return RunFolder(out)

    return copied


def row_of(folder: RunFolder) -> RowFolder:
    return folder.row("r4", 3)


def refusal(values: dict[str, Any], folder: RunFolder) -> str:
    with pytest.raises(FinetoothError) as caught:
        finetooth.run(values, out=folder.path)
    return str(caught.value)


@pytest.mark.parametrize("name", ["training", "trained", "verified", "tested"])
def test_an_untouched_run_goes_on_from_where_it_was_and_ends_in_the_same_bytes(
    name: str, values: dict[str, Any], stage: Any, stages: dict[str, Path], here: Here
) -> None:
    folder = stage(name)
    finetooth.run(values, out=folder.path)
    assert measured(folder.path) == measured(stages["complete"])
    assert (("fit", "r4", "train") in here.calls) == (name == "training")
    assert verify(folder.path).faults == ()


# A2 -- rows without a plan


@pytest.mark.parametrize("change", ["nothing", "recipe", "labels"])
def test_rows_without_a_plan_are_refused(
    change: str, values: dict[str, Any], stage: Any, tmp_path: Path, here: Here
) -> None:
    folder = stage("verified")
    folder.plan.unlink()
    changed = dict(values)
    if change == "recipe":
        changed["candidates"] = [values["candidates"][0] | {"rank": 2}]
    if change == "labels":
        text = Path(values["data"]["source"]).read_text()
        (tmp_path / "reviews.csv").write_text(text.replace(",good", ",fine"))
        changed["data"] = values["data"] | {"source": str(tmp_path / "reviews.csv")}
    message = refusal(changed, folder)
    assert message.startswith(f"{folder.path}: holds rows (majority) but no plan.json, which says to which recipe and ")
    assert f"delete {folder.path / 'rows'} to start over" in message
    assert here.calls == []


def test_a_damaged_plan_is_never_advised_to_be_deleted(values: dict[str, Any], stage: Any) -> None:
    folder = stage("verified")
    folder.plan.write_text("{")
    message = refusal(values, folder)
    assert message.startswith(f"{folder.plan}: was changed after it was written")
    assert "delete" not in message.lower() and message.endswith("or begin another run with --out.")


def test_without_a_plan_and_without_rows_a_run_begins_anew_with_the_data_of_now(
    values: dict[str, Any], stage: Any, tmp_path: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stage("verified")
    folder.plan.unlink()
    shutil.rmtree(folder.rows)
    text = Path(values["data"]["source"]).read_text().replace(",good", ",fine")
    (tmp_path / "reviews.csv").write_text(text)
    changed = values | {"data": values["data"] | {"source": str(tmp_path / "reviews.csv")}}
    finetooth.run(changed, out=folder.path)
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "other-state"))  # the first look at the test rows here too
    finetooth.run(changed, out=tmp_path / "straight")
    assert read_json(folder.results)["data"]["classes"] == ["bad", "fine"]
    assert measured(folder.path) == measured(tmp_path / "straight")


# A3 -- an edited curve


def test_an_edited_curve_never_comes_into_the_results(values: dict[str, Any], stage: Any) -> None:
    folder = stage("verified")
    curve = read_json(row_of(folder).curve)
    curve["parameters"]["adapter"] = 67
    write_json(row_of(folder).curve, curve)
    message = refusal(values, folder)
    assert message.startswith(f"{row_of(folder).curve}: was changed since the run wrote it.")
    assert not folder.results.exists()


def test_verify_counts_the_trained_parameters_again(stage: Any) -> None:
    from finetooth.files import read_hashed_json, sha256_file, write_hashed_json

    folder = stage("complete")
    curve, results = read_json(row_of(folder).curve), read_json(folder.results)
    row = results["rows"][2]
    row["parameters"]["adapter"] -= 7
    row["parameters"]["trainable"] -= 7
    row["parameters"]["plain_percent"] = 100 * row["parameters"]["trainable"] / row["parameters"]["total"]
    curve["parameters"]["adapter"] -= 7
    write_json(row_of(folder).curve, curve)
    write_json(folder.results, results)
    mark = read_hashed_json(folder.complete)
    mark["files"] |= {name: sha256_file(folder.path / name) for name in ("results.json", "rows/r4/seed-3/curve.json")}
    write_hashed_json(folder.complete, mark)
    (fault,) = verify(folder.path).faults
    assert (fault.field, fault.where) == ("parameters", "r4 (seed 3)")
    write_json(row_of(folder).curve, curve | {"best_step": 99})
    assert "best_step" in [fault.field for fault in verify(folder.path).faults]


# A4 -- what follows from recipe and data


@pytest.mark.parametrize("name", ["data.json", "provenance.json", "splits.parquet", "recipe.yaml"])
@pytest.mark.parametrize("missing", [True, False])
def test_what_follows_from_recipe_and_data_is_written_again(
    name: str, missing: bool, values: dict[str, Any], stage: Any, stages: dict[str, Path], here: Here
) -> None:
    folder = stage("tested")
    if missing:
        (folder.path / name).unlink()
    else:
        data = bytearray((folder.path / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder.path / name).write_bytes(data)
    finetooth.run(values, out=folder.path)
    assert (folder.path / name).read_bytes() == (stages["complete"] / name).read_bytes()
    assert here.calls == [("score", "r4", "test")]
    assert verify(folder.path).faults == ()


def test_a_changed_recipe_is_refused_although_recipe_yaml_is_gone(values: dict[str, Any], stage: Any) -> None:
    folder = stage("verified")
    folder.recipe.unlink()
    message = refusal(values | {"seeds": [4]}, folder)
    assert "Which keys differ is not known, because recipe.yaml is missing or was changed" in message


# B1 -- what is gone is made again


@pytest.mark.parametrize("name", ["curve.json", "verify.json", "predictions.parquet", "finished.json", "adapter"])
def test_what_is_gone_of_a_row_is_made_again(
    name: str, values: dict[str, Any], stage: Any, stages: dict[str, Path], here: Here
) -> None:
    folder = stage("tested")
    path = row_of(folder).path / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    finetooth.run(values, out=folder.path)
    assert measured(folder.path) == measured(stages["complete"])
    again = [("score", "r4", "validation"), ("score", "r4", "test")]
    if name not in ("verify.json", "predictions.parquet"):
        again = [("fit", "r4", "train"), *again]
    assert here.calls == again


def test_an_old_checkpoint_without_its_counters_is_no_obstacle(
    values: dict[str, Any], stage: Any, stages: dict[str, Path], here: Here
) -> None:
    folder = stage("training")
    oldest = min(row_of(folder).checkpoints.glob("step-*"))
    (oldest / "counters.json").unlink()
    finetooth.run(values, out=folder.path)
    assert measured(folder.path) == measured(stages["complete"])


def test_without_its_mark_a_complete_run_is_concluded_again_and_nothing_is_trained(
    values: dict[str, Any], stage: Any, stages: dict[str, Path], here: Here
) -> None:
    folder = stage("complete")
    folder.complete.unlink()
    finetooth.run(values, out=folder.path)
    assert (here.calls, measured(folder.path)) == ([], measured(stages["complete"]))


def test_a_row_copied_from_another_run_is_refused(
    values: dict[str, Any], stage: Any, tmp_path: Path, here: Here
) -> None:
    here.stop_after = 4
    with pytest.raises(Interrupted):
        finetooth.run(values, out=tmp_path / "other")
    here.stop_after = None
    folder = stage("verified")
    shutil.rmtree(folder.row("majority", None).path)
    shutil.copytree(RunFolder(tmp_path / "other").row("majority", None).path, folder.row("majority", None).path)
    assert "finished.json: is of another run or row (run_id is " in refusal(values, folder)


# B2 -- a digit of verify.json or a manifest


def test_a_changed_digit_of_verify_json_or_a_manifest_is_refused(values: dict[str, Any], stage: Any) -> None:
    def digit(file: Path, old: str, new: str) -> None:
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    for name in ("verified", "complete"):
        folder = stage(name)
        digit(row_of(folder).verify, '"max_abs_logit_difference": 0.0', '"max_abs_logit_difference": 0.1')
        assert str(row_of(folder).verify) in refusal(values, folder)
    ((field, what),) = [(fault.field, fault.what) for fault in verify(row_of(folder).adapter).faults]
    assert (field, what) == ("verify.json", "verify.json was changed since the run wrote it.")
    folder = stage("verified")
    digit(row_of(folder).adapter / "MANIFEST.json", '"bytes": ', '"bytes": 1')
    assert f"{row_of(folder).adapter / 'MANIFEST.json'}: was changed since" in refusal(values, folder)
    assert "MANIFEST.json does not match the files" in verify(row_of(folder).adapter).faults[0].what


# The sweep


def delete(path: Path) -> bool:
    path.unlink()
    return True


def flip(path: Path) -> bool:
    data = bytearray(path.read_bytes())
    if not data:
        return False
    data[len(data) * 2 // 3] ^= 1
    path.write_bytes(data)
    return True


def number(path: Path) -> bool:
    """One number of a JSON file changed, the first that there is."""
    try:
        value = json.loads(path.read_bytes())
    except ValueError:
        return False
    if not _change(value):
        return False
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return True


def _change(value: Any) -> bool:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        if isinstance(inner, int | float) and not isinstance(inner, bool) and key != "schema":
            value[key] = inner + 1
            return True
        if _change(inner):
            return True
    return False


def as_folder(path: Path) -> bool:
    path.unlink()
    path.mkdir()
    return True


def pipe(path: Path) -> bool:
    path.unlink()
    os.mkfifo(path)
    return True


def dangling_link(path: Path) -> bool:
    path.unlink()
    path.symlink_to("nowhere")
    return True


TAMPERS = (delete, flip, number, as_folder, pipe, dangling_link)
# Nothing is read from these: log lines are added, locks are empty, the report is rendered from the other files.
UNREAD = {"log.jsonl", ".lock", ".lock-worker", "report.html", "README.md", "stderr.log"}


def files_in(out: Path) -> list[Path]:
    return [item.relative_to(out) for item in sorted(out.rglob("*")) if item.is_file()]


def resumed(values: dict[str, Any], out: RunFolder, name: Path, expected: dict[str, str]) -> str:
    """`redone` to the same bytes, `refused` by name, or what came of it instead."""
    try:
        finetooth.run(values, out=out.path)
    except FinetoothError as error:
        names = (name.name, name.parent.name, f"{name.parent.parent.name}/{name.parent.name}")
        return "refused" if any(part and part in str(error) for part in names) else f"refused without a name: {error}"
    except Exception as error:  # noqa: BLE001 - what must never come
        return f"{type(error).__name__}: {error}"
    figures = measured(out.path)
    differ = [key for key in expected | figures if figures.get(key) != expected.get(key)]
    return f"accepted: {differ}" if differ else "redone"


def swept(
    stage: Any, stages: dict[str, Path], values: dict[str, Any], *, names: list[str], tampers: tuple[Any, ...]
) -> dict[str, int]:
    """How many tampered half-done runs were redone and refused; fails on everything else."""
    expected, counts, wrong = measured(stages["complete"]), {"redone": 0, "refused": 0}, []
    for stage_name in names:
        for name in files_in(stages[stage_name]):
            for tamper in tampers:
                out = stage(stage_name)
                if not tamper(out.path / name):
                    continue
                outcome = resumed(values, out, name, expected)
                counts[outcome] = counts.get(outcome, 0) + 1
                if outcome not in ("redone", "refused"):
                    wrong.append((stage_name, str(name), tamper.__name__, outcome))
                assert not list(out.path.rglob("nowhere"))
    assert wrong == []
    return counts


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_file_of_a_half_done_run_in_every_way(
    stage: Any, stages: dict[str, Path], values: dict[str, Any], here: Here
) -> None:
    counts = swept(stage, stages, values, names=["training", "trained", "verified", "tested"], tampers=TAMPERS)
    print(f"{sum(counts.values())} tampered half-done runs: {counts}")


@pytest.mark.timeout(600)
def test_the_files_of_a_half_done_run_that_are_refused_at_once(
    stage: Any, stages: dict[str, Path], values: dict[str, Any], here: Here
) -> None:
    """The kinds that are seen before anything is computed; the slow test tries all."""
    counts = swept(stage, stages, values, names=["training", "tested"], tampers=(pipe, dangling_link))
    print(f"{sum(counts.values())} tampered half-done runs: {counts}")
    assert counts["redone"] == 0 and counts["refused"] > 100


@pytest.mark.timeout(600)
def test_every_file_of_a_finished_run_in_every_way(
    stage: Any, stages: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the files alone: nothing is reloaded, which takes most of the time of `verify`."""
    monkeypatch.setattr(rechecks, "check_reload", lambda *anything, **named: None)
    count, wrong = 0, []
    for name in files_in(stages["complete"]):
        for tamper in TAMPERS:
            out = stage("complete")
            irregular = tamper in (as_folder, pipe, dangling_link)
            if (name.name in UNREAD - {"log.jsonl"} and not irregular) or not tamper(out.path / name):
                continue
            count += 1
            try:
                verification = verify(out.path)
                message = render(verification.report())
            except RunError as error:
                message, verification = str(error).replace("the run is not complete", "there is no COMPLETE"), None
            if (verification is not None and verification.verified) or name.name not in message:
                wrong.append((str(name), tamper.__name__, message[-300:]))
    assert wrong == []
    print(f"{count} tampered finished runs: all refused by name by verify")
