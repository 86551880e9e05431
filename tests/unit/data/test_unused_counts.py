"""Counts in the recipe that cannot be reached, or do not apply, are always noted."""

from typing import Any

import pytest
from labelled_files import Files, csv_text, note

from finetooth import data, recipe
from finetooth.errors import FinetoothError


def three(files: Files, **spec: Any) -> data.Dataset:
    """Sixty training, twenty validation and ten test rows, in a file for each split."""
    words = {"train": ("film", 60), "validation": ("play", 20), "test": ("show", 10)}
    sources = {
        split: [files.write(f"{split}.csv", csv_text(count).replace("film", word))]
        for split, (word, count) in words.items()
    }
    return data.load(recipe.Data.model_validate({"source": "unused", **spec}), sources)


def test_a_limit_above_the_carved_rows_is_noted(files: Files) -> None:
    dataset = files.load(csv_text(100), limit={"test": 50})
    assert len(dataset.test) == 20
    assert note(dataset, "data.limit.test") == (
        "data.limit.test: 50 rows are requested, but only 20 are split off. For more: data.test: 50 (it is 0.2)."
    )
    assert len(files.load(csv_text(100), limit={"test": 50}, test=50).test) == 50


def test_limits_above_the_rows_of_a_file_are_noted(files: Files) -> None:
    dataset = three(files, limit={"train": 70, "validation": 30, "test": 11})
    assert [line for line in dataset.summary["notes"] if "data.limit" in line] == [
        "data.limit.train: 70 rows are requested, but there are only 60.",
        "data.limit.validation: 30 rows are requested, but there are only 20.",
        "data.limit.test: 11 rows are requested, but there are only 10.",
    ]
    exact = three(files, limit={"train": 60, "validation": 20, "test": 10})
    assert not [line for line in exact.summary["notes"] if "data.limit" in line]


def test_unused_shares_to_carve_are_noted(files: Files) -> None:
    dataset = three(files, validation=0.3, test=500)
    assert [line for line in dataset.summary["notes"] if "is not used" in line] == [
        "data.validation: 0.3 is not used, because the validation rows have a source of their own. To use fewer of "
        "them: "
        "data.limit.validation: ROWS",
        "data.test: 500 is not used, because the test rows have a source of their own. To use fewer of them: "
        "data.limit.test: ROWS",
    ]
    assert not [line for line in three(files).summary["notes"] if "is not used" in line]


def test_validation_rows_with_a_source_of_their_own_can_be_limited(files: Files) -> None:
    dataset = three(files, limit={"validation": 8}, seed=3)
    assert len(dataset.validation) == 8
    assert dataset.summary["rows"]["validation"] == {
        "in": 20, "used": 8, "rejected": 0, "dropped": {}, "outside": 12,
    }  # fmt: skip
    assert dataset.validation.ids == three(files, limit={"validation": 12}, seed=3).validation.ids[:8]


def test_a_limit_on_carved_validation_rows_is_refused(files: Files) -> None:
    with pytest.raises(FinetoothError) as caught:
        files.load(csv_text(100), limit={"validation": 8})
    assert str(caught.value) == (
        "data.limit.validation: 8, but data.source names no validation rows: they are split off from the training "
        "rows. To split that many off: data.validation: 8"
    )
