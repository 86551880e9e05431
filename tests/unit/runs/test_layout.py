from pathlib import Path

import pytest

from finetooth.errors import RecipeError
from finetooth.runs.layout import RowFolder, RunFolder

DOCS = Path(__file__).parents[3] / "docs" / "run-folder.md"


def paths(folder):
    names = [name for name in vars(type(folder)) if name != "path"]
    return [path for name in names if isinstance(path := getattr(folder, name), Path)]


def test_each_path_has_a_description():
    for kind in (RunFolder, RowFolder):
        entries = [getattr(kind, name) for name, value in vars(kind).items() if type(value).__name__ == "_Entry"]
        assert len(entries) > 8
        assert all(entry.__doc__[0].isupper() and entry.__doc__.endswith(".") for entry in entries)
    assert RunFolder.splits.__doc__ == "The split of each row."


def test_rows_and_seeds_have_folders_of_their_own():
    run = RunFolder(Path("runs/a"))
    assert run.row("tfidf", None).path == Path("runs/a/rows/tfidf")
    assert run.row("lora-r8", 21).predictions == Path("runs/a/rows/lora-r8/seed-21/predictions.parquet")


def test_a_name_cannot_leave_the_folder():
    with pytest.raises(RecipeError):
        RunFolder(Path("runs/a")).row("../b", 1)


def test_no_two_things_share_a_place_and_the_documentation_names_each():
    text = DOCS.read_text()
    for kind in (RunFolder, RowFolder):
        actual = paths(kind(Path("x")))
        assert len(set(actual)) == len(actual) > 8
        for path in actual:
            assert path.name in text, path.name


def test_a_run_begins_with_its_recipe_and_plan_and_ends_with_complete(tmp_path):
    run = RunFolder(tmp_path)
    assert (run.is_run, run.is_complete) == (False, False)
    run.recipe.write_text("name: a\n")
    assert not run.is_run  # anyone's recipe
    run.plan.write_text("{}")
    run.complete.write_text("")
    assert (run.is_run, run.is_complete) == (True, True)


def test_the_next_free_folder_stands_beside_it(tmp_path):
    run = RunFolder(tmp_path / "mine")
    assert run.next_free() == tmp_path / "mine-2"
    (tmp_path / "mine-2").mkdir()
    (tmp_path / "mine-3").touch()
    assert run.next_free() == tmp_path / "mine-4"
