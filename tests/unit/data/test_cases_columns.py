"""Data cases 19 to 36: columns, delimiters, quotes, and very long fields."""

from collections.abc import Iterator
from typing import Any

import pytest
from labelled_files import Files, csv_rows, csv_text, labels, note, texts

from finetooth import recipe
from finetooth.data import readers, text_file
from finetooth.data.parts import Part

CURE = "To skip such rows, count them and write them to a file: data.on_bad_row: skip"
WIDTH = (
    "Every row needs as many fields as the header: put texts that contain the delimiter in quotes, or name the "
    "delimiter (data.delimiter)."
)
QUOTES = (
    "A field that begins with a quote mark must end with one; double the quote marks inside it. "
    "If quote marks are plain text in this file: data.quoting: false"
)


def test_case_19_missing_text_column(files: Files) -> None:
    assert files.error(csv_text(), text="txt") == (
        "reviews.csv: there is no column 'txt' (data.text). Did you mean 'text'? Its columns: 'text' and 'label'. "
        "If it has no header: data.columns: [text, label]"
    )


def test_case_20_missing_label_column(files: Files) -> None:
    assert files.error(csv_text(), label="lable").startswith(
        "reviews.csv: there is no column 'lable' (data.label). Did you mean 'label'?"
    )
    content = "text\n" + "".join(f"a different film {row}\n" for row in range(20))
    message = "reviews.csv: no column looks like a label. Name it: data.label: COLUMN (one of text)"
    assert files.error(content) == message


def test_case_21_duplicate_column_names(files: Files) -> None:
    assert files.error("text,label,text\na,b,c\n") == (
        "reviews.csv row 1: two columns have the name 'text' (columns 1 and 3). Rename one of them; "
        "if the file has no header, name its columns: data.columns: [text, label]"
    )


def test_case_22_column_case_and_space(files: Files) -> None:
    dataset = files.load(csv_text().replace("text,label", "Text, Label "), text="text", label="label")
    assert note(dataset, "'Label'") == "reviews.csv: column 'Label' is used for data.label: 'label'."
    assert dataset.summary["columns"]["label"] == {"name": "Label", "how": "declared"}


def test_case_23_unnamed_index_column(files: Files) -> None:
    rows = [f"{number},{row}" for number, row in enumerate(csv_rows())]
    dataset = files.load("\n".join([",text,label", *rows]))
    assert dataset.summary["columns"]["text"]["name"] == "text"


def test_case_24_extra_columns(files: Files) -> None:
    rows = [f"{row},extra,{number}" for number, row in enumerate(csv_rows())]
    assert files.load("\n".join(["text,label,a,b", *rows])).classes == ("bad", "good")


def test_case_25_a_million_columns(files: Files) -> None:
    content = ",".join(f"c{number}" for number in range(1_000_000)) + "\n"
    assert files.error(content) == (
        "reviews.csv row 1: 1,000,000 columns, more than the limit of 10,000. Is ',' the delimiter? If not: "
        "data.delimiter"
    )


def test_case_26_ragged_short_rows(files: Files) -> None:
    content = csv_text() + "only a text\n" * 7
    expected = "".join(f"reviews.csv row {row}: 1 field where the header has 2\n" for row in range(22, 27))
    message = f"{expected}... and 2 more rows like these.\n{WIDTH}\n7 malformed rows in all. {CURE}"
    assert files.error(content) == message
    dataset = files.load(content, on_bad_row="skip")
    assert dataset.summary["rows"]["train"]["rejected"] == 7
    assert len((files.folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines()) == 7


def test_case_27_ragged_long_rows(files: Files) -> None:
    message = f"reviews.csv row 22: 3 fields where the header has 2\n{WIDTH}\n1 malformed row in all. {CURE}"
    assert files.error(csv_text() + "one, two,good\n") == message


def test_case_28_unclosed_quote(files: Files) -> None:
    content = csv_text(10) + '"never closed,good\n' + "\n".join(csv_rows(10, start=10)) + "\n"
    message = f"reviews.csv row 12: a quote mark opened in this row is not closed by the end of the file. {QUOTES}"
    assert files.error(content) == message
    # Skipping would lose all later rows as one: refused under both policies.
    assert files.error(content, on_bad_row="skip") == message


def test_case_29_quote_in_an_unquoted_field(files: Files) -> None:
    dataset = files.load(csv_text() + 'a 5" nail and a "word,good\n')
    assert texts(dataset)["reviews.csv:22"] == 'a 5" nail and a "word'
    tab = "".join(f'ham\t"open {row}\nspam\tplain "x" {row}\n' for row in range(20))
    dataset = files.load(tab, "sms.tsv", columns=["label", "text"], quoting=False)
    assert texts(dataset)["sms.tsv:1"] == '"open 0'


def test_case_29_text_after_a_closing_quote(files: Files) -> None:
    message = f"reviews.csv row 22: text follows a closing quote mark\n{QUOTES}\n1 malformed row in all. {CURE}"
    assert files.error(csv_text() + '"Fine" he said,good\n') == message


def test_case_29_two_stray_quotes_do_not_swallow_rows(files: Files) -> None:
    rows = [f"film {row}\tgood\nfilm {row} again\tbad" for row in range(10)]
    content = "\n".join(["text\tlabel", *rows, '"open\tgood', "between\tbad", 'close"\tbad', ""])
    message = (
        f"sms.tsv row 22: a quoted field runs over 3 lines and contains tabs\n{QUOTES}\n1 malformed row in all. {CURE}"
    )
    assert files.error(content, "sms.tsv") == message


def test_case_30_embedded_newline(files: Files) -> None:
    dataset = files.load(csv_text(2) + '"two\nlines",good\n' + "\n".join(csv_rows(10, start=2)), validation=2)
    # Rows are counted as a spreadsheet counts them: a row with two lines is one row.
    assert texts(dataset)["reviews.csv:4"] == "two\nlines"
    assert texts(dataset)["reviews.csv:5"] == "film number 2 was watched"
    expected = "reviews.csv: 1 row has line breaks inside quotes, the longest 2 lines (row 4)."
    assert note(dataset, "line breaks") == expected


@pytest.mark.parametrize(("delimiter", "width"), [(",", 2), (";", 2), (",", 3)])
def test_case_29_stray_quotes_do_not_swallow_rows_of_a_csv_file(files: Files, delimiter: str, width: int) -> None:
    lines = [delimiter.join([f"word {row}", "ab"[row % 2], "x"][:width]) for row in range(40)]
    lines[10], lines[30] = f'"{lines[10]}', lines[30].replace("word 30", 'word 30"')
    header = delimiter.join(["text", "label", "other"][:width])
    message = files.error("\n".join([header, *lines]) + "\n")
    assert message.startswith("reviews.csv row 12: a quoted field runs over 21 lines, each like a row\n" + QUOTES)
    assert len(files.load("\n".join([header, *lines]) + "\n", quoting=False).train.ids) > 20


def test_case_29_prose_of_many_lines_in_quotes_is_one_row(files: Files) -> None:
    poem = "\n".join(f"line {number}{', and more' * (number % 3)}" for number in range(30))
    rows = [f'"{poem} {row}",{"ab"[row % 2]}' for row in range(20)]
    assert files.load("\n".join(["text,label", *rows]) + "\n").summary["rows"]["train"]["rejected"] == 0


def test_case_31_escaped_quotes(files: Files) -> None:
    dataset = files.load(csv_text() + '"a ""fine"" film",good\n')
    assert texts(dataset)["reviews.csv:22"] == 'a "fine" film'
    dataset = files.load(csv_text() + '"a \\"fine\\" film, yes",good\n')
    assert texts(dataset)["reviews.csv:22"] == 'a "fine" film, yes'
    assert note(dataset, "backslash") == "reviews.csv: quote marks are escaped with backslashes and are read so."


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_case_32_other_delimiters(files: Files, delimiter: str) -> None:
    dataset = files.load(csv_text().replace(",", delimiter).replace("film number", "film, number"))
    assert texts(dataset)["reviews.csv:2"] == "film, number 0 was watched"
    assert dataset.summary["files"][0]["delimiter"] == {"\t": "tab"}.get(delimiter, delimiter)


def test_case_33_decimal_comma(files: Files) -> None:
    rows = [f"{row.replace(',', ';')};{number},5" for number, row in enumerate(csv_rows())]
    dataset = files.load("\n".join(["text;label;score", *rows]))
    assert dataset.summary["files"][0]["delimiter"] == ";"


def test_case_34_field_beyond_the_csv_limit(files: Files) -> None:
    dataset = files.load(csv_text() + "a" * 200_000 + ",good\n")
    assert len(texts(dataset)["reviews.csv:22"]) == 200_000


def test_case_35_one_line_of_a_gigabyte(files: Files) -> None:
    path = files.write("reviews.csv", csv_text())
    with path.open("ab") as stream:
        for _ in range(33):
            stream.write(b"a" * 2**20)
        stream.truncate(2**30)  # the rest is a hole: the reader must give up before it
    message = files.error(path)
    assert message == (
        f"reviews.csv line 22: longer than {text_file.MAX_ROW_CHARACTERS:,} characters. "
        "Is this a text file with one row per line? Split the text, or remove the row."
    )


def test_case_36_text_of_10_megabytes(files: Files) -> None:
    dataset = files.load(csv_text() + "word " * 2_000_000 + ",good\n")
    assert len(texts(dataset)["reviews.csv:22"]) == 10_000_000


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("headed", [True, False])
def test_a_first_row_longer_than_the_sample_is_read_with_few_lines_drawn(
    files: Files, monkeypatch: pytest.MonkeyPatch, headed: bool, end: str
) -> None:
    drawn = []

    def counted(*arguments: Any, read_lines: Any = text_file.Opened.lines, **more: Any) -> Iterator[str]:
        for line in read_lines(*arguments, **more):
            drawn.append(line)
            yield line

    rows = ["x" * 300_000 + ",good", *csv_rows(4_000)]
    path = files.write("a.csv", end.join([*(["text,label"] if headed else []), *rows, ""]))
    spec = recipe.Data.model_validate({"source": "x", "columns": None if headed else ["text", "label"]})
    with monkeypatch.context() as patch:
        patch.setattr(text_file.Opened, "lines", counted)
        sample = readers.read_sample(Part(path=path, name="a.csv", format="csv"), spec=spec)
    assert (sample.delimiter, sample.columns, len(drawn) <= 3) == (",", ("text", "label"), True)
    dataset = files.load(path, columns=spec.columns)
    assert len(texts(dataset)) == 4_001
    assert texts(dataset)[f"a.csv:{1 + headed}"] == "x" * 300_000


def test_a_malformed_first_row_of_a_file_without_a_header_is_reported(files: Files) -> None:
    content = '"a" film,good\n' + "\n".join(csv_rows()) + "\n"
    assert files.error(content, columns=["text", "label"]).startswith(
        "reviews.csv row 1: text follows a closing quote mark\n"
    )


def test_an_unclosed_quote_in_the_first_row_is_reported(files: Files) -> None:
    assert files.error('"text,label\na film,good\n') == (
        "reviews.csv: a quote mark opened in the first row is not closed in the first 24 characters. " + QUOTES
    )


def test_a_first_row_of_data_is_not_lost_as_a_header(files: Files) -> None:
    content = "\n".join(csv_rows())
    assert files.error(content) == (
        "reviews.csv: its first row looks like data, not like a header ('bad'). "
        "Name the columns in their order: data.columns: [text, label]"
    )
    dataset = files.load(content, columns=["text", "label"])
    assert labels(dataset)["reviews.csv:1"] == "bad"
    headed = files.load(csv_text(), columns=["text", "label"])
    assert "reviews.csv:1" not in labels(headed)
    assert len(labels(headed)) == 20


def test_a_header_of_two_lines(files: Files) -> None:
    rows = "".join(f"a long and winding film {n},{'x' if n % 2 else 'y'}\n" for n in range(400))
    dataset = files.load('"The\nopinion",Grade\n' + rows)
    assert dataset.summary["columns"]["text"] == {"name": "The\nopinion", "how": "longest free text"}
    assert sorted(set(labels(dataset).values())) == ["x", "y"]
    assert len(labels(dataset)) == 400


def test_columns_are_detected_by_their_values(files: Files) -> None:
    rows = "".join(f"{n},what a long and winding film {n},{'x' if n % 2 else 'y'}\n" for n in range(20))
    dataset = files.load("key,opinion,verdict\n" + rows)
    assert dataset.summary["columns"] == {
        "text": {"name": "opinion", "how": "longest free text"},
        "label": {"name": "verdict", "how": "fewest distinct values"},
    }


def test_a_column_has_one_role(files: Files) -> None:
    assert files.error(csv_text(), text="text", label="text") == (
        "reviews.csv: data.text, data.text_pair and data.label must be different columns, not text, text. Name another "
        "column for one of them."
    )
