"""What is wrong with data is said before torch, transformers and peft are imported, which takes seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

import tiny
from finetooth.files import write_json

PROGRAM = """
import os
import sys
from finetooth.cli import main
os.environ.pop("MKL_CBWR", None)
try:
    main()
finally:
    assert not {"torch", "transformers", "peft"} & set(sys.modules)
    assert os.environ["MKL_CBWR"] == "AUTO"  # which torch reads when it is imported
"""
RECIPE = (
    "name: mine\nmodel: {model}\ndata: {{source: {data}, label: label}}\nmax_tokens: 48\ncandidates: [{{name: r4}}]\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("before")
    tiny.save_model(target / "model")
    rows = {"one_class": "text,label\nwarm,good\nlovely,good\n", "unlabelled": "text,stars\nwarm,\ncold,\n"}
    for name, text in {**rows, "torn": 'text,label\nwarm,good\n"cold,bad\n'}.items():
        (target / f"{name}.csv").write_text(text, encoding="utf-8")
        (target / f"{name}.yaml").write_text(
            RECIPE.format(model=target / "model", data=target / f"{name}.csv"), encoding="utf-8"
        )
    (target / "missing.yaml").write_text(RECIPE.format(model=target / "model", data="nowhere.csv"), encoding="utf-8")
    (target / "adapter").mkdir()
    write_json(target / "adapter" / "labels.json", {"schema": 1, "labels": ["bad", "good"]})
    return target


def test_a_quick_check_needs_none_of_them(folder: Path) -> None:
    tiny.save_reviews(folder / "whole.csv", 60)
    (folder / "whole.yaml").write_text(RECIPE.format(model=folder / "model", data="whole.csv"), encoding="utf-8")
    code, err = ended(folder, "check", "whole.yaml", "--quick")
    assert code == 0, err


def ended(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, cwd=folder)
    assert "AssertionError" not in done.stderr, done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("name", "fact"),
    [("missing", "nowhere.csv"), ("one_class", "'good'"), ("unlabelled", "label"), ("torn", "torn.csv")],
)
@pytest.mark.parametrize("verb", ["check", "run"])
def test_check_and_run(folder: Path, verb: str, name: str, fact: str) -> None:
    code, err = ended(folder, verb, f"{name}.yaml")
    assert code in (1, 2) and fact in err


@pytest.mark.parametrize("data", ["nowhere.csv", "unlabelled.csv"])
def test_evaluate(folder: Path, data: str) -> None:
    code, err = ended(folder, "evaluate", "adapter", "--data", data)
    assert code in (1, 2) and data in err
