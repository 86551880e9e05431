"""Columns that are not used are listed with the reason, and a note names every unused column of texts."""

import pytest
from labelled_files import Files, note

from finetooth.data.detection import group_column, profiles_of

SUBJECTS = ("the board of the company", "an analyst from the bank", "a player of the team", "the minister of trade")


def sentence(number: int, *, start: str = "") -> str:
    return f"{start}{SUBJECTS[number % 4]} said on day {number} that all of it was fine"


def mrpc(rows: int = 40) -> str:
    """The shape of the Microsoft Research Paraphrase Corpus: a label, two ids and two sentences."""
    header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"
    lines = [
        f"{row % 3 % 2}\t{700_000 + row}\t{900_000 + row}\t{sentence(row)}\t{sentence(row, start='Yesterday, ')}"
        for row in range(rows)
    ]
    return "\n".join([header, *lines]) + "\n"


def test_a_second_text_of_any_name_is_noted_with_how_to_use_it(files: Files) -> None:
    dataset = files.load(mrpc(), "msr_paraphrase_train.tsv")
    assert note(dataset, "#2 String") == (
        "msr_paraphrase_train.tsv: the text is column '#1 String' (longest free text); '#2 String' has texts too, but "
        'is not used. To use "#2 String" instead: data.text: "#2 String"; '
        'to give the model both: data.text_pair: "#2 String"'
    )
    assert dataset.summary["left_out"] == {
        "#1 ID": "nearly all values different, as in a column of ids",
        "#2 ID": "nearly all values different, as in a column of ids",
        "#2 String": 'free text, 16 words on average; to use it: data.text_pair: "#2 String"',
    }
    both = files.load(mrpc(), "msr_paraphrase_train.tsv", text_pair="#2 String")
    assert both.summary["columns"]["text"]["name"] == "#1 String"
    assert not [line for line in both.summary["notes"] if "#2 String" in line]


def test_a_column_of_titles_beside_the_texts_is_noted(files: Files) -> None:
    rows = "".join(f"{row % 4 + 1},{sentence(row, start='Report: ')},{sentence(row)} and so on\n" for row in range(40))
    dataset = files.load("class,title,description\n" + rows, "ag_news.csv")
    assert note(dataset, "'title'").startswith(
        "ag_news.csv: the text is column 'description' (known name); 'title' has texts too, but is not used. "
    )


@pytest.mark.parametrize(
    "pair", [("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("text_a", "text_b")]
)
def test_pairs_by_name_are_used_and_noted(files: Files, pair: tuple[str, str]) -> None:
    content = f"{pair[0]},{pair[1]},label\n" + "".join(f"one {n},two {n},{n % 2}\n" for n in range(20))
    dataset = files.load(content)
    assert note(dataset, "pair of texts") == (
        f"reviews.csv: columns '{pair[0]}' and '{pair[1]}' are used as a pair of texts, by their names. "
        f"To use only one: data.text: {pair[0]}"
    )
    assert dataset.train.pairs is not None and all(text.startswith("two") for text in dataset.train.pairs)
    assert files.load(content, text=pair[0]).train.pairs is None


def test_a_guessed_label_is_noted_with_the_other_candidates(files: Files) -> None:
    rows = "".join(f"{'xyz'[n % 3]},what a long and winding film {n},{n % 2}\n" for n in range(40))
    dataset = files.load("studio,opinion,verdict\n" + rows)
    assert note(dataset, "'verdict'") == (
        "reviews.csv: column 'verdict' is used as the label (fewest distinct values, 2); 'studio' could be the "
        "label too. To use another: data.label: COLUMN"
    )
    assert dataset.summary["left_out"]["studio"] == "3 values that repeat; as the label: data.label: studio"


def test_advice_for_a_file_without_a_header_has_a_name_for_each_column(files: Files) -> None:
    rows = "".join(f'"{n % 4 + 1}","Title {n} of it","{sentence(n)}"\n' for n in range(40))
    message = files.error(rows, "train.csv")
    assert message.endswith("Name the columns in their order: data.columns: [label, column2, text]")
    assert files.load(rows, "train.csv", columns=["label", "column2", "text"]).classes == ("1", "2", "3", "4")
    assert files.error("text,label,author\na film,good,me\n", text="txt").endswith(
        "If it has no header: data.columns: [text, label, column3]"
    )


def drug_reviews(rows: int = 120) -> str:
    """The shape of the UCI drug reviews: an index without a name, many values that repeat, dates, counts."""
    months = ("January", "May", "September")
    lines = [
        f'{9_000 + row},film {row % 23},cause {row % 31},"{sentence(row)}",{row % 3 + 1},'
        f'"{months[row % 3]} {row % 28 + 1}, {2000 + row // 9}",{row % 15}'
        for row in range(rows)
    ]
    return "\n".join([",movieName,condition,review,rating,date,usefulCount", *lines]) + "\n"


def test_only_useful_columns_are_suggested(files: Files) -> None:
    dataset = files.load(drug_reviews())
    assert dataset.summary["left_out"] == {
        "(unnamed, column 1)": "nearly all values different, as in a column of ids",
        "movieName": "23 values that repeat; to keep the rows of each value in one split: data.group: movieName",
        "condition": "31 values that repeat",
        "date": "short values, nearly all different",
        "usefulCount": "15 values that repeat",
    }
    assert not [line for line in dataset.summary["notes"] if "has texts too" in line]
    assert note(dataset, "data.group") == (
        "reviews.csv: rows with the same 'movieName' may be in both the training and the test split, and make the "
        "test easier than new data is. To keep them in one split: data.group: movieName"
    )


def test_a_group_column_is_noted_only_if_test_rows_are_carved(files: Files) -> None:
    test = drug_reviews().replace("said", "wrote")
    dataset = files.splits(train=drug_reviews(), test=test)
    assert dataset.summary["left_out"]["movieName"] == "23 values that repeat"
    assert not [line for line in dataset.summary["notes"] if "data.group" in line]
    grouped = files.load(drug_reviews(), group="movieName")
    assert "movieName" not in grouped.summary["left_out"]
    assert not [line for line in grouped.summary["notes"] if "data.group" in line]


@pytest.mark.parametrize(
    ("value", "figure"),
    [
        ("May 30, 2011", True), ("2011-05-30T10:00:00Z", True), ("1,234.5", True), ("-3e5", True), (7, True),
        ("Sat 30 May 2011, 10:15 pm", True), ("May I ask you", False), ("at 10 in May", False), (True, False),
        ("7 films", False), ("", False), ("1" * 50, False),
    ],
)  # fmt: skip
def test_numbers_dates_and_times_are_not_words(value: object, figure: bool) -> None:
    assert profiles_of(("x",), [(value,)] * 3)["x"].are_figures is figure


@pytest.mark.parametrize(
    ("name", "distinct", "groups"),
    [
        ("speaker", 20, True), ("user_id", 20, True), ("movieName", 20, True), ("speaker and debate", 20, False),
        ("speaker", 5, False), ("speaker", 118, False), ("title", 20, False),
    ],
)  # fmt: skip
def test_a_column_groups_rows_by_its_name_and_its_repeated_values(name: str, distinct: int, groups: bool) -> None:
    rows = [(f"S. {row % distinct}", sentence(row)) for row in range(120)]
    assert group_column(profiles_of((name,), [row[:1] for row in rows])) == (name if groups else None)


SHORT = "id,title,summary,user,score\n" + "".join(
    f"{row},Great {('book', 'film')[row % 2]}{row},{sentence(row)},u{row % 7},{row % 2}\n" for row in range(40)
)


def test_free_text_goes_before_a_known_name_with_short_values(files: Files) -> None:
    dataset = files.load(SHORT, label="score")
    assert dataset.summary["columns"]["text"] == {"name": "summary", "how": "longest free text"}
    assert files.load(SHORT, label="score", text="title").summary["columns"]["text"]["name"] == "title"


def test_of_known_names_the_first_with_free_text_is_the_text(files: Files) -> None:
    rows = "".join(f"Fine {row},{sentence(row)},{sentence(row)} and so on,{row % 2}\n" for row in range(40))
    dataset = files.load("text,body,summary,label\n" + rows)
    assert dataset.summary["columns"]["text"] == {"name": "body", "how": "known name"}


@pytest.mark.parametrize("other", ["First Last {row}", "word{row}", "the same few words again"])
def test_a_known_name_with_short_values_is_the_text_if_there_is_no_other(files: Files, other: str) -> None:
    rows = "".join(f"Fine {row},{other.format(row=row)},{row % 2}\n" for row in range(40))
    dataset = files.load("text,writer,label\n" + rows)
    assert dataset.summary["columns"]["text"] == {"name": "text", "how": "known name"}


def test_repeated_texts_with_a_known_name_go_before_shorter_remarks(files: Files) -> None:
    rows = "".join(f"{sentence(row // 4)} for {row // 4} days,the mark {row} it gets,{row % 2}\n" for row in range(40))
    dataset = files.load("text,rationale,label\n" + rows)
    assert dataset.summary["columns"]["text"] == {"name": "text", "how": "known name"}
