"""Predictions that are not finite are not written; the message names rows, and what to do about that kind of row."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import plans
from finetooth.errors import DivergedError
from finetooth.recipe import load
from finetooth.rows.context import Context
from finetooth.rows.outputs import keep_predictions
from finetooth.runs.layout import RunFolder


@pytest.mark.parametrize(
    ("row", "remedy"),
    [
        ("r4", "try a lower training.learning_rate"),
        ("full", "try a lower training.full_learning_rate"),
        ("original", "try another base model"),
        ("probe", "try another base model"),
        ("tfidf", "this is a defect of Finetooth"),
        ("majority", "this is a defect of Finetooth"),
    ],
)
def test_a_logit_that_is_not_finite_ends_the_row_with_its_remedy(tmp_path: Path, row: str, remedy: str) -> None:
    folder = RunFolder(tmp_path)
    ids = ["a.csv:2", "a.csv:3", "a.csv:4"]
    pq.write_table(pa.table({"id": ids, "split": ["test"] * 3, "key": ids}), folder.splits)
    context = Context(
        run_folder=folder,
        recipe=load({"name": "x", "model": "a/b", "data": {"source": "c"}}),
        plan=plans.plan(),
        row=row,
        row_seed=0,
        split="test",
        base_folder=tmp_path,
    )
    logits = np.asarray([[0.0, 1.0], [np.nan, 1.0], [np.inf, 1.0]], np.float32)
    with pytest.raises(DivergedError) as caught:
        keep_predictions(context, logits)
    assert str(caught.value) == f"a logit of the test rows is not finite (rows a.csv:3, a.csv:4); {remedy}."
    assert not context.folder.predictions.exists()
