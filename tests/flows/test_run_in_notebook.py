"""A run in a real notebook kernel: progress without being asked for, and the table as HTML."""

from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

import tiny

CELLS = [
    """
import finetooth
recipe = {"name": "noted", "model": "owner/none", "data": {"source": "reviews.csv", "test": 60},
          "baselines": ["majority", "tfidf"]}
run = finetooth.run(recipe)
run
""",
    "print(run.table)",
    "quiet = finetooth.run(recipe, out='runs/quiet', progress=False)",
]


# jupyter_client still starts kernels through an event loop of its own.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::RuntimeWarning")
def test_a_notebook_shows_progress_in_one_output_and_then_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    tiny.save_reviews(tmp_path / "reviews.csv")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    nbclient.NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    outputs: list[list[Any]] = [cell["outputs"] for cell in notebook["cells"]]
    progress, result = outputs[0]
    assert (
        progress["output_type"] == "display_data" and "read reviews.csv: 240 rows in" in progress["data"]["text/plain"]
    )
    assert result["data"]["text/plain"] == "<finetooth.Run runs/noted: no winner>"
    assert '<th scope="row"><bdi>tfidf</bdi>' in result["data"]["text/html"]
    assert "Next    finetooth show runs/noted" in outputs[1][0]["text"]
    assert outputs[2] == []
