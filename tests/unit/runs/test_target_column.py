import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetooth.runs.target_column import array_of, is_type, targets_of, type_of

TARGETS = {
    "classes": np.array([2, 0, -1, 5]),
    "numbers": np.array([0.1, -0.0, 1e-300, 3.0]),
    "several classes": np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]]),
    "several numbers": np.array([[0.25, 1.0], [0.5, -2.0], [0.0, 0.0], [9.0, 1.0]]),
}


@pytest.mark.parametrize("name", TARGETS)
def test_targets_are_read_bitwise_as_they_were_written(name, tmp_path):
    targets = TARGETS[name]
    pq.write_table(pa.table({"label": array_of(targets)}), tmp_path / "a.parquet")
    column = pq.read_table(tmp_path / "a.parquet")["label"]
    assert column.type == type_of(targets)
    assert is_type(column.type)
    actual = targets_of(column)
    assert (actual.dtype, actual.shape, actual.tobytes()) == (targets.dtype, targets.shape, targets.tobytes())


@pytest.mark.parametrize("kind", [pa.string(), pa.int32(), pa.list_(pa.int64()), pa.list_(pa.string(), 2)])
def test_other_columns_hold_no_targets(kind):
    assert not is_type(kind)


def test_part_of_a_column_of_lists_is_read_as_that_part():
    column = pa.chunked_array([array_of(TARGETS["several classes"])]).slice(1, 2)
    assert targets_of(column).tolist() == [[1, 0, 0], [0, 0, 0]]
