"""What is asked for often is quick, and what waits is small, because nothing heavy is imported for it."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "torch", "transformers", "peft", "pyarrow", "sklearn", "scipy", "tokenizers", "safetensors", "huggingface_hub",
    "pandas", "datasets", "accelerate", "numpy",
}  # fmt: skip
_CODE = """
import json, sys
from finetooth.cli import main
sys.argv = ["finetooth", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit as end:
    print("\\nloaded", json.dumps([end.code or 0, sorted({name.split(".")[0] for name in sys.modules})]))
"""


def loaded_by(*arguments):
    """(exit code, top-level names of what was imported) of one command in a fresh process."""
    run = subprocess.run(
        [sys.executable, "-c", _CODE, json.dumps(arguments)], capture_output=True, text=True, check=True
    )
    code, names = json.loads(run.stdout.rpartition("\nloaded ")[2])
    return code, set(names)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"], ["--version"],
        ["quickstart", "--help"], ["run", "--help"], ["check", "--help"], ["predict", "--help"],
        ["evaluate", "--help"], ["verify", "--help"], ["doctor", "--help"], ["show", "--help"], ["compare", "--help"],
        ["judge", "--help"],
        ["fetch", "--help"], ["recipe", "--help"], ["recipe", "schema"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_help_and_recipe_load_nothing_heavy(arguments):
    code, names = loaded_by(*arguments)
    assert code == 0
    assert names & HEAVY == set()


def test_what_waits_for_rows_does_not_load_what_only_fits_them():
    code = "import sys, finetooth.pipeline.run_recipe; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = {name.partition(".")[0] for name in run.stdout.split()}
    assert "numpy" in names and not names & {"torch", "transformers", "sklearn", "pandas", "peft", "matplotlib"}


def test_help_does_not_load_pydantic():
    assert not loaded_by("--help")[1] & {"pydantic", "yaml", "tqdm"}


def test_doctor_loads_nothing_heavy(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 8}', encoding="utf-8")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    code, names = loaded_by("doctor", str(tmp_path))
    assert code == 0
    assert names & (HEAVY - {"numpy"}) == set()


@pytest.mark.parametrize("more", [[], ["--json"], ["--wide"]], ids=" ".join)
def test_show_loads_nothing_heavy(finished_run, more):
    code, names = loaded_by("show", str(finished_run), *more)
    assert code == 0
    assert names & (HEAVY if more == ["--json"] else HEAVY - {"numpy"}) == set()


def test_compare_loads_no_torch_and_no_scikit_learn(finished_run):
    code, names = loaded_by("compare", str(finished_run), str(finished_run))
    assert code == 1  # one run, named twice: refused after everything is imported
    assert {"numpy", "pyarrow"} <= names
    assert names & {"torch", "transformers", "peft", "sklearn", "scipy", "datasets"} == set()


def test_judge_loads_no_torch_and_no_scikit_learn(tmp_path, monkeypatch):
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))
    (tmp_path / "rows.csv").write_text("id,label\n1,good\n2,bad\n", encoding="utf-8")
    code, names = loaded_by("judge", str(tmp_path / "rows.csv"), "--truth", str(tmp_path / "rows.csv"))
    assert code == 0
    assert names & {"torch", "transformers", "peft", "sklearn", "scipy", "pandas", "datasets"} == set()
