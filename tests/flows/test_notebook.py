"""The notebook runs from its first cell to its last and shows the table that `finetooth show` prints."""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

import finetooth

REPOSITORY = Path(__file__).parents[2]
NOTEBOOK = REPOSITORY / "notebooks" / "lightweight_fine_tuning.ipynb"
SMALL = {"train_rows": 160, "test_rows": 80, "epochs": 1, "baselines": ["majority", "original"], "folder": "runs/small"}


def cell(notebook, tag):
    (tagged,) = [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
    return tagged


def shown(folder, *more):
    """What `finetooth show` prints of the notebook's run."""
    program = "from finetooth.cli import main; main()"
    command = [sys.executable, "-c", program, "show", SMALL["folder"], *more]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def printed(cell):
    return "".join(output["text"] for output in cell.outputs if output.get("name") == "stdout")


@pytest.fixture(scope="module")
def committed():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook on few rows, executed in an empty folder: (the notebook, that folder)."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cell(notebook, "parameters").source = "\n".join(f"{name} = {value!r}" for name, value in SMALL.items())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FINETOOTH_STATE", str(folder / "state"))
        NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook, folder


@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own client, as it starts and ends the kernel
def test_the_table_of_the_notebook_is_that_of_the_run(executed):
    notebook, folder = executed
    rows = {row["name"]: row for row in json.loads(shown(folder, "--json"))["rows"]}
    assert list(rows) == ["majority", "original", "lora-r8", "lora-r16"]
    table = printed(cell(notebook, "table"))
    assert table == shown(folder)  # row by row, with intervals, gains, p, winner and verdict
    lines = table.split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["row", *rows]
    for line, row in zip(lines[1:], rows.values(), strict=True):
        accuracy = row["heads"]["mean_accuracy"] if row["heads"] else row["test"]["accuracy"]
        assert f" {100 * accuracy:.1f} % " in line, line
        assert row["parameters"] is None or f" {row['parameters']['trainable']:,} " in line, line


def test_the_parameters_that_are_made_small_are_those_of_the_notebook(committed):
    names = [line.split(" = ")[0] for line in cell(committed, "parameters").source.splitlines()]
    assert names == list(SMALL)


def test_the_notebook_is_committed_with_the_outputs_of_one_execution(committed):
    cells = [cell for cell in committed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert not [output for cell in cells for output in cell.outputs if output.get("name") == "stderr"]
    table = printed(cell(committed, "table"))
    assert "lora-r8" in table and "lora-r16" in table and "probe" in table
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)


def test_model_and_data_are_those_of_the_quickstart(committed):
    names = {}
    exec(cell(committed, "parameters").source, names)
    exec(cell(committed, "recipe").source, names)
    quickstart = yaml.safe_load(resources.files(finetooth).joinpath("quickstart.yaml").read_text(encoding="utf-8"))
    chosen = {"limit", "seed"}  # the notebook trains on fewer rows, split with another seed
    ours, theirs = (
        {key: value for key, value in recipe["data"].items() if key not in chosen}
        for recipe in (names["recipe"], quickstart)
    )
    assert ours | {"test": 0.2} == theirs
    assert [names["recipe"][key] for key in ("model", "candidates")] == [
        quickstart[key] for key in ("model", "candidates")
    ]


def test_the_original_experiment_is_that_of_the_recipe(committed):
    names = {}
    exec(cell(committed, "original").source, names)
    written = (REPOSITORY / "recipes" / "imdb-distilbert-original.yaml").read_text(encoding="utf-8")
    assert names["original_experiment"] == yaml.safe_load(written)
