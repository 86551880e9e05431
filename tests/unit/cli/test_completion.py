"""What a shell is offered: by click's own protocol, in a fresh process, without the libraries that make it slow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "transformers", "numpy", "pyarrow", "pydantic", "sklearn", "scipy")
PROGRAM = f"""import sys
from finetooth.cli import main
try:
    main()
finally:
    assert not set({HEAVY!r}) & set(sys.modules)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Two recipes, data, two run folders and a folder of other things."""
    monkeypatch.chdir(tmp_path)
    for name in ("mine.yaml", "reviews.csv", "recipes/other.yml", "runs/one/plan.json", "runs/two/plan.json", "docs/a"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")


def offered(*words):
    """The (kind, value) pairs that bash is given for the last of the words."""
    environment = os.environ | {
        "_FINETOOTH_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["finetooth", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [tuple(line.split(",", 1)) for line in done.stdout.splitlines()]


def test_verbs_and_options():
    assert ("plain", "init") in offered("in")
    assert ("plain", "--set") in offered("run", "--s")


def test_data_and_recipes_are_left_to_the_files_of_the_shell():
    assert offered("run", "rev") == offered("check", "rev") == offered("init", "rev") == [("file", "rev")]


def test_recipe_files_and_the_way_to_them():
    values = [value for _, value in offered("fetch", "")]
    assert values == ["docs/", "mine.yaml", "recipes/", "runs/"]
    assert offered("fetch", "recipes/") == [("plain", "recipes/other.yml")]


@pytest.mark.parametrize("words", [["show"], ["evaluate"], ["verify"], ["compare"], ["compare", "runs/one"]])
def test_run_folders(words):
    assert offered(*words, "") == [("plain", "runs/one"), ("plain", "runs/two")]
    assert offered(*words, "runs/t") == [("plain", "runs/two")]


def test_run_folders_of_the_option_with():
    assert offered("predict", "--with", "runs/o") == [("plain", "runs/one")]


def test_the_line_that_switches_completion_on_gives_a_script():
    environment = os.environ | {"_FINETOOTH_COMPLETE": "zsh_source"}  # that of bash asks the bash of this machine
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "compdef" in done.stdout
