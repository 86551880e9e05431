"""The ledger of test rows: what counts as a look, what is free, and that nothing recorded is lost."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from finetooth.data import overlap
from finetooth.errors import RunError
from finetooth.files import seal
from finetooth.runs import ledger
from finetooth.runs.layout import RunFolder
from finetooth.runs.ledger import History, RowKeys

TEST_ID = "ab" * 32
TEXTS = [f"a film, number {number}" for number in range(200)]
OPENER = """
import sys
from pathlib import Path
from finetooth.runs import ledger
from finetooth.runs.layout import RunFolder
rows = ledger.RowKeys.of("ab" * 32, [b"t" * 16], [b"l" * 8])
for number in range(int(sys.argv[2])):
    ledger.open_run(rows, RunFolder(Path("none")), run_id=f"{sys.argv[1]}-{number}", run_name="r")
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def keys(texts: Sequence[str] = TEXTS, *, corrected: int = 0, test_id: str = TEST_ID) -> RowKeys:
    """The rows of these texts, of which the first `corrected` have another label."""
    labels = ["bad" if number < corrected else "good" for number in range(len(texts))]
    text_keys = overlap.keys(texts, None)
    return RowKeys.of(test_id, text_keys, ledger.row_keys(text_keys, labels))


def opened(rows: RowKeys, run_id: str, folder: Path = Path("none")) -> History:
    return ledger.open_run(rows, RunFolder(folder), run_id=run_id, run_name="reviews")


def evaluated(rows: RowKeys, adapter: Path) -> History:
    return ledger.open_adapter(rows, adapter, run_name="reviews")


def adapter_in(run: Path, content: str = "weights") -> Path:
    adapter = RunFolder(run).row("r4", 0).adapter
    adapter.mkdir(parents=True)
    (adapter / "adapter_model.safetensors").write_text(content)
    seal(adapter)
    return adapter


def files(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "ledger").glob("*.opening"))


def counter(state: Path, *run_ids: str, torn: bytes = b"") -> Path:
    """The counter of an earlier version."""
    path = state / "lockbox" / f"{TEST_ID}.jsonl"
    path.parent.mkdir(parents=True)
    lines = [json.dumps({"run_id": run_id, "run": "reviews", "opened": "2026-01-01T00:00:00Z"}) for run_id in run_ids]
    path.write_bytes("".join(f"{line}\n" for line in lines).encode() + torn)
    return path


def test_the_same_rows_are_one_more_look_in_each_run() -> None:
    assert opened(keys(), "run-a") == History(looks=1, rows_seen=0, runs_seen=0)
    assert opened(keys(), "run-b") == History(looks=2, rows_seen=200, runs_seen=1)
    assert opened(keys(), "run-c") == History(looks=3, rows_seen=200, runs_seen=2)


def test_all_but_one_of_the_rows_are_another_look() -> None:
    opened(keys(), "run-a")
    assert opened(keys(TEXTS[:-1], test_id="cd" * 32), "run-b") == History(looks=2, rows_seen=199, runs_seen=1)
    assert opened(keys([*TEXTS, "a new one"], test_id="ef" * 32), "run-c") == History(3, rows_seen=200, runs_seen=2)


def test_a_corrected_label_and_other_white_space_change_nothing() -> None:
    opened(keys(), "run-a")
    assert opened(keys(corrected=1, test_id="cd" * 32), "run-b") == History(looks=2, rows_seen=200, runs_seen=1)
    spaced = [text.replace(" ", "  ") for text in TEXTS]
    assert opened(keys(spaced, test_id="ef" * 32), "run-c").rows_seen == 200


def test_unrelated_data_that_share_a_few_texts_are_no_look_but_their_rows_are_counted() -> None:
    texts = [*(f"news, number {number}" for number in range(4_997)), *TEXTS[:3]]
    opened(keys(), "run-a")
    assert opened(keys(texts), "run-b") == History(looks=1, rows_seen=3, runs_seen=1)


def test_one_row_in_a_hundred_is_the_least_that_is_a_look() -> None:
    opened(keys(TEXTS[:2]), "run-a")
    assert opened(keys(TEXTS[:200]), "run-b").looks == 2
    opened(keys(["news", "more news"]), "run-c")
    assert opened(keys(["news", *(f"report {number}" for number in range(100))]), "run-d") == History(1, 1, 1)


def test_rows_with_equal_texts_count_one_by_one() -> None:
    opened(keys(["ok"]), "run-a")
    assert opened(keys(["ok", "ok", "fine"]), "run-b") == History(looks=2, rows_seen=2, runs_seen=1)


def test_a_run_that_continues_is_the_same_opening_with_the_same_number(state: Path) -> None:
    opened(keys(), "run-a")
    opened(keys(), "run-b")
    assert opened(keys(), "run-a") == History(looks=1, rows_seen=0, runs_seen=0, runs_later=1)
    assert opened(keys(), "run-b") == History(looks=2, rows_seen=200, runs_seen=1)
    assert files(state) == ["000001.opening", "000002.opening"]


def test_later_openings_of_some_of_the_rows_are_counted(state: Path) -> None:
    opened(keys(), "run-a")
    assert ledger.runs_later("run-a") == 0
    opened(keys(TEXTS[:1]), "run-b")
    opened(keys(["other news"]), "run-c")
    assert (ledger.runs_later("run-a"), ledger.runs_later("run-c"), ledger.runs_later("elsewhere")) == (1, 0, 0)
    (state / "ledger" / "000004.opening").write_bytes(b"no opening")
    assert ledger.runs_later("run-c") == 1


def test_an_unchanged_adapter_of_a_run_on_its_rows_is_free(state: Path, tmp_path: Path) -> None:
    adapter = adapter_in(tmp_path / "run")
    opened(keys(), "run-a", tmp_path / "run")
    opened(keys(), "run-b")
    assert evaluated(keys(), adapter) == History(looks=1, runs_later=1)
    moved = shutil.copytree(adapter, tmp_path / "moved")
    assert evaluated(keys(list(reversed(TEXTS))), moved).looks == 1
    assert len(files(state)) == 2


def test_an_unchanged_adapter_on_rows_that_it_was_evaluated_on_is_free(state: Path, tmp_path: Path) -> None:
    adapter = adapter_in(tmp_path / "run")
    assert [evaluated(keys(), adapter) for _ in range(3)] == [History()] * 3
    assert files(state) == ["000001.opening"]


@pytest.mark.parametrize(
    "rows", [keys(corrected=1), keys(TEXTS[:-1]), keys([*TEXTS, "a new one"])], ids=["label", "fewer", "more"]
)
def test_another_adapter_and_other_rows_are_not_free(tmp_path: Path, rows: RowKeys) -> None:
    adapter = adapter_in(tmp_path / "run")
    opened(keys(), "run-a", tmp_path / "run")
    assert evaluated(rows, adapter).looks == 2
    assert evaluated(keys(), adapter_in(tmp_path / "other", "other weights")).looks == 3


def test_an_opening_of_an_earlier_version_counts_and_stays_as_it_is(state: Path) -> None:
    old = counter(state, "old-1", "old-2", torn=b'{"run_id": "old-3", "ru')
    before = old.read_bytes()
    assert opened(keys(), "run-a") == History(looks=3, rows_seen=200, runs_seen=2)
    assert opened(keys(), "run-b") == History(looks=4, rows_seen=200, runs_seen=3)
    assert opened(keys(test_id="cd" * 32), "run-c").looks == 3  # the counter knows only the very same rows
    assert old.read_bytes() == before


def test_a_run_that_an_earlier_version_opened_continues_its_opening(state: Path) -> None:
    counter(state, "run-a")
    assert opened(keys(), "run-a") == History(looks=1, rows_seen=0, runs_seen=0)


def test_a_line_of_the_counter_that_cannot_be_read_still_counts(state: Path) -> None:
    counter(state, "old-1", torn=b"\x00\xff\n[]\n")
    assert opened(keys(), "run-a").looks == 4


DAMAGES: dict[str, Any] = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "changed": lambda file: file.write_bytes(file.read_bytes().replace(b"run-a", b"run-x")),
    "empty": lambda file: file.write_bytes(b""),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_an_opening_by_an_unknown_run(state: Path, damage: str) -> None:
    opened(keys(), "run-a")
    DAMAGES[damage](state / "ledger" / "000001.opening")
    assert opened(keys(), "run-b") == History(looks=2, rows_seen=0, runs_seen=1)
    assert opened(keys(), "run-c") == History(looks=3, rows_seen=200, runs_seen=2)
    assert files(state) == ["000001.opening", "000002.opening", "000003.opening"]


def test_files_that_are_no_openings_do_not_count(state: Path) -> None:
    opened(keys(), "run-a")
    (state / "ledger" / "notes.txt").write_text("mine")
    (state / "ledger" / ".tmp-0123").write_bytes(b"of a killed writer")
    assert opened(keys(), "run-b").looks == 2


def test_the_number_of_a_deleted_opening_is_not_used_while_later_ones_are_there(state: Path) -> None:
    for run_id in ("run-a", "run-b"):
        opened(keys(), run_id)
    (state / "ledger" / "000001.opening").unlink()
    assert opened(keys(), "run-c").looks == 2
    assert files(state) == ["000002.opening", "000003.opening"]


def test_an_opening_says_who_opened_it_and_when(state: Path) -> None:
    opened(keys(), "run-a")
    content = (state / "ledger" / "000001.opening").read_bytes()
    header = json.loads(content.split(b"\n")[1])
    assert (header["run_id"], header["run"], header["adapters"]) == ("run-a", "reviews", [])
    assert len(header["opened"]) == len("2026-01-01T00:00:00Z")
    assert content.endswith(keys().entries) and len(keys().entries) == 200 * 24


@pytest.mark.skipif(sys.platform != "linux", reason="names open files through /proc")
def test_the_file_and_its_folder_are_fsynced_before_it_returns(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    true_fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        true_fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    opened(keys(), "run-a")
    assert str(state / "ledger") == synced[-1]
    assert str(state) in synced  # the folder's own entry in the state folder
    assert any(path.startswith(str(state / "ledger" / ".tmp-")) for path in synced)


def test_openings_of_several_processes_at_once_all_count(state: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", OPENER, str(number), "5"]) for number in range(3)]
    assert [one.wait() for one in running] == [0, 0, 0]
    assert files(state) == [f"{number:06}.opening" for number in range(1, 16)]
    assert opened(RowKeys.of(TEST_ID, [b"t" * 16], [b"l" * 8]), "last").looks == 16


def test_an_opening_that_cannot_be_written_stops_the_run(state: Path) -> None:
    state.write_text("a file where the folder should be")
    with pytest.raises(RunError) as error:
        opened(keys(), "run-a")
    assert str(error.value) == (
        f"{state / 'ledger'}: cannot be written ([Errno 17] File exists: '{state}'), so no test row is scored. "
        "Make it writable, or name another folder with FINETOOTH_STATE."
    )


def test_the_same_files_of_predictions_are_one_look_and_so_is_a_part_of_them(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("id,label\n1,good\n")
    second.write_text("id,label\n1,bad\n")
    assert [ledger.open_predictions(keys(), files) for files in ([first, second], [second, first], [second])] == [
        History()
    ] * 3
    second.write_text("id,label\n1,good \n")
    assert ledger.open_predictions(keys(), [first, second]) == History(2, len(TEXTS), 1)
    assert ledger.open_predictions(keys(TEXTS[:100]), [first]) == History(3, 100, 2)


def test_the_next_look_is_that_of_the_next_opening_and_records_nothing(state: Path) -> None:
    text_keys = overlap.keys(TEXTS, None)
    assert ledger.next_look(text_keys, test_id=TEST_ID) == 1
    assert not state.exists()
    opened(keys(), "first")
    opened(keys(["another text"] * 50, test_id="cd" * 32), "unrelated")
    before = files(state)
    assert ledger.next_look(text_keys, test_id=TEST_ID) == 2
    assert ledger.next_look(text_keys[:1], test_id="ef" * 32) == 2  # a part of the rows, in another file
    assert files(state) == before
    assert opened(keys(), "second").looks == 2


def test_the_next_look_counts_the_openings_of_an_earlier_version(state: Path) -> None:
    counter(state, "one", "two")
    assert ledger.next_look(overlap.keys(TEXTS, None), test_id=TEST_ID) == 3
