"""Data cases 49 to 65: values of labels, and sets of classes."""

import json

import pytest
from labelled_files import LABEL_SOURCE, Files, before_label_source, csv_text, labels, note

from finetooth import preflight

CURE = "To skip such rows, count them and write them to a file: data.on_bad_row: skip"
ADVICE = "Give the row a label, or remove it. For a class called NA or None, write that word."


def jsonl(*values: object, times: int = 12) -> str:
    """JSON lines with these labels in turn, every text different."""
    rows = [{"text": f"film {row}", "label": values[row % len(values)]} for row in range(times * len(values))]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        pytest.param([3, 1, 12], ("1", "3", "12"), id="49 integers in order of value"),
        pytest.param([1.0, 0, 1, 0.0], ("0", "1"), id="50 floats that are whole"),
        pytest.param(["1.0", "0", "1", "0.0"], ("0", "1"), id="50 the same as words"),
        pytest.param([True, False], ("false", "true"), id="51 booleans"),
        pytest.param(["yes", "True", "no"], ("True", "no", "yes"), id="51 words"),
        pytest.param(["NA", "None", "null", "nan"], ("NA", "None", "nan", "null"), id="52 NA is a label"),
        pytest.param(["👍", "👎 nein"], ("👍", "👎 nein"), id="55 emoji"),
        pytest.param(["x" * 300, "y"], ("x" * 300, "y"), id="56 long"),
        pytest.param([2**63, -5], ("-5", str(2**63)), id="57 large"),
        pytest.param([-0.0, 1], ("0", "1"), id="57 minus zero"),
    ],
)
def test_case_49_to_57_values_become_names(files: Files, values: list[object], classes: tuple[str, ...]) -> None:
    assert files.load(jsonl(*values), "a.jsonl").classes == classes


def test_case_52_na_in_csv(files: Files) -> None:
    dataset = files.load(csv_text().replace("good", "NA").replace("bad", "None"))
    assert dataset.classes == ("NA", "None")


def test_case_53_missing_label(files: Files) -> None:
    message = f"reviews.csv row 22: label is missing\n{ADVICE}{LABEL_SOURCE}\n1 malformed row in all. {CURE}"
    assert files.error(csv_text() + "a film,\n") == message
    assert files.error(jsonl("a", "b") + '{"text": "x"}\n', "a.jsonl") == (
        f"a.jsonl row 25: label is missing\n{ADVICE}{LABEL_SOURCE}\n1 malformed row in all. {CURE}"
    )


def test_case_54_spelling_variants(files: Files) -> None:
    dataset = files.load(jsonl(" Spam ", "spam", "ham"), "a.jsonl")
    assert dataset.classes == ("Spam", "ham", "spam")
    assert [finding.code for finding in preflight.inspect(dataset)][:1] == ["label_spelling"]


def test_case_57_infinite_label(files: Files) -> None:
    content = jsonl("a", "b") + '{"text": "x", "label": 1e400}\n'
    assert files.error(content, "a.jsonl").startswith("a.jsonl row 25: label is inf, which is not a finite number\n")


def test_case_58_several_labels(files: Files) -> None:
    message = files.error(jsonl("a", "b") + '{"text": "x", "label": ["a", "b"]}\n', "a.jsonl")
    assert message.startswith(
        "a.jsonl row 25: label is a list (['a', 'b']); one word, number or true/false is expected\n"
        "Give each text one label: several labels for one text are not supported."
    )


@pytest.mark.parametrize(
    ("values", "named"),
    [
        pytest.param(["a", "b", "a;b"], "a;b", id="a label of two others"),
        pytest.param(["2", "5", "2,5"], "2,5", id="numbers"),
        pytest.param(["a;b", "b;c", "a;c"], "a;b", id="combinations alone"),
        pytest.param(["[2]", "[2, 5]", "[5]"], "[2, 5]", id="lists written as text"),
        pytest.param(["a|b", "a", "b"], "a|b", id="divided by bars"),
    ],
)
def test_case_58_several_labels_in_one_value(files: Files, values: list[str], named: str) -> None:
    message = before_label_source(files.error(jsonl(*values), "a.jsonl"))
    assert message == (
        f"label {named!r} looks like several labels in one: several labels for one text are not supported. Keep one "
        "label for each text; or, if each such value is a class of its own, name all classes: data.labels: [...]"
    )
    assert len(files.load(jsonl(*values), "a.jsonl", labels=values).classes) == 3


def test_case_58_names_with_a_comma_are_names(files: Files) -> None:
    values = ["Business, finance", "Sports", "Arts, music", "(other)"]
    assert files.load(jsonl(*values), "a.jsonl").classes == tuple(sorted(values))


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([0.0, 2.6, 5.0, 3.8], ["0", "2.6", "5", "3.8"]),
        (["5.000", "4.750", "1e-1", ".5"], ["5.000", "4.750", "1e-1", ".5"]),
    ],
)
def test_case_58_scores_are_not_classes(files: Files, values: list[object], names: list[str]) -> None:
    content = jsonl(*values).replace('"label"', '"score"').replace("film", "a film of many words")
    message = files.error(content, "a.jsonl")
    assert "as scores are: predicting a number (regression) is not supported yet. Name a column of classes;" in message
    assert f"data.labels: [{', '.join(sorted(names, key=float))}]" in message
    assert message.endswith(
        "\nThe labels are read from column 'score' (fewest distinct values). To read them from another: "
        "data.label: COLUMN"
    )
    assert len(files.load(content, "a.jsonl", labels=names).classes) == 4


def test_case_59_one_class_only(files: Files) -> None:
    assert files.error(csv_text().replace("bad", "good")).startswith("the training rows hold only the label 'good';")


def test_case_60_class_with_one_row(files: Files) -> None:
    dataset = files.load(csv_text() + "a rare film,rare\n")
    assert dataset.summary["counts"]["train"]["rare"] == 1
    codes = [finding.code for finding in preflight.inspect(dataset)]
    assert (codes.count("few_rows"), codes.count("class_absent")) == (1, 2)


def test_case_61_ten_thousand_classes(files: Files) -> None:
    content = "text,label\n" + "".join(f"film {row},c{row % 10_000}\n" for row in range(30_000))
    dataset = files.load(content)
    assert len(dataset.classes) == 10_000
    assert min(dataset.summary["counts"]["train"].values()) >= 1


def test_case_62_imbalance(files: Files) -> None:
    rows = [f"film {row},{'rare' if row % 10_000 == 5 else 'usual'}\n" for row in range(30_000)]
    assert before_label_source(files.error("text,label\n" + "".join(rows))) == (
        "all 2,400 rows of the validation split have the label 'usual'; one class is not enough to choose a model. "
        "Raise data.validation, or name a file of validation rows in data.source."
    )
    dataset = files.load("text,label\n" + "".join([*rows[:3000], *[f"film {row},rare\n" for row in range(9)]]))
    assert "imbalance" in [finding.code for finding in preflight.inspect(dataset)]


def test_case_63_label_unseen_in_train(files: Files) -> None:
    test = csv_text(6).replace("film", "show").replace("good", "goood")
    message = before_label_source(files.splits_error(train=csv_text(), test=test))
    rows = "".join(
        f"test.csv row {row}: label 'goood' occurs in no training row. Did you mean 'good'?\n" for row in (3, 5, 7)
    )
    cure = "The classes of the training rows are: bad and good. Correct the rows, or leave them out with data.keep."
    assert message == rows + cure


def test_case_64_class_absent_from_test(files: Files) -> None:
    test = "text,label\n" + "".join(f"show {row},good\n" for row in range(5))
    three = csv_text(60).replace("number 5", "number five").replace("five was watched,good", "five was watched,fine")
    dataset = files.splits(train=three + "a,fine\nb,fine\n", test=csv_text(6).replace("film", "show"))
    assert "class_absent" in [finding.code for finding in preflight.inspect(dataset)]
    assert before_label_source(files.splits_error(train=csv_text(), test=test)) == (
        "all 5 rows of the test split have the label 'good'; one class is not enough to measure a model. "
        "Name more test rows in data.source."
    )


def test_case_65_order_of_labels_differs(files: Files) -> None:
    rows = csv_text(6).replace("film", "show").splitlines()
    dataset = files.splits(train=csv_text(), test="\n".join([rows[0], *reversed(rows[1:])]))
    names = labels(dataset)
    assert names["test.csv:2"] == "good"
    assert names["train.csv:2"] == "bad"


def test_declared_labels_fix_order_and_refuse_others(files: Files) -> None:
    assert files.load(csv_text(), labels=["good", "bad"]).classes == ("good", "bad")
    assert before_label_source(files.error(csv_text() + "a film,godo\n", labels=["good", "bad"])) == (
        "reviews.csv row 22: label 'godo' is not one of the labels (good and bad). Did you mean 'good'?\n"
        "data.labels must name every class. Correct the rows, or leave them out with data.keep."
    )


def test_numbers_are_read_as_the_declared_names(files: Files) -> None:
    dataset = files.load(jsonl(0, 1), "a.jsonl", labels=["negative", "positive"])
    assert labels(dataset)["a.jsonl:2"] == "positive"
    assert note(dataset, "numbers") == (
        "labels are numbers and were read as declared in data.labels: 0 = negative, 1 = positive."
    )


@pytest.mark.parametrize("values", [[1, 2, 3], ["1", "2", "3"], [1.0, 2.0, 3.0]])
def test_numbers_that_count_from_one_are_read_as_the_declared_names(files: Files, values: list[object]) -> None:
    dataset = files.load(jsonl(*values), "a.jsonl", labels=["World", "Sports", "Business"])
    assert [labels(dataset)[f"a.jsonl:{row}"] for row in (1, 2, 3)] == ["World", "Sports", "Business"]
    assert dataset.summary["first_label_number"] == 1
    assert note(dataset, "numbers") == (
        "labels are numbers and were read as declared in data.labels: 1 = World, 2 = Sports, 3 = Business."
    )
    assert files.load(jsonl(*values), "a.jsonl").summary["first_label_number"] is None


def test_numbers_that_may_count_from_zero_or_one_are_refused(files: Files) -> None:
    assert before_label_source(files.error(jsonl(1, 2), "a.jsonl", labels=["a", "b", "c"])) == (
        "the labels are the numbers 1, 2, and data.labels names 3 classes: neither 0 nor 3 is among them, so whether "
        "they count from 0 or from 1 is not known. Write the names into the column of the labels."
    )
    assert "label '0' is not one of the labels (a and b)" in files.error(jsonl(0, 1, 2), "a.jsonl", labels=["a", "b"])
