"""`finetooth init`: a recipe is written once, beside the schema that editors read, and the next command is named."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_calls import call

from finetooth import recipe

LINES = "".join(f"{('good', 'bad')[row % 2]},a film of a kind and number {row}\n" for row in range(60))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("reviews.csv").write_text("label,text\n" + LINES, encoding="utf-8")
    return tmp_path


def test_init_writes_a_recipe_and_a_schema_and_names_the_next_command(capsys):
    code, out, err = call(capsys, "init", "reviews.csv")
    assert code == 0
    assert Path("reviews.yaml").read_text(encoding="utf-8") == out
    assert recipe.load("reviews.yaml").data.label == "label"
    assert json.loads(Path("recipe.schema.json").read_text(encoding="utf-8")) == recipe.schema()
    assert err.splitlines()[-3:] == ["Wrote   reviews.yaml", "", "Next    finetooth check reviews.yaml"]


def test_init_never_overwrites_without_being_told(capsys):
    Path("reviews.yaml").write_text("mine", encoding="utf-8")
    Path("recipe.schema.json").write_text("{}", encoding="utf-8")
    code, out, err = call(capsys, "init", "reviews.csv")
    assert (code, out) == (2, "")
    assert "reviews.yaml: exists already. Name another file with -o, or replace it with --overwrite." in err
    assert call(capsys, "init", "reviews.csv", "-o", "reviews.yaml")[0] == 2
    assert Path("reviews.yaml").read_text(encoding="utf-8") == "mine"
    assert call(capsys, "init", "reviews.csv", "-o", "other.yml")[0] == 0
    assert call(capsys, "init", "reviews.csv", "--overwrite")[0] == 0
    assert recipe.load("reviews.yaml") == recipe.load("other.yml")
    assert Path("recipe.schema.json").read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["reviews.csv", "-o", "mine.txt"],
            "mine.txt: the name of a recipe must end in .yaml; other names are read as data.",
        ),
        (["reviews.csv", "-o", "no/mine.yaml"], "no/mine.yaml: there is no folder no. Create it, or name another file"),
        (["mine.yaml"], "mine.yaml: is already a recipe. Check it with: finetooth check mine.yaml"),
        (["nowhere.csv"], "nowhere.csv: no such file or folder of data"),
    ],
)
def test_what_init_refuses(capsys, arguments, message):
    Path("mine.yaml").write_text("name: mine", encoding="utf-8")
    code, out, err = call(capsys, "init", *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_init_takes_changes(capsys):
    code, out, _ = call(capsys, "init", "reviews.csv", "--set", "training.epochs=1", "--set", "name=mine")
    assert code == 0
    assert "training: {epochs: 1}" in out
    assert recipe.load("mine.yaml").training.epochs == 1


def test_init_imports_no_torch(folder):
    program = "import sys; from finetooth.cli import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", program, "init", "reviews.csv"], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
