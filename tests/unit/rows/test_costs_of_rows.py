"""What a row has cost is kept over processes that were stopped."""

from pathlib import Path

from finetooth.files import read_hashed_json
from finetooth.rows.outputs import add_costs
from finetooth.runs.layout import RunFolder


def test_seconds_of_hidden_states_add_up_and_the_largest_peak_stays(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path).row("last-1", 0)
    folder.path.mkdir(parents=True)
    add_costs(folder, cached_seconds=200.0, peak_bytes=5)  # filled, then stopped in training
    add_costs(folder, cached_seconds=8.0)  # the next process only holds the blocks against their hashes
    add_costs(folder, peak_bytes=3, train_seconds=70.0)
    assert read_hashed_json(folder.costs) == {"cached_seconds": 208.0, "peak_bytes": 5, "train_seconds": 70.0}


def test_the_most_memory_of_a_gpu_is_kept(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path).row("r4", 0)
    folder.path.mkdir(parents=True)
    for peak in (5, 9, 7):
        add_costs(folder, gpu_peak_bytes=peak)
    add_costs(folder, peak_bytes=3)
    assert read_hashed_json(folder.costs) == {"gpu_peak_bytes": 9, "peak_bytes": 3}
