import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from finetooth.errors import RunError
from finetooth.runs import lockbox

TEST_ID = "ab" * 32
OPENER = """
import sys
from finetooth.runs.lockbox import open_test
for number in range(int(sys.argv[2])):
    open_test("ab" * 32, f"{sys.argv[1]}-{number}", run_name="r")
"""


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def box(state):
    return state / "lockbox" / f"{TEST_ID}.jsonl"


def test_each_run_is_one_opening_however_often_it_goes_on():
    assert lockbox.open_test(TEST_ID, "run-a", run_name="a") == 1
    assert lockbox.open_test(TEST_ID, "run-a", run_name="a") == 1
    assert lockbox.open_test(TEST_ID, "run-b", run_name="a") == 2
    assert lockbox.open_test(TEST_ID, "run-a", run_name="a") == 2
    assert lockbox.open_test("cd" * 32, "run-a", run_name="a") == 1


def test_an_opening_is_a_line_of_json(state):
    lockbox.open_test(TEST_ID, "run-a", run_name="reviews")
    line = json.loads(box(state).read_text())
    assert (line["run_id"], line["run"]) == ("run-a", "reviews")
    assert len(line["opened"]) == len("2026-01-01T00:00:00Z")


@pytest.mark.skipif(sys.platform != "linux", reason="names open files through /proc")
def test_the_file_and_its_folder_are_fsynced_before_it_returns(state, monkeypatch):
    synced = []
    true_fsync = os.fsync

    def noted(handle):
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        true_fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    lockbox.open_test(TEST_ID, "run-a", run_name="a")
    assert str(state / "lockbox") == synced[-1]
    assert str(state) in synced  # the folder's own entry in the state folder
    assert any(path.startswith(str(state / "lockbox" / ".tmp-")) for path in synced)


def test_a_line_that_a_crash_tore_is_not_an_opening_and_is_mended(state):
    lockbox.open_test(TEST_ID, "run-a", run_name="a")
    with box(state).open("ab") as file:
        file.write(b'{"run_id": "run-b", "ru')
    assert lockbox.open_test(TEST_ID, "run-b", run_name="b") == 2
    assert [json.loads(line)["run_id"] for line in box(state).read_bytes().splitlines()] == ["run-a", "run-b"]


def test_a_whole_line_that_cannot_be_read_still_counts(state):
    lockbox.open_test(TEST_ID, "run-a", run_name="a")
    with box(state).open("ab") as file:
        file.write(b"\x00\x00\xff\n[]\n")
    assert lockbox.open_test(TEST_ID, "run-b", run_name="b") == 4


def test_openings_of_several_processes_at_once_all_count(state):
    running = [subprocess.Popen([sys.executable, "-c", OPENER, str(number), "5"]) for number in range(3)]
    assert [one.wait() for one in running] == [0, 0, 0]
    assert len({json.loads(line)["run_id"] for line in box(state).read_text().splitlines()}) == 15


def test_an_opening_that_cannot_be_written_stops_the_run(state):
    state.write_text("a file where the folder should be")
    with pytest.raises(RunError) as error:
        lockbox.open_test(TEST_ID, "run-a", run_name="a")
    assert str(error.value) == (
        f"{box(state)}: cannot be written ([Errno 17] File exists: '{state}'), so no test row is scored. "
        "Make it writable, or name another folder with FINETOOTH_STATE."
    )
