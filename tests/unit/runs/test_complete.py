"""The mark of a complete run holds what the figures rest on."""

from pathlib import Path

import pytest

from finetooth.errors import RunError
from finetooth.files import read_json, sha256_file, write_json
from finetooth.runs import complete
from finetooth.runs.layout import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path)
    row = folder.row("r4", 0)
    (row.adapter).mkdir(parents=True)
    files = (folder.results, folder.recipe, folder.costs, row.predictions, row.costs, row.adapter / "MANIFEST.json")
    for file in files:
        file.write_text(file.name)
    complete.write_mark(folder, run_id="x")
    return folder


def test_it_holds_each_file_of_the_list_that_is_there(run: RunFolder) -> None:
    mark = read_json(run.complete)
    assert (mark["run_id"], mark["files"]["results.json"]) == ("x", sha256_file(run.results))
    assert sorted(mark["files"]) == sorted([
        "results.json", "recipe.yaml", "costs.json", "rows/r4/seed-0/adapter/MANIFEST.json",
        "rows/r4/seed-0/predictions.parquet", "rows/r4/seed-0/costs.json",
    ])  # fmt: skip
    assert set(complete.changed(run).values()) == {None}


def test_what_changed_went_or_came_is_named(run: RunFolder) -> None:
    run.recipe.write_text("another")
    run.row("r4", 0).predictions.unlink()
    run.costs.write_text("another")
    run.row("r4", 0).failed.write_text("{}")
    (run.path / "report.html").write_text("new")  # is rendered from the others, and not held
    assert {name: what for name, what in complete.changed(run).items() if what} == {
        "recipe.yaml": "recipe.yaml was changed after the run was complete.",
        "costs.json": "costs.json was changed after the run was complete.",
        "rows/r4/seed-0/failed.json": "rows/r4/seed-0/failed.json was added after the run was complete.",
        "rows/r4/seed-0/predictions.parquet": "rows/r4/seed-0/predictions.parquet is missing.",
    }


def refusal(run: RunFolder, *files: Path) -> str:
    with pytest.raises(RunError) as caught:
        complete.refuse_changed(run, files)
    return str(caught.value)


def test_a_file_that_changed_or_went_is_refused_and_one_that_is_not_held_is_passed_over(run: RunFolder) -> None:
    row = run.row("r4", 0)
    complete.refuse_changed(run, [run.results, run.recipe, row.predictions, run.comparison, run.report])
    complete.refuse_changed(run)
    run.report.write_text("another")
    complete.refuse_changed(run, [run.report])
    row.predictions.write_text("another")
    complete.refuse_changed(run, [run.results, run.recipe])
    assert refusal(run, run.results, row.predictions) == (
        f"{row.predictions}: was changed after the run was complete: it is not what was measured. Take it from a "
        "backup."
    )
    run.recipe.unlink()
    assert refusal(run, run.recipe) == (
        f"{run.path}: the run was complete, but its recipe.yaml is gone. Take it from a backup."
    )


@pytest.mark.parametrize("mark", [7, [], {"files": {}}, {"schema": 1, "run_id": "x", "files": []}])
def test_a_mark_of_another_form_is_refused(run: RunFolder, mark: object) -> None:
    write_json(run.complete, mark)
    assert refusal(run, run.results) == (
        f"{run.complete}: not a mark that Finetooth wrote, so nothing can be checked against it. Take it from a backup."
    )


@pytest.mark.parametrize("change", [('"x"', '"y"'), ('"schema": 1', '"schema": 2')])
def test_a_changed_digit_of_the_mark_is_refused(run: RunFolder, change: tuple[str, str]) -> None:
    text = run.complete.read_text()
    assert change[0] in text
    run.complete.write_text(text.replace(*change))
    assert "COMPLETE: not a mark that Finetooth wrote" in refusal(run, run.results)
