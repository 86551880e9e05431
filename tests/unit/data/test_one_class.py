"""A split of one class stops the run, and the error says why it has one class."""

import pytest
from labelled_files import Files, before_label_source, csv_rows, csv_text

from finetooth import data, recipe
from finetooth.errors import DataError

SORTED = sorted(csv_rows(100), key=lambda row: row.rsplit(",", 1)[1])
CUT = "shuffle the file before you cut it, or use all of it."


def text(rows: list[str]) -> str:
    return "\n".join(["text,label", *rows]) + "\n"


def heads(count: int, label: str = "bad") -> str:
    """The first rows of a file sorted by label."""
    return text([row.replace("film", "show") for row in csv_rows(2 * count) if row.endswith(label)])


def of_test(rows: int) -> str:
    return f"all {rows} rows of the test split have the label 'bad'; one class is not enough to measure a model."


def test_the_error_names_a_sorted_file_if_the_training_rows_are_sorted(files: Files) -> None:
    assert before_label_source(files.splits_error(train=text(SORTED), test=heads(20))) == (
        f"{of_test(20)} The training rows are sorted by label, so this may be a piece of a sorted file: shuffle the "
        f"file before you cut it, or use all of it."
    )
    assert before_label_source(files.splits_error(train=csv_text(100), test=heads(20))) == (
        f"{of_test(20)} The rows may be sorted by label, so this may be a piece of a sorted file: {CUT}"
    )


def test_the_head_of_a_sorted_file_as_training_rows(files: Files) -> None:
    assert before_label_source(files.splits_error(train=heads(20), test=csv_text(10))) == (
        "the training rows hold only the label 'bad'; two classes or more are needed. "
        "Check data.label and data.keep, and whether the file is a part of a sorted one."
    )


def test_a_test_split_of_one_class_by_its_limit(files: Files) -> None:
    test = csv_text(40).replace("film", "show")
    assert before_label_source(files.splits_error(train=csv_text(100), test=test, limit={"test": 1})).endswith(
        "one class is not enough to measure a model. Raise data.limit.test, or draw other rows with data.seed."
    )


def test_a_carved_split_of_one_class(files: Files) -> None:
    rows = [f"film {row},{'rare' if row < 3 else 'usual'}" for row in range(100)]
    assert before_label_source(files.error(text(rows), test=0.1)) == (
        "all 9 rows of the validation split have the label 'usual'; one class is not enough to choose a model. Raise "
        "data.validation, or name a file of validation rows in data.source."
    ) or before_label_source(files.error(text(rows), test=0.1)).startswith(
        "all 10 rows of the test split have the label 'usual'"
    )
    assert before_label_source(files.error(csv_text(20), validation=1)) == (
        "the only row of the validation split has the label 'bad'; one class is not enough to choose a model. Raise "
        "data.validation, or name a file of validation rows in data.source."
    )


@pytest.mark.parametrize(
    ("validation", "cure"),
    [
        (heads(12), f"The rows may be sorted by label, so this may be a piece of a sorted file: {CUT}"),
        (heads(3), "Name more validation rows in data.source."),
        (heads(3) + csv_rows(2)[1], "Its rows with other labels were dropped because they equal test rows: "
         "name other validation rows."),
    ],
)  # fmt: skip
def test_a_validation_file_of_one_class(files: Files, validation: str, cure: str) -> None:
    contents = {"train": csv_text(60), "validation": validation, "test": csv_text(4)}
    sources = {split: [files.write(f"{split}.csv", content)] for split, content in contents.items()}
    with pytest.raises(DataError) as caught:
        data.load(recipe.Data.model_validate({"source": "unused"}), sources)
    assert before_label_source(str(caught.value)).endswith(f"one class is not enough to choose a model. {cure}")
