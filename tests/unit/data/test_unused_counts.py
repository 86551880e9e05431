"""Counts of rows in the recipe that cannot be met, or do not apply, are never passed over in silence."""

from typing import Any

import pytest
from labelled_files import Files, csv_text, note

from finetooth import data, recipe
from finetooth.errors import FinetoothError


def three(files: Files, **spec: Any) -> data.Dataset:
    """Sixty training, twenty validation and ten test rows, each in a file of its own."""
    words = {"train": ("film", 60), "validation": ("play", 20), "test": ("show", 10)}
    sources = {
        split: [files.write(f"{split}.csv", csv_text(count).replace("film", word))]
        for split, (word, count) in words.items()
    }
    return data.load(recipe.Data.model_validate({"source": "unused", **spec}), sources)


def test_a_limit_above_the_rows_that_were_carved_is_told(files: Files) -> None:
    dataset = files.load(csv_text(100), limit={"test": 50})
    assert len(dataset.test) == 20
    assert note(dataset, "data.limit.test") == (
        "data.limit.test: 50 rows are asked for, and 20 were carved. For more: data.test: 50 (it is 0.2)."
    )
    assert len(files.load(csv_text(100), limit={"test": 50}, test=50).test) == 50


def test_limits_above_the_rows_of_files_of_their_own_are_told(files: Files) -> None:
    dataset = three(files, limit={"train": 70, "validation": 30, "test": 11})
    assert [line for line in dataset.summary["notes"] if "data.limit" in line] == [
        "data.limit.train: 70 rows are asked for, and there are 60.",
        "data.limit.validation: 30 rows are asked for, and there are 20.",
        "data.limit.test: 11 rows are asked for, and there are 10.",
    ]
    exact = three(files, limit={"train": 60, "validation": 20, "test": 10})
    assert not [line for line in exact.summary["notes"] if "data.limit" in line]


def test_shares_to_carve_beside_rows_that_are_given_are_told(files: Files) -> None:
    dataset = three(files, validation=0.3, test=500)
    assert [line for line in dataset.summary["notes"] if "is not used" in line] == [
        "data.validation: 0.3 is not used, for validation rows have a source of their own. To use fewer of them: "
        "data.limit.validation: ROWS",
        "data.test: 500 is not used, for test rows have a source of their own. To use fewer of them: "
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


def test_a_limit_of_validation_rows_that_are_carved_is_refused_with_the_way_to_carve_so_many(files: Files) -> None:
    with pytest.raises(FinetoothError) as caught:
        files.load(csv_text(100), limit={"validation": 8})
    assert str(caught.value) == (
        "data.limit.validation: 8, but no validation rows are given to limit: they are carved from the training rows. "
        "To carve so many: data.validation: 8"
    )
