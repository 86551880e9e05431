"""Figures on other data: rows that the run was trained on, or chose by, are counted, said and taken apart."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_runs import SEED

import finetooth
import tiny
from finetooth.errors import DataError, RunError
from finetooth.pipeline.data_evaluation import _note
from finetooth.runs.layout import RunFolder

Row = tuple[str, str]
TRAIN, VALIDATION = tiny.texts(20, seed=len("train")), tiny.texts(21, seed=len("validation"))
FRESH = tiny.texts(12, seed=99)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))


def save(path: Path, rows: Sequence[Row]) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return str(path)


def only(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: figures[key] for key in ("examples", "units", "accuracy", "loss", "macro_f1")}


def test_rows_of_training_are_counted_said_and_scored_apart(made: Path, tmp_path: Path) -> None:
    # The same text to whoever compares by content: other white space, and another form of the same characters.
    again = [(f"  {text.replace(' ', chr(0xA0))} ", label) for text, label in TRAIN[:5]]
    mixed = finetooth.evaluate(made, data=save(tmp_path / "mixed.csv", [*again, *FRESH, *VALIDATION[:3]]))
    fresh = finetooth.evaluate(made, data=save(tmp_path / "fresh.csv", FRESH))
    assert mixed["examples"] == 20
    assert mixed["seen_rows"] == {"train": 5, "validation": 3}
    assert mixed["note"] == (
        "5 of 20 rows were in the training rows of this run, and 3 in its validation rows, by which it was chosen: "
        "this is not a test result."
    )
    assert only(mixed["unseen"]) == pytest.approx(only(fresh), abs=1e-6)
    assert mixed["unseen"]["accuracy_interval"] == fresh["accuracy_interval"]
    assert (fresh["seen_rows"], fresh["note"], fresh["unseen"]) == ({"train": 0, "validation": 0}, None, None)


@pytest.mark.parametrize(
    ("train", "validation", "of", "note"),
    [
        (0, 0, 5, None),
        (1, 0, 1, "1 of 1 row was in the training rows of this run: this is not a test result."),
        (1200, 0, 5000, "1,200 of 5,000 rows were in the training rows of this run: this is not a test result."),
        (
            0,
            3,
            5,
            "3 of 5 rows were in the validation rows of this run, by which it was chosen: this is not a test result.",
        ),
        (
            2,
            1,
            5,
            "2 of 5 rows were in the training rows of this run, and 1 in its validation rows, by which it was chosen: "
            "this is not a test result.",
        ),
    ],
)
def test_the_note_counts_the_rows_of_both_splits(train: int, validation: int, of: int, note: str | None) -> None:
    assert _note({"train": train, "validation": validation}, of=of) == note


def test_rows_with_one_text_are_one_unit(made: Path, tmp_path: Path) -> None:
    once = finetooth.evaluate(made, data=save(tmp_path / "once.csv", FRESH))
    often = finetooth.evaluate(made, data=save(tmp_path / "often.csv", FRESH * 5))
    assert (once["examples"], once["units"]) == (12, 12)
    assert (often["examples"], often["units"], often["accuracy"]) == (60, 12, once["accuracy"])
    assert (once["group"], often["group"]) == (None, None)  # the recipe names no group
    low, high = often["accuracy_interval"]
    # Five copies of each text show no more than the text once.
    assert high - low >= once["accuracy_interval"][1] - once["accuracy_interval"][0]


def test_where_every_row_was_seen_nothing_is_left_to_score(made: Path, tmp_path: Path) -> None:
    figures = finetooth.evaluate(made, data=save(tmp_path / "seen.csv", TRAIN))
    assert figures["seen_rows"] == {"train": 20, "validation": 0} and figures["unseen"] is None
    assert figures["note"] == "20 of 20 rows were in the training rows of this run: this is not a test result."
    chosen_by = finetooth.evaluate(made, data=save(tmp_path / "chosen.csv", VALIDATION[:1]))
    assert chosen_by["note"] == (
        "1 of 1 row was in the validation rows of this run, by which it was chosen: this is not a test result."
    )


def test_of_an_adapter_alone_it_is_not_known_and_said(made: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(RunFolder(made).row("r4", SEED).adapter, tmp_path / "moved")
    figures = finetooth.evaluate(moved, data=save(tmp_path / "seen.csv", TRAIN), base=str(made.parent / "m"))
    assert (figures["seen_rows"], figures["unseen"]) == (None, None)
    assert figures["note"] == (
        "It is not known whether rows were in the training data: an adapter outside its run keeps no record of it. "
        "Evaluate the run folder to know."
    )


@pytest.mark.parametrize("name", ["splits.parquet", "plan.json"])
def test_what_says_how_rows_were_used_and_read_is_held_to_the_run(made: Path, tmp_path: Path, name: str) -> None:
    changed = shutil.copytree(made, tmp_path / "changed")
    with (changed / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(RunError, match=f"{name}: was changed after the run was complete"):
        finetooth.evaluate(changed, data=save(tmp_path / "seen.csv", TRAIN), base=str(made.parent / "m"))


def test_data_frames_lists_and_arrays_are_evaluated_as_a_file_is(made: Path, tmp_path: Path) -> None:
    path = save(tmp_path / "mixed.csv", [*TRAIN[:5], *FRESH])
    all_rows = finetooth.evaluate(made, data=path)
    rows = [*TRAIN[:5], *FRESH]
    frame = pd.DataFrame(rows, columns=["text", "label"], index=range(100, 117))
    for data, source in ((frame, "DataFrame"), (rows, "list"), (np.array(rows), "ndarray"), (Path(path), path)):
        figures = finetooth.evaluate(made, data=data)
        assert figures["source"] == source
        assert figures | {"source": None} == all_rows | {"source": None}
    frame.loc[102, "label"] = None
    with pytest.raises(DataError, match=r"DataFrame\.parquet row 3: label is missing"):
        finetooth.evaluate(made, data=frame)
    with pytest.raises(TypeError, match="the data has type dict"):
        finetooth.evaluate(made, data={"text": ["a"], "label": ["good"]})


def use(figures: dict[str, Any]) -> tuple[int, int, int]:
    return figures["test_openings"], figures["test_rows_seen"], figures["test_runs_seen"]


def test_an_unchanged_adapter_on_unchanged_rows_is_free_and_changed_rows_are_not(made: Path, tmp_path: Path) -> None:
    rows = save(tmp_path / "rows.csv", FRESH)
    assert [use(finetooth.evaluate(made, data=rows)) for _ in range(2)] == [(1, 0, 0)] * 2
    assert use(finetooth.evaluate(RunFolder(made).row("r4", SEED).adapter, data=rows)) == (1, 0, 0)
    turned = [*FRESH[1:], (FRESH[0][0], "good" if FRESH[0][1] == "bad" else "bad")]
    assert use(finetooth.evaluate(made, data=save(tmp_path / "corrected.csv", turned))) == (2, 12, 1)
    assert use(finetooth.evaluate(made, data=save(tmp_path / "fewer.csv", FRESH[1:]))) == (3, 11, 2)


def test_rows_whose_opening_cannot_be_recorded_are_not_scored(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    monkeypatch.setattr("finetooth.models.predictor.Predictor.infer", lambda *_, **__: pytest.fail("rows were scored"))
    with pytest.raises(RunError, match=r"cannot be written .*, so no test row is scored\. Make it writable"):
        finetooth.evaluate(made, data=save(tmp_path / "rows.csv", FRESH))
