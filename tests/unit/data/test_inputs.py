"""Files given to a finished run: rows to evaluate and texts to predict."""

import gzip
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled_files import Files, csv_text

from finetooth import data, recipe
from finetooth.errors import DataError


class Told:
    """A Progress that keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, title: str, *, total: int | None = None, unit: str = "") -> Any:
        return nullcontext(self)

    def advance(self, count: int = 1, *, note: str = "") -> None:
        assert count >= 0

    def say(self, line: str) -> None:
        self.lines.append(line)


def data_of_run(**values: Any) -> recipe.Data:
    return recipe.Data.model_validate({"source": "x", **values})


def predicted(path: Path, **values: Any) -> tuple[list[str], list[str]]:
    """The texts read and what was told of them."""
    told = Told()
    return data.read_texts(path, spec=data_of_run(**values), progress=told)[0], told.lines


def evaluated(paths: list[Path], classes: list[str], **values: Any) -> tuple[data.Examples, list[str]]:
    told = Told()
    return data.read_labelled(data_of_run(**values), paths, classes=classes, progress=told), told.lines


def test_texts_to_predict(files: Files) -> None:
    path = files.write("new.csv", "text\na film\n\nanother\n")
    assert data.read_texts(path) == (["a film", "another"], None)
    lines = files.write("new.txt", "a film\n\nanother, longer\n")
    assert data.read_texts(lines) == (["a film", "", "another, longer"], None)
    headless = files.write("new.tsv", "a film\nanother\n")
    spec = recipe.Data.model_validate({"source": "x", "columns": ["label", "text"], "format": "tsv", "quoting": False})
    assert data.read_texts(headless, spec=spec) == (["a film", "another"], None)
    pairs = files.write("new.jsonl", '{"a": "one", "b": "two"}\n')
    spec = recipe.Data.model_validate({"source": "x", "text": "a", "text_pair": "b", "label": "c"})
    assert data.read_texts(pairs, spec=spec) == (["one"], ["two"])


def test_labelled_rows_are_read_by_the_known_ending_of_their_file(files: Files) -> None:
    spec = recipe.Data.model_validate({"source": "x", "format": "label_text"})
    path = files.write("new.csv", "text,label\na film,good\nanother,bad\n")
    assert data.read_labelled(spec, [path], classes=["bad", "good"]).texts == ("a film", "another")
    lines = files.write("new.test", "good a film\nbad another\n")
    assert data.read_labelled(spec, [lines], classes=["bad", "good"]).texts == ("a film", "another")


def test_labelled_rows_for_known_classes(files: Files) -> None:
    path = files.write("new.csv", "text,label\na film,good\nanother,good\n")
    spec = recipe.Data.model_validate({"source": "x"})
    examples = data.read_labelled(spec, [path], classes=["bad", "good"])
    assert examples.ids == ("new.csv:2", "new.csv:3")
    assert np.array_equal(examples.labels, [1, 1])
    with pytest.raises(DataError) as caught:
        data.read_labelled(spec, [path], classes=["bad", "godd"])
    assert str(caught.value).startswith(
        "new.csv row 2: label 'good' is not a known label (bad, godd). Did you mean 'godd'?\n"
    )


def test_numbers_stand_for_classes_only_where_the_recipe_had_named_their_order(files: Files) -> None:
    path = files.write("new.csv", "text,label\na film,1\nanother,0\n")
    with pytest.raises(DataError) as caught:
        evaluated([path], ["fresh", "rotten"])
    assert str(caught.value) == (
        "new.csv: its labels are the numbers 0 and 1, but the classes have names: fresh and rotten. Which number is "
        "which is not said: data.labels of the run's recipe names no order. Write the names into the column of the "
        "labels."
    )
    examples, told = evaluated([path], ["rotten", "fresh"], labels=["rotten", "fresh"])
    assert examples.labels.tolist() == [1, 0]
    assert told == [
        "labels are numbers and were read as declared in data.labels: 0 = rotten, 1 = fresh.",
        "new.csv: 2 of 2 rows are used.",
    ]


def test_numbered_classes_written_as_floats_are_met_by_name(files: Files) -> None:
    path = files.write("new.csv", "text,label\na film,1.0\nanother,4.0\n")
    examples, told = evaluated([path], ["1", "2", "3", "4", "5"])
    assert examples.labels.tolist() == [0, 3]
    assert told == ["new.csv: 2 of 2 rows are used.", "classes without a row: 2, 3 and 5."]


def test_rows_outside_keep_are_told(files: Files) -> None:
    path = files.write("new.csv", "text,label,kind\na film,good,x\nanother,bad,y\nlast,bad,x\n")
    _, told = evaluated([path], ["bad", "good"], keep={"kind": ["x"]})
    assert told == ["new.csv: 2 of 3 rows are used. 1 are outside data.keep of the run's recipe."]


def test_a_folder_is_read_by_what_it_holds_not_by_the_format_of_the_run(files: Files) -> None:
    files.write("set/more.csv", csv_text(4))
    examples, _ = evaluated([files.folder / "set"], ["bad", "good"], format="label_text")
    assert len(examples) == 4


@pytest.mark.parametrize(
    ("content", "encoding", "told"),
    [
        (
            "text,label\ncafé,good\n".encode(),
            "latin-1",
            ["new.csv: utf-8, not latin-1 as the data of the run; read so."],
        ),
        (
            "\ufefftext,label\ncafé,good\n".encode(),
            "cp1252",
            ["new.csv: utf-8, not cp1252 as the data of the run; read so."],
        ),
        (
            "text,label\ncafé,good\n".encode("utf-16"),
            "latin-1",
            ["new.csv: utf-16, not latin-1 as the data of the run; read so."],
        ),
        ("text,label\ncafé,good\n".encode("latin-1"), "latin-1", []),
        ("text,label\ncafé,good\n".encode("utf-16-le"), "utf-16-le", []),
        ("text,label\ncafé,good\n".encode(), "utf8", []),
    ],
    ids=["utf-8", "mark", "utf-16 mark", "as declared", "without mark as declared", "declared in another spelling"],
)
def test_the_encoding_of_the_run_gives_way_to_what_the_bytes_tell(
    files: Files, content: bytes, encoding: str, told: list[str]
) -> None:
    path = files.write("new.csv", content)
    assert predicted(path, encoding=encoding) == (["café"], told)
    examples, lines = evaluated([path], ["bad", "good"], encoding=encoding)
    assert (examples.texts, lines[: len(told)]) == (("café",), told)


def test_ascii_is_read_although_the_run_was_of_utf_16(files: Files) -> None:
    told = ["new.csv: utf-8, not utf-16 as the data of the run; read so."]
    assert predicted(files.write("new.csv", "text\na film\n"), encoding="utf-16") == (["a film"], told)


def test_a_compressed_file_tells_its_encoding_too(files: Files) -> None:
    path = files.write("new.csv.gz", gzip.compress("text\ncafé\n".encode()))
    assert predicted(path, encoding="latin-1")[0] == ["café"]


def test_two_files_in_two_encodings_are_not_scored_half_wrong(files: Files) -> None:
    paths = [files.write("a.csv", "text,label\ncafé,good\n"), files.write("b.csv", b"text,label\ncaf\xe9,good\n")]
    with pytest.raises(DataError) as caught:
        evaluated(paths, ["bad", "good"], encoding="latin-1")
    assert str(caught.value) == "a.csv is utf-8 and b.csv latin-1. Convert one of them with iconv."


def test_the_delimiter_of_the_run_gives_way_to_that_of_the_header(files: Files) -> None:
    path = files.write("new.csv", "text,label\nshort; good,good\n")
    told = ["new.csv: divided by ',', not by ';' as the data of the run; read so."]
    assert predicted(path, delimiter=";") == (["short; good"], told)
    assert evaluated([path], ["bad", "good"], delimiter=";")[0].texts == ("short; good",)
    single = files.write("one.csv", "text\nshort, good\n")
    assert predicted(single, delimiter=";") == (["short, good"], [])


@pytest.mark.parametrize(
    ("content", "spec", "texts"),
    [
        ("one film, good\nanother\n", {"format": "csv"}, ["one film, good", "another"]),
        ("one film, good\nanother\n", {"format": "csv", "columns": ["text", "label"]}, ["one film, good", "another"]),
        ("one film\nanother\n", {"format": "jsonl", "text": "a"}, ["one film", "another"]),
        ("good a film\nbad one\n", {"format": "label_text"}, ["good a film", "bad one"]),
        ("text,label\na film,good\n", {"format": "csv"}, ["a film"]),
        ("good\ta film\nbad\tone\n", {"format": "tsv", "columns": ["label", "text"]}, ["a film", "one"]),
        ('{"a": "a film"}\n', {"format": "jsonl", "text": "a"}, ["a film"]),
    ],
)
def test_a_txt_file_is_one_text_a_line_unless_it_has_the_declared_shape(
    files: Files, content: str, spec: dict[str, Any], texts: list[str]
) -> None:
    assert predicted(files.write("new.txt", content), **spec) == (texts, [])


def test_blank_texts_to_predict_are_kept_and_told(files: Files) -> None:
    told = ["texts without one visible character, kept: new.txt:2, new.txt:4."]
    assert predicted(files.write("new.txt", "a\n\nb\n \n")) == (["a", "", "b", " "], told)


FOUND = {"text": "headline", "label": "category"}


def read_as_found(path: Path, **values: Any) -> tuple[list[str], list[str]]:
    """The texts of a file given to a run whose recipe names no column, and in whose data they were found."""
    told = Told()
    return data.read_texts(path, spec=data_of_run(**values), found=FOUND, progress=told)[0], told.lines


def test_the_column_that_the_run_had_found_goes_before_a_usual_name(files: Files) -> None:
    path = files.write("new.csv", "Headline,description,category\nred wins,it was said,good\n")
    assert read_as_found(path) == (["red wins"], [])
    told = Told()
    examples = data.read_labelled(data_of_run(), [path], classes=["bad", "good"], found=FOUND, progress=told)
    assert examples.texts == ("red wins",)
    named = data.read_texts(path, spec=data_of_run(), found=FOUND, named={"text": "description"})
    assert named[0] == ["it was said"]


def test_where_it_is_not_there_a_usual_name_is_taken_aloud_and_no_other(files: Files) -> None:
    usual = files.write("usual.csv", "id,description\n1,it was said\n")
    assert read_as_found(usual) == (
        ["it was said"],
        ["usual.csv: column 'description' was taken for the text (known name)."],
    )
    for content in ("id,remark\n1,it was said\n", "I love it\nAwful\nFine\n"):
        other = files.write("other.csv", content)
        with pytest.raises(DataError, match="there is no column 'headline', where the run found its texts, nor one of"):
            read_as_found(other)
        with pytest.raises(DataError, match="there is no column 'headline', where the run found its texts, nor one of"):
            data.read_labelled(data_of_run(), [other], classes=["bad", "good"], found=FOUND)


def test_without_a_run_a_guessed_column_is_told_and_a_lone_one_refused(files: Files) -> None:
    two = files.write("two.csv", "id,remark\n1,it was said\n")
    assert predicted(two) == (["it was said"], ["two.csv: column 'remark' was taken for the text (longest free text)."])
    lone = files.write("lone.csv", "I love it\nAwful\nFine\n")
    with pytest.raises(DataError, match="its first row is 'I love it': is that the name of its column, or a text"):
        predicted(lone)
    assert data.read_texts(lone, named={"text": "I love it"})[0] == ["Awful", "Fine"]


@pytest.mark.parametrize("name", ["new", "new.txt", "new.dat", "new.csv"])
def test_a_table_of_the_declared_columns_is_one_under_any_ending(files: Files, name: str) -> None:
    labelled = files.write(name, "good\ta film\nbad\tone\n")
    assert predicted(labelled, columns=["label", "text"], delimiter="\t")[0] == ["a film", "one"]
    if name != "new.csv":
        bare = files.write(name, "a film, again\none\n")
        assert predicted(bare, columns=["label", "text"], delimiter="\t")[0] == ["a film, again", "one"]


def test_a_compressed_txt_file_of_a_run_of_labelled_lines_holds_one_text_a_line(files: Files) -> None:
    path = files.write("new.txt.gz", gzip.compress(b"What is an atom ?\n"))
    assert predicted(path, format="label_text")[0] == ["What is an atom ?"]


def test_lines_have_no_columns(files: Files) -> None:
    path = files.write("new.txt", "a film\n")
    with pytest.raises(DataError, match=r"new.txt: is read as one text a line, so it has no column 'summary'\."):
        data.read_texts(path, named={"text": "summary"})


@pytest.mark.parametrize(
    ("content", "columns", "texts"),
    [
        ("5,5,fine film,good\n4,4,bad one,bad\n", ["votes", "rating", "text", "label"], ["fine film", "bad one"]),
        ("5,5,fine film\n4,4,bad one\n", ["votes", "rating", "text", "label"], ["fine film", "bad one"]),
        ("fine film\nbad one\n", ["category", "headline"], ["fine film", "bad one"]),
        ("headline\nfine film\n", ["category", "headline"], ["fine film"]),
    ],
    ids=["a value twice in the first row", "the same without a label", "the label was found", "a header after all"],
)
def test_declared_columns_fit_files_with_and_without_the_label(
    files: Files, content: str, columns: list[str], texts: list[str]
) -> None:
    found = FOUND if "headline" in columns else {"text": "text", "label": "label"}
    path = files.write("new.csv", content)
    assert data.read_texts(path, spec=data_of_run(columns=columns), found=found)[0] == texts


def test_a_folder_of_test_rows_alone_is_scored_and_one_of_training_rows_is_not(files: Files) -> None:
    files.write("held/test.csv", csv_text(6))
    assert len(evaluated([files.folder / "held"], ["bad", "good"])[0]) == 6
    files.write("old/train.csv", csv_text(6))
    for _ in range(2):
        with pytest.raises(DataError, match="no file is named as the test split"):
            evaluated([files.folder / "old"], ["bad", "good"])
        files.write("old/validation.csv", csv_text(4).replace("film", "play"))


def test_a_row_of_too_many_fields_never_makes_labels_a_part_of_the_texts(files: Files) -> None:
    path = files.write("new.csv", "good,a film\nbad,one\ngood,a film, again\n")
    with pytest.raises(DataError, match=r"row 3: 3 fields where data.columns has 2"):
        predicted(path, columns=["label", "text"])


def test_a_txt_file_of_prose_is_no_table_for_its_commas_and_another_ending_is_one_aloud(files: Files) -> None:
    prose = "Great film, loved it\nSlow, but fine\n"
    columns = ["text", "label"]
    assert predicted(files.write("new.txt", prose), columns=columns) == (prose.splitlines(), [])
    other = files.write("new.part", "a film,good\n")
    assert predicted(other, columns=columns) == (["a film"], ["new.part: read as a table, as the data of the run."])


def test_a_header_with_the_column_that_the_run_had_found_tells_its_delimiter(files: Files) -> None:
    path = files.write("new.csv", "headline,kind\nred; wins,a\n")
    told = ["new.csv: divided by ',', not by ';' as the data of the run; read so."]
    assert read_as_found(path, delimiter=";") == (["red; wins"], told)


def test_labels_are_those_of_the_runs_column_or_of_a_usual_name_and_no_other(files: Files) -> None:
    told = Told()
    usual = files.write("usual.csv", "headline,sentiment\nred wins,good\n")
    data.read_labelled(data_of_run(), [usual], classes=["bad", "good"], found=FOUND, progress=told)
    assert told.lines[0] == "usual.csv: column 'sentiment' was taken for the label (known name)."
    other = files.write("other.csv", "headline,helpful\n" + "red wins,good\n" * 4 + "blue wins,bad\n" * 4)
    with pytest.raises(DataError, match="there is no column 'category', where the run found its labels, nor one of"):
        data.read_labelled(data_of_run(), [other], classes=["bad", "good"], found=FOUND)


@pytest.mark.parametrize(
    ("name", "content", "spec", "texts"),
    [
        ("new.csv", "text,label\na film,good\n", {"columns": ["category", "headline"]}, ["a film"]),
        ("new.txt", "text,label\na film,good\n", {"format": "csv"}, ["a film"]),
        ("new.csv", "text;label\na film;good\n", {"delimiter": ","}, ["a film"]),
        (
            "new.csv",
            '"Great film, loved it"\nBad; very bad\nFine\n',
            {"columns": ["category", "headline"]},
            ["Great film, loved it", "Bad; very bad", "Fine"],
        ),
    ],
    ids=["headed after all", "a table in a .txt", "another delimiter", "one text with a semicolon"],
)
def test_what_the_run_had_found_is_one_more_name_and_takes_none_away(
    files: Files, name: str, content: str, spec: dict[str, Any], texts: list[str]
) -> None:
    assert read_as_found(files.write(name, content), **spec)[0] == texts


PAIR = {"text": "sentence1", "text_pair": "sentence2", "label": "label"}


def test_a_run_of_pairs_by_name_reads_pairs_and_one_of_single_texts_does_not(files: Files) -> None:
    path = files.write("new.csv", "sentence1,sentence2,text,label\none,two,three,good\n")
    assert data.read_texts(path, spec=data_of_run(), found=PAIR) == (["one"], ["two"])
    examples = data.read_labelled(data_of_run(), [path], classes=["bad", "good"], found=PAIR)
    assert (examples.texts, examples.pairs) == (("one",), ("two",))
    assert data.read_texts(path, spec=data_of_run(), found={"text": "text"}) == (["three"], None)
    halved = files.write("half.csv", "sentence1,label\none,good\n")
    with pytest.raises(DataError, match="no column 'sentence2', where the run found its second texts"):
        data.read_texts(halved, spec=data_of_run(), found=PAIR)


NORMAL = "text,label\n" + "".join(f"a film; number {n} it was,{'good' if n % 2 else 'bad'}\n" for n in range(6))


@pytest.mark.parametrize(
    "spec",
    [
        {"delimiter": "\t", "columns": ["label", "text"]},
        {"delimiter": "@", "columns": ["text", "label"]},
        {"delimiter": ";", "columns": ["label", "text"]},
        {"columns": ["label", "text"]},
        {"columns": ["text", "label", "author"]},
        {"columns": ["category", "headline"], "delimiter": "\t"},
        {"delimiter": "\t", "columns": ["class", "body"], "text": "body", "label": "class"},
    ],
)
def test_a_normal_csv_after_a_run_of_declared_columns_is_read_by_its_header(files: Files, spec: dict[str, Any]) -> None:
    path = files.write("new.csv", NORMAL)
    found = {"text": "headline", "label": "category"} if "headline" in spec["columns"] else {}
    if "text" in spec:
        path = files.write("new.csv", NORMAL.replace("text,label", "body,class"))
    expected = [f"a film; number {n} it was" for n in range(6)]
    told = Told()
    assert data.read_texts(path, spec=data_of_run(**spec), found=found, progress=told)[0] == expected
    assert any("has a header; read by it" in line or "divided by ','" in line for line in told.lines)
    examples = data.read_labelled(data_of_run(**spec), [path], classes=["bad", "good"], found=found)
    assert examples.texts == tuple(expected)
    assert examples.labels.tolist() == [0, 1] * 3
    assert examples.ids[0] == "new.csv:2"


def test_a_first_row_that_begins_with_a_class_called_question_is_no_header(files: Files) -> None:
    path = files.write("new.tsv", "question\tWhat is it?\nclaim\tIt is a film.\n")
    spec: dict[str, Any] = {"delimiter": "\t", "columns": ["label", "text"]}
    assert predicted(path, **spec)[0] == ["What is it?", "It is a film."]
    assert evaluated([path], ["claim", "question"], **spec)[0].texts == ("What is it?", "It is a film.")


def test_a_header_of_the_declared_names_in_another_order_stops_the_training_data_too(files: Files) -> None:
    assert files.error(csv_text(), columns=["label", "text"]) == (
        "reviews.csv row 1: holds the names of data.columns in another order (text, label). Leave data.columns out: "
        "the header names the columns."
    )


def test_numbers_count_from_where_they_counted_in_the_run(files: Files) -> None:
    path = files.write("new.csv", "text,label\na film,1\nanother,2\n")
    names = ["World", "Sports", "Business"]
    for first in (0, 1):
        examples = data.read_labelled(data_of_run(labels=names), [path], classes=names, first_label_number=first)
        assert examples.labels.tolist() == [1 - first, 2 - first]
    zero = files.write("zero.csv", "text,label\na film,0\n")
    with pytest.raises(DataError, match="label '0' is not a known label"):
        data.read_labelled(data_of_run(labels=names), [zero], classes=names, first_label_number=1)
