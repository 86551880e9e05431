"""finished.json: what counts as finished of a row, and what is made again."""

from pathlib import Path

import pytest

from finetooth.errors import RunError
from finetooth.files import MANIFEST, write_json
from finetooth.runs import finished
from finetooth.runs.layout import RowFolder, RunFolder

RUN_ID = "a run"
SCORED = {"verify.json", "predictions.parquet"}


@pytest.fixture
def row(tmp_path: Path) -> RowFolder:
    """A row with an adapter, a curve, a verification and predictions, all recorded."""
    folder = RunFolder(tmp_path).row("lora-r8", 0)
    folder.adapter.mkdir(parents=True)
    for file in (folder.adapter / MANIFEST, folder.curve, folder.verify):
        write_json(file, {"of": file.name})
    folder.predictions.write_bytes(b"rows")
    finished.record(folder, [*finished.FITTED, *finished.SCORED], run_id=RUN_ID)
    return folder


def test_files_as_they_were_recorded_are_kept(row):
    assert finished.settle(row, run_id=RUN_ID) == {f"adapter/{MANIFEST}", "curve.json", *SCORED}
    assert row.verify.is_file() and row.predictions.is_file()


def test_a_verification_without_predictions_is_made_again(row):
    """Killed after predictions were struck out to be written anew, and again before they were recorded."""
    finished.strike_out(row, [finished.PREDICTIONS], run_id=RUN_ID)
    assert finished.settle(row, run_id=RUN_ID) == {f"adapter/{MANIFEST}", "curve.json"}
    assert not row.verify.exists() and not row.predictions.exists() and row.curve.is_file()


@pytest.mark.parametrize("name", sorted(SCORED))
def test_where_one_of_verification_and_predictions_is_gone_both_are_made_again(row, name):
    (row.path / name).unlink()
    assert not finished.settle(row, run_id=RUN_ID) & SCORED
    assert not row.verify.exists() and not row.predictions.exists() and row.adapter.is_dir()


def test_without_its_adapter_nothing_of_a_row_is_kept(row):
    (row.adapter / MANIFEST).unlink()
    assert not finished.settle(row, run_id=RUN_ID)
    assert not row.curve.exists() and not row.predictions.exists()


def test_a_changed_file_is_refused(row):
    row.predictions.write_bytes(b"other")
    with pytest.raises(RunError, match=r"predictions\.parquet: was changed since the run wrote it"):
        finished.settle(row, run_id=RUN_ID)


def test_the_list_of_another_row_is_refused(row):
    other = RunFolder(row.path.parents[2]).row("lora-r16", 0)
    other.path.mkdir(parents=True)
    row.finished.rename(other.finished)
    with pytest.raises(RunError, match="is of another run or row"):
        finished.settle(other, run_id=RUN_ID)
