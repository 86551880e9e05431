"""Tables whose names show no format are recognised by their content; prose is never read as a table."""

from pathlib import Path

import pytest
from labelled_files import Files, csv_text

from finetooth import data, recipe
from finetooth.errors import DataError

PROSE = "Great film, loved the text\nSlow, but fine\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["reviews.txt", "reviews", "reviews.dat"])
def test_a_table_with_a_header_is_one_under_any_name(files: Files, name: str, delimiter: str) -> None:
    dataset = files.load(csv_text(300).replace(",", delimiter), name)
    assert dataset.classes == ("bad", "good")
    assert dataset.summary["files"][0]["format"] == "csv"


@pytest.mark.parametrize(
    "content",
    [
        PROSE,
        "This text, by its label, is prose.\nIt has a comma, and one more, here.\n",
        "text and label\nstand in these lines\n",
        csv_text(20) + "a row, of three, fields\n",
        "text,label\n",
    ],
)
def test_prose_and_ragged_lines_are_not_a_table(files: Files, content: str) -> None:
    assert "its name does not state its format" in files.error(content, "notes.txt")


def test_the_advice_for_a_table_without_a_header_names_delimiter_and_columns(files: Files) -> None:
    rows = [
        f"Sales of unit {n} rose to EUR {n} mn , from last year .@{('neutral', 'positive')[n % 2]}" for n in range(60)
    ]
    path = files.write("Sentences_AllAgree.txt", ("\n".join(rows) + "\n").encode("latin-1"))
    message = files.error(path)
    assert message.endswith(
        'If its lines are rows of a table without a header: data.delimiter: "@" and data.columns: [text, label]'
    )
    assert files.load(path, delimiter="@", columns=["text", "label"]).classes == ("neutral", "positive")


def test_texts_to_predict_in_such_a_table_are_those_of_its_column(files: Files) -> None:
    assert data.read_texts(files.write("new.txt", csv_text(4)))[0][0] == "film number 0 was watched"
    assert data.read_texts(files.write("prose.txt", PROSE))[0] == PROSE.splitlines()
    spec = recipe.Data.model_validate({"source": "x", "format": "label_text"})
    assert data.read_texts(Path(files.folder / "new.txt"), spec=spec)[0][0] == "film number 0 was watched"


def test_a_large_text_without_a_table_is_refused_by_its_first_lines(files: Files) -> None:
    with pytest.raises(DataError, match="does not state its format"):
        files.load("A line of prose, with a comma or, here, two.\n" * 100_000, "book.txt")


def test_line_breaks_in_the_header_do_not_depend_on_the_line_ends_of_the_file(files: Files) -> None:
    for end in ("\n", "\r\n", "\r"):
        content = f'"the{end}text",label{end}' + "".join(f"film {row},{'xy'[row % 2]}{end}" for row in range(20))
        dataset = files.load(content, text="the\ntext", label="label")
        assert dataset.summary["columns"]["text"] == {"name": "the\ntext", "how": "declared"}
