"""A split of one class stops the run, and the error says how it came to that."""

import pytest
from labelled_files import Files, before_label_source, csv_rows, csv_text

from finetooth import data, recipe
from finetooth.errors import DataError

SORTED = sorted(csv_rows(100), key=lambda row: row.rsplit(",", 1)[1])
CUT = "shuffle the file before it is cut, or give all of it."


def text(rows: list[str]) -> str:
    return "\n".join(["text,label", *rows]) + "\n"


def heads(count: int, label: str = "bad") -> str:
    """What the first rows of a sorted file look like."""
    return text([row.replace("film", "show") for row in csv_rows(2 * count) if row.endswith(label)])


def of_test(rows: int) -> str:
    return f"all {rows} rows of the test split have the label 'bad': there is nothing to measure on with one class."


def test_the_head_of_a_sorted_file_is_named_where_the_training_rows_show_it(files: Files) -> None:
    assert before_label_source(files.splits_error(train=text(SORTED), test=heads(20))) == (
        f"{of_test(20)} The training rows stand sorted by label, so this looks like a part of a sorted file: shuffle "
        "that file before it is cut, or give all of it."
    )
    assert before_label_source(files.splits_error(train=csv_text(100), test=heads(20))) == (
        f"{of_test(20)} A part of a file sorted by label looks like this: {CUT}"
    )


def test_the_head_of_a_sorted_file_as_training_rows(files: Files) -> None:
    assert before_label_source(files.splits_error(train=heads(20), test=csv_text(10))) == (
        "the training rows hold only the label 'bad'; two classes or more are needed. "
        "Check data.label and data.keep, and whether the file is a part of a sorted one."
    )


def test_a_test_split_of_one_class_by_its_limit(files: Files) -> None:
    test = csv_text(40).replace("film", "show")
    assert before_label_source(files.splits_error(train=csv_text(100), test=test, limit={"test": 1})).endswith(
        "there is nothing to measure on with one class. Raise data.limit.test, or draw with another data.seed."
    )


def test_a_carved_split_of_one_class(files: Files) -> None:
    rows = [f"film {row},{'rare' if row < 3 else 'usual'}" for row in range(100)]
    assert before_label_source(files.error(text(rows), test=0.1)) == (
        "all 9 rows of the validation split have the label 'usual': there is nothing to choose by with one class. "
        "Raise data.validation, or name validation rows of their own in data.source."
    ) or before_label_source(files.error(text(rows), test=0.1)).startswith(
        "all 10 rows of the test split have the label 'usual'"
    )
    assert before_label_source(files.error(csv_text(20), validation=1)) == (
        "the only row of the validation split has the label 'bad': there is nothing to choose by with one class. "
        "Raise data.validation, or name validation rows of their own in data.source."
    )


@pytest.mark.parametrize(
    ("validation", "cure"),
    [
        (heads(12), f"A part of a file sorted by label looks like this: {CUT}"),
        (heads(3), "Name more validation rows in data.source."),
        (heads(3) + csv_rows(2)[1], "Its rows of other labels were dropped, for they equal test rows: name other "
         "validation rows."),
    ],
)  # fmt: skip
def test_a_given_validation_split_of_one_class(files: Files, validation: str, cure: str) -> None:
    given = {"train": csv_text(60), "validation": validation, "test": csv_text(4)}
    sources = {split: [files.write(f"{split}.csv", content)] for split, content in given.items()}
    with pytest.raises(DataError) as caught:
        data.load(recipe.Data.model_validate({"source": "unused"}), sources)
    assert before_label_source(str(caught.value)).endswith(f"there is nothing to choose by with one class. {cure}")
