import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetooth.errors import RunError
from finetooth.runs import predictions
from finetooth.runs.predictions import Predictions
from finetooth.tasks import DEFAULT


def some(count=7, classes=3, seed=0, name="test.csv"):
    random = np.random.default_rng(seed)
    return Predictions(
        tuple(f"{name}:{number}" for number in range(count)),
        random.integers(0, classes, count),
        random.normal(size=(count, classes)).astype(np.float32),
    )


def equal(a, b):
    return a.ids == b.ids and (a.labels == b.labels).all() and a.logits.tobytes() == b.logits.tobytes()


def test_what_is_read_is_bitwise_what_was_written(tmp_path):
    parts = {"validation": some(5), "test": some(9, seed=1)}
    parts["test"].logits[0] = [np.float32(1e-45), -0.0, np.float32(3.4e38)]
    predictions.write(tmp_path / "p.parquet", parts)
    actual = predictions.read(tmp_path / "p.parquet")
    assert list(actual) == ["validation", "test"]
    assert all(equal(actual[split], parts[split]) for split in parts)


def test_equal_predictions_give_equal_bytes_in_whatever_order_the_splits_are_given(tmp_path):
    parts = {"validation": some(500), "test": some(900, seed=1)}
    digests = set()
    for number, order in enumerate((("validation", "test"), ("test", "validation"))):
        predictions.write(tmp_path / f"{number}.parquet", {split: parts[split] for split in order})
        digests.add(hashlib.sha256((tmp_path / f"{number}.parquet").read_bytes()).hexdigest())
    predictions.write(tmp_path / "again.parquet", predictions.read(tmp_path / "0.parquet"))
    digests.add(hashlib.sha256((tmp_path / "again.parquet").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_many_classes_are_written_in_several_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, "_VALUES_PER_GROUP", 1000)
    part = some(50, classes=100)
    predictions.write(tmp_path / "p.parquet", {"test": part})
    assert pq.ParquetFile(tmp_path / "p.parquet").num_row_groups == 5
    assert equal(predictions.read(tmp_path / "p.parquet")["test"], part)


def test_every_figure_can_be_computed_again_from_the_file(tmp_path):
    part = some(200)
    predictions.write(tmp_path / "p.parquet", {"test": part})
    actual = predictions.read(tmp_path / "p.parquet")["test"]
    assert DEFAULT.score(actual.logits, actual.labels) == DEFAULT.score(part.logits, part.labels)


def test_columns_are_those_of_the_documentation(tmp_path):
    predictions.write(tmp_path / "p.parquet", {"test": some()})
    schema = pq.read_schema(tmp_path / "p.parquet")
    assert [(field.name, str(field.type)) for field in schema] == [
        ("split", "string"),
        ("id", "string"),
        ("label", "int64"),
        ("logits", "list<element: float>"),
    ]


def test_a_file_that_is_not_predictions_is_refused(tmp_path):
    path = tmp_path / "p.parquet"
    path.write_bytes(b"PAR1 no")
    with pytest.raises(RunError, match=r"p\.parquet: cannot be read as predictions \("):
        predictions.read(path)
    rows = {"split": ["test"] * 2, "id": ["a", "b"], "label": [0, 1], "logits": [[1.0, 2.0], [1.0]]}
    pq.write_table(pa.table(rows).cast(predictions._schema(pa.int64())), path)
    with pytest.raises(RunError) as error:
        predictions.read(path)
    assert str(error.value) == (
        f"{path}: its rows do not have the same number of logits. Take it from a backup; in an unfinished run, "
        "delete this file and run the same command again."
    )
