"""Inference data: rows to evaluate and texts to predict with a finished run."""

import gzip
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled_files import Files, csv_text

from finetooth import data, recipe
from finetooth.data import overlap
from finetooth.errors import DataError


class Recorded:
    """A Progress that records its messages."""

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
    """The texts of a file, and the notes on it."""
    progress = Recorded()
    return data.read_texts(path, spec=data_of_run(**values), progress=progress)[0], progress.lines


def evaluated(paths: list[Path], classes: list[str], **values: Any) -> tuple[data.Examples, list[str]]:
    progress = Recorded()
    return data.read_labelled(data_of_run(**values), paths, classes=classes, progress=progress), progress.lines


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
        "new.csv row 2: label 'good' is not one of the labels (bad and godd). Did you mean 'godd'?\n"
    )


def test_rows_to_score_are_not_hashed(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise AssertionError("hashed")

    monkeypatch.setattr(overlap, "keys", fail)
    path = files.write("new.csv", "text,label\na film,good\nanother,bad\n")
    assert evaluated([path], ["bad", "good"])[0].labels.tolist() == [1, 0]


def test_numbers_mean_classes_only_if_the_recipe_sets_their_order(files: Files) -> None:
    path = files.write("new.csv", "text,label\na film,1\nanother,0\n")
    with pytest.raises(DataError) as caught:
        evaluated([path], ["fresh", "rotten"])
    assert str(caught.value) == (
        "new.csv: its labels are the numbers 0 and 1, but the classes have names: fresh and rotten. Which number "
        "means which class is not known, because data.labels of the run's recipe sets no order. Write the names into "
        "the column of the labels."
    )
    examples, progress = evaluated([path], ["rotten", "fresh"], labels=["rotten", "fresh"])
    assert examples.labels.tolist() == [1, 0]
    assert progress == [
        "labels are numbers and were read as declared in data.labels: 0 = rotten, 1 = fresh.",
        "new.csv: 2 of 2 rows are used.",
    ]


def test_numbered_classes_may_be_written_as_floats(files: Files) -> None:
    path = files.write("new.csv", "text,label\na film,1.0\nanother,4.0\n")
    examples, progress = evaluated([path], ["1", "2", "3", "4", "5"])
    assert examples.labels.tolist() == [0, 3]
    assert progress == ["new.csv: 2 of 2 rows are used.", "classes without a row: 2, 3 and 5."]


def test_rows_outside_keep_are_noted(files: Files) -> None:
    path = files.write("new.csv", "text,label,kind\na film,good,x\nanother,bad,y\nlast,bad,x\n")
    _, progress = evaluated([path], ["bad", "good"], keep={"kind": ["x"]})
    assert progress == ["new.csv: 2 of 3 rows are used. data.keep of the run's recipe leaves out 1."]


def test_a_folder_is_read_by_its_content_not_by_the_format_of_the_run(files: Files) -> None:
    files.write("set/more.csv", csv_text(4))
    examples, _ = evaluated([files.folder / "set"], ["bad", "good"], format="label_text")
    assert len(examples) == 4


@pytest.mark.parametrize(
    ("content", "encoding", "progress"),
    [
        (
            "text,label\ncafé,good\n".encode(),
            "latin-1",
            ["new.csv: the encoding is utf-8, not latin-1 as in the data of the run."],
        ),
        (
            "\ufefftext,label\ncafé,good\n".encode(),
            "cp1252",
            ["new.csv: the encoding is utf-8, not cp1252 as in the data of the run."],
        ),
        (
            "text,label\ncafé,good\n".encode("utf-16"),
            "latin-1",
            ["new.csv: the encoding is utf-16, not latin-1 as in the data of the run."],
        ),
        ("text,label\ncafé,good\n".encode("latin-1"), "latin-1", []),
        ("text,label\ncafé,good\n".encode("utf-16-le"), "utf-16-le", []),
        ("text,label\ncafé,good\n".encode(), "utf8", []),
    ],
    ids=["utf-8", "mark", "utf-16 mark", "as declared", "without mark as declared", "declared in another spelling"],
)
def test_the_bytes_decide_the_encoding_before_the_run(
    files: Files, content: bytes, encoding: str, progress: list[str]
) -> None:
    path = files.write("new.csv", content)
    assert predicted(path, encoding=encoding) == (["café"], progress)
    examples, lines = evaluated([path], ["bad", "good"], encoding=encoding)
    assert (examples.texts, lines[: len(progress)]) == (("café",), progress)


def test_ascii_is_read_although_the_run_had_utf_16(files: Files) -> None:
    progress = ["new.csv: the encoding is utf-8, not utf-16 as in the data of the run."]
    assert predicted(files.write("new.csv", "text\na film\n"), encoding="utf-16") == (["a film"], progress)


def test_the_bytes_of_a_compressed_file_decide_its_encoding(files: Files) -> None:
    path = files.write("new.csv.gz", gzip.compress("text\ncafé\n".encode()))
    assert predicted(path, encoding="latin-1")[0] == ["café"]


def test_two_files_in_two_encodings_are_refused(files: Files) -> None:
    paths = [files.write("a.csv", "text,label\ncafé,good\n"), files.write("b.csv", b"text,label\ncaf\xe9,good\n")]
    with pytest.raises(DataError) as caught:
        evaluated(paths, ["bad", "good"], encoding="latin-1")
    assert str(caught.value) == "a.csv is utf-8 and b.csv is latin-1. Convert one of them with iconv."


def test_each_file_is_noted_with_its_own_encoding(files: Files) -> None:
    rows = "text,label\ncafé {},good\n"
    paths = [files.write("a.csv", rows.format(1)), files.write("b.csv", rows.format(2).encode("utf-16"))]
    assert evaluated(paths, ["bad", "good"], encoding="latin-1")[1][:2] == [
        "a.csv: the encoding is utf-8, not latin-1 as in the data of the run.",
        "b.csv: the encoding is utf-16, not latin-1 as in the data of the run.",
    ]


def test_the_header_decides_the_delimiter_before_the_run(files: Files) -> None:
    path = files.write("new.csv", "text,label\nshort; good,good\n")
    progress = ["new.csv: the delimiter is ',', not ';' as in the data of the run."]
    assert predicted(path, delimiter=";") == (["short; good"], progress)
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


def test_blank_texts_to_predict_are_kept_and_noted(files: Files) -> None:
    progress = ["these texts have no visible character: new.txt:2 and new.txt:4."]
    assert predicted(files.write("new.txt", "a\n\nb\n \n")) == (["a", "", "b", " "], progress)


FOUND = {"text": "headline", "label": "category"}


def read_as_found(path: Path, **values: Any) -> tuple[list[str], list[str]]:
    """The texts of a file and the notes on it, for a run that detected its columns."""
    progress = Recorded()
    return data.read_texts(path, spec=data_of_run(**values), run_columns=FOUND, progress=progress)[0], progress.lines


def test_the_column_that_the_run_detected_goes_before_a_usual_name(files: Files) -> None:
    path = files.write("new.csv", "Headline,description,category\nred wins,it was said,good\n")
    assert read_as_found(path) == (["red wins"], [])
    progress = Recorded()
    examples = data.read_labelled(data_of_run(), [path], classes=["bad", "good"], run_columns=FOUND, progress=progress)
    assert examples.texts == ("red wins",)
    named = data.read_texts(path, spec=data_of_run(), run_columns=FOUND, named={"text": "description"})
    assert named[0] == ["it was said"]


def test_without_that_column_only_a_usual_name_is_used_with_a_note(files: Files) -> None:
    usual = files.write("usual.csv", "id,description\n1,it was said\n")
    assert read_as_found(usual) == (
        ["it was said"],
        ["usual.csv: column 'description' is used as the text (known name)."],
    )
    for content in ("id,remark\n1,it was said\n", "I love it\nAwful\nFine\n"):
        other = files.write("other.csv", content)
        with pytest.raises(
            DataError, match="there is no column 'headline', which had the texts of the run, nor one with"
        ):
            read_as_found(other)
        with pytest.raises(
            DataError, match="there is no column 'headline', which had the texts of the run, nor one with"
        ):
            data.read_labelled(data_of_run(), [other], classes=["bad", "good"], run_columns=FOUND)


def test_without_a_run_a_guessed_column_is_noted_and_a_lone_one_refused(files: Files) -> None:
    two = files.write("two.csv", "id,remark\n1,it was said\n")
    assert predicted(two) == (["it was said"], ["two.csv: column 'remark' is used as the text (longest free text)."])
    lone = files.write("lone.csv", "I love it\nAwful\nFine\n")
    with pytest.raises(DataError, match="its first row is 'I love it': the name of its column, or a text"):
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
    with pytest.raises(DataError, match=r"new.txt: is read as one text per line, so it has no column 'summary'\."):
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
    run_columns = FOUND if "headline" in columns else {"text": "text", "label": "label"}
    path = files.write("new.csv", content)
    assert data.read_texts(path, spec=data_of_run(columns=columns), run_columns=run_columns)[0] == texts


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


def test_commas_in_a_txt_file_of_prose_do_not_make_a_table(files: Files) -> None:
    prose = "Great film, loved it\nSlow, but fine\n"
    columns = ["text", "label"]
    assert predicted(files.write("new.txt", prose), columns=columns) == (prose.splitlines(), [])
    other = files.write("new.part", "a film,good\n")
    assert predicted(other, columns=columns) == (["a film"], ["new.part: read as a table, as the data of the run was."])


def test_a_header_with_the_column_of_the_run_decides_the_delimiter(files: Files) -> None:
    path = files.write("new.csv", "headline,kind\nred; wins,a\n")
    progress = ["new.csv: the delimiter is ',', not ';' as in the data of the run."]
    assert read_as_found(path, delimiter=";") == (["red; wins"], progress)


def test_labels_are_those_of_the_runs_column_or_of_a_usual_name_and_no_other(files: Files) -> None:
    progress = Recorded()
    usual = files.write("usual.csv", "headline,sentiment\nred wins,good\n")
    data.read_labelled(data_of_run(), [usual], classes=["bad", "good"], run_columns=FOUND, progress=progress)
    assert progress.lines[0] == "usual.csv: column 'sentiment' is used as the label (known name)."
    other = files.write("other.csv", "headline,helpful\n" + "red wins,good\n" * 4 + "blue wins,bad\n" * 4)
    with pytest.raises(DataError, match="there is no column 'category', which had the labels of the run, nor one with"):
        data.read_labelled(data_of_run(), [other], classes=["bad", "good"], run_columns=FOUND)


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
def test_the_column_of_the_run_is_one_more_known_name(
    files: Files, name: str, content: str, spec: dict[str, Any], texts: list[str]
) -> None:
    assert read_as_found(files.write(name, content), **spec)[0] == texts


PAIR = {"text": "sentence1", "text_pair": "sentence2", "label": "label"}


def test_a_run_of_pairs_by_name_reads_pairs_and_one_of_single_texts_does_not(files: Files) -> None:
    path = files.write("new.csv", "sentence1,sentence2,text,label\none,two,three,good\n")
    assert data.read_texts(path, spec=data_of_run(), run_columns=PAIR) == (["one"], ["two"])
    examples = data.read_labelled(data_of_run(), [path], classes=["bad", "good"], run_columns=PAIR)
    assert (examples.texts, examples.pairs) == (("one",), ("two",))
    assert data.read_texts(path, spec=data_of_run(), run_columns={"text": "text"}) == (["three"], None)
    halved = files.write("half.csv", "sentence1,label\none,good\n")
    with pytest.raises(DataError, match="no column 'sentence2', which had the second texts of the run"):
        data.read_texts(halved, spec=data_of_run(), run_columns=PAIR)


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
    run_columns = {"text": "headline", "label": "category"} if "headline" in spec["columns"] else {}
    if "text" in spec:
        path = files.write("new.csv", NORMAL.replace("text,label", "body,class"))
    expected = [f"a film; number {n} it was" for n in range(6)]
    progress = Recorded()
    assert data.read_texts(path, spec=data_of_run(**spec), run_columns=run_columns, progress=progress)[0] == expected
    assert any("has a header, which" in line or "the delimiter is ','" in line for line in progress.lines)
    examples = data.read_labelled(data_of_run(**spec), [path], classes=["bad", "good"], run_columns=run_columns)
    assert examples.texts == tuple(expected)
    assert examples.labels.tolist() == [0, 1] * 3
    assert examples.ids[0] == "new.csv:2"


def test_a_first_row_with_a_class_called_question_is_not_a_header(files: Files) -> None:
    path = files.write("new.tsv", "question\tWhat is it?\nclaim\tIt is a film.\n")
    spec: dict[str, Any] = {"delimiter": "\t", "columns": ["label", "text"]}
    assert predicted(path, **spec)[0] == ["What is it?", "It is a film."]
    assert evaluated([path], ["claim", "question"], **spec)[0].texts == ("What is it?", "It is a film.")


def test_a_header_of_the_declared_names_in_another_order_stops_the_training_data_too(files: Files) -> None:
    assert files.error(csv_text(), columns=["label", "text"]) == (
        "reviews.csv row 1: has the names of data.columns in another order (text, label). Remove data.columns: the "
        "header names the columns."
    )


def test_numbers_begin_where_they_began_in_the_run(files: Files) -> None:
    path = files.write("new.csv", "text,label\na film,1\nanother,2\n")
    names = ["World", "Sports", "Business"]
    for first in (0, 1):
        examples = data.read_labelled(data_of_run(labels=names), [path], classes=names, first_label_number=first)
        assert examples.labels.tolist() == [1 - first, 2 - first]
    zero = files.write("zero.csv", "text,label\na film,0\n")
    with pytest.raises(DataError, match="label '0' is not one of the labels"):
        data.read_labelled(data_of_run(labels=names), [zero], classes=names, first_label_number=1)


def test_rows_to_score_have_the_groups_of_the_runs_column_or_a_note_says_that_there_is_none(files: Files) -> None:
    values = {"text": "t", "label": "y", "group": "film"}
    path = files.write("scored.csv", "t,y,film\na,no,1\nb,yes,1\nc,no,2\nd,yes,\n")
    examples, notes = evaluated([path], ["no", "yes"], **values)
    assert examples.groups == ("1", "1", "2", None) and not any("film" in note for note in notes)
    examples, notes = evaluated([files.write("bare.csv", "t,y\na,no\nb,yes\n")], ["no", "yes"], **values)
    assert examples.groups == ()
    assert "there is no column 'film', the run's data.group, so each text counts as independent." in notes
