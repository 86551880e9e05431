"""Predictions of any systems on the same labelled rows: how rows are matched, what is refused, and the figures."""

import contextlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from sklearn.metrics import accuracy_score, f1_score

from finetooth import judge
from finetooth.errors import DataError, FinetoothError
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.intervals import metric_interval
from finetooth.evaluation.significance import holm, paired
from finetooth.evaluation.units import Units
from finetooth.tasks import DEFAULT

COUNT = 300
LABELS = ["bad", "fair", "good"]
TRUE = np.random.default_rng(0).integers(0, 3, COUNT)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))


def save(name: str, *rows: Sequence[object]) -> str:
    """A CSV file; the first row is its header."""
    Path(name).write_text("".join(",".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
    return name


def truth(name: str = "truth.csv", *, groups: bool = False) -> str:
    rows = [(f"a{n}", f"film number {n} it was", LABELS[label], n // 3) for n, label in enumerate(TRUE)]
    header = ("id", "text", "label", "film")
    return save(name, *[row[: 4 if groups else 3] for row in [header, *rows]])


def system(share: float, seed: int) -> np.ndarray[Any, Any]:
    """Answers of a system that has about this share right."""
    draw = np.random.default_rng(seed)
    return np.where(draw.random(COUNT) < share, TRUE, draw.integers(0, 3, COUNT))


def by_id(name: str, answers: Iterable[int]) -> str:
    return save(name, ("id", "label"), *[(f"a{n}", LABELS[answer]) for n, answer in enumerate(answers)])


def small(*rows: Sequence[object], name: str = "truth.csv") -> str:
    return save(name, ("id", "text", "label"), *rows)


FOUR = (("a", "one film", "good"), ("b", "two films", "bad"), ("c", "three films", "bad"), ("d", "no film", "good"))


def test_a_file_against_itself_has_no_difference():
    file = by_id("a.csv", system(0.8, 1))
    row = judge([file, file], truth=truth())["rows"][1]
    assert (row["difference"], row["p"], row["only_row"], row["only_reference"]) == (0.0, 1.0, 0, 0)
    assert row["outcome"] == "too_few"


@pytest.mark.parametrize("groups", [False, True])
def test_figures_are_those_of_evaluate_compare_and_scikit_learn(groups):
    systems = [system(0.5, 1), system(0.9, 2), system(0.55, 3)]
    files = [by_id(f"{number}.csv", answers) for number, answers in enumerate(systems)]
    judgement = judge(files, truth=truth(groups=True), group="film" if groups else None)
    units = Units.of(np.arange(COUNT) // 3) if groups else Units.single(COUNT)
    assert (judgement["units"], judgement["group"]) == (units.count, "film" if groups else None)
    hits = [np.asarray(answers == TRUE, np.float64) for answers in systems]
    pairs = [paired(other, hits[0], units=units) for other in hits[1:]]
    for answers, scores, row in zip(systems, hits, judgement["rows"], strict=True):
        logits = np.eye(3, dtype=np.float32)[answers]
        evaluated = Decision().score(logits, TRUE)
        assert (row["accuracy"], row["macro_f1"]) == (evaluated["accuracy"], evaluated["macro_f1"])
        assert row["accuracy"] == pytest.approx(accuracy_score(TRUE, answers), abs=1e-12)
        assert row["macro_f1"] == pytest.approx(f1_score(TRUE, answers, average="macro"), abs=1e-12)
        assert row["accuracy_interval"] == list(metric_interval(DEFAULT.headline, scores, units=units))
    for pair, p_holm, row in zip(pairs, holm([pair.p for pair in pairs]), judgement["rows"][1:], strict=True):
        assert (row["difference"], row["p"], row["p_holm"]) == (pair.difference, pair.p, p_holm)
        assert row["difference_interval"] == list(pair.interval())
    assert [row["outcome"] for row in judgement["rows"]] == [None, "better", "open"]
    better, open_ = (row["verdict"] for row in judgement["rows"][1:])
    assert better.startswith("1.csv is ") and better.endswith(" better in accuracy than 0.csv.")
    assert open_.startswith("2.csv differs from 0.csv by ")


def test_a_worse_file_is_called_worse():
    files = [by_id("good.csv", system(0.9, 2)), by_id("poor.csv", system(0.5, 1))]
    row = judge(files, truth=truth())["rows"][1]
    assert row["outcome"] == "worse"
    assert " worse in accuracy than good.csv." in row["verdict"]


def test_no_answer_is_wrong_and_no_class_of_its_own():
    answers = system(0.8, 4)
    file = by_id("a.csv", answers)
    lines = Path(file).read_text().splitlines()
    Path(file).write_text("\n".join([lines[0], *[line.partition(",")[0] + "," for line in lines[1:31]], *lines[31:]]))
    row = judge([file], truth=truth())["rows"][0]
    names = [""] * 30 + [LABELS[answer] for answer in answers[30:]]
    expected = f1_score([LABELS[label] for label in TRUE], names, labels=LABELS, average="macro")
    assert row["unanswered"] == 30
    assert row["macro_f1"] == pytest.approx(expected, abs=1e-12)
    assert row["accuracy"] == (answers[30:] == TRUE[30:]).sum() / 300


@pytest.mark.parametrize("form", ["id", "text", "row"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_rows_are_matched_in_any_order_and_format(form, ending):
    keys = {
        "id": ["a", "b", "c", "d"],
        "text": ["one film", "two  films", "three films", " no film"],
        "row": [1, 2, 3, 4],
    }
    rows = [{form: keys[form][n], "label": label} for n, label in ((3, "bad"), (0, "good"), (2, "bad"), (1, "bad"))]
    path = Path(f"p{ending}")
    if ending == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif ending == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        separator = "\t" if ending == ".tsv" else ","
        path.write_text(
            "".join(separator.join(map(str, row)) + "\n" for row in [(form, "label"), *[r.values() for r in rows]])
        )
    row = judge([path], truth=small(*FOUR))["rows"][0]
    assert (row["matched_by"], row["accuracy"]) == (form, 0.75)


def test_what_predict_writes_is_matched_by_row():
    file = Path("labels.tsv")
    file.write_text("row\tlabel\tprobability\n1\tgood\t0.9\n2\tbad\t0.8\n3\t\t0.5\n4\tbad\t0.6\n")
    row = judge([file], truth=small(*FOUR))["rows"][0]
    assert (row["matched_by"], row["unanswered"], row["accuracy"]) == ("row", 1, 0.5)


def test_pairs_of_texts_are_matched_by_both():
    rows = [("it rains", "it is wet", "yes"), ("it rains", "it is dry", "no")]
    save("truth.csv", ("premise", "hypothesis", "label"), *rows)
    save("p.csv", ("premise", "hypothesis", "prediction"), *[(*row[:2], row[2]) for row in reversed(rows)])
    assert judge(["p.csv"], truth="truth.csv")["rows"][0]["accuracy"] == 1.0


def test_repeated_texts_are_one_unit_and_share_a_prediction():
    save(
        "truth.csv", ("text", "label"), ("one film here", "good"), ("one  film here", "bad"), ("two films here", "bad")
    )
    save("p.csv", ("text", "label"), ("one film here", "good"), ("one film here", "good"), ("two films here", "bad"))
    judgement = judge(["p.csv"], truth="truth.csv")
    assert (judgement["units"], judgement["rows"][0]["accuracy"]) == (2, 2 / 3)


def test_whole_numbers_are_the_same_label_in_any_form():
    small(("a", "one film", "1"), ("b", "two films", "0"), name="truth.csv")
    save("p.csv", ("id", "label"), ("a", "1.0"), ("b", "0.0"))
    assert judge(["p.csv"], truth="truth.csv")["rows"][0]["accuracy"] == 1.0


def test_a_prediction_goes_before_a_label():
    save("p.csv", ("id", "label", "prediction"), *[(row[0], row[2], "good") for row in FOUR])
    row = judge(["p.csv"], truth=small(*FOUR))["rows"][0]
    assert (row["label_column"], row["accuracy"]) == ("prediction", 0.5)


def test_truth_without_texts_is_recorded_by_ids_and_labels():
    save("truth.csv", ("id", "label"), *[(row[0], row[2]) for row in FOUR])
    save("other.csv", ("id", "label"), *[(row[0], "x" if row[2] == "bad" else "y") for row in FOUR])
    assert judge(["truth.csv"], truth="truth.csv")["rows"][0]["accuracy"] == 1.0
    assert judge(["other.csv"], truth="other.csv")["test_rows_seen"] == 0


def refused(*rows: Sequence[object], truth_rows: Sequence[Sequence[object]] = FOUR) -> str:
    """The error about a file of predictions with these rows, the header first."""
    with pytest.raises(DataError) as error:
        judge([save("p.csv", *rows)], truth=small(*truth_rows))
    return str(error.value)


def test_labelled_rows_without_a_prediction_are_counted_and_the_first_is_named():
    message = refused(("id", "label"), ("a", "good"), ("d", "good"))
    assert message.startswith("p.csv: 2 of 4 labelled rows without a prediction (first: truth.csv row 3 (id 'b'))")
    assert "Add them" in message


def test_predictions_without_a_labelled_row_are_counted_and_the_first_is_named():
    message = refused(("id", "label"), *[(row[0], row[2]) for row in FOUR], ("x", "bad"), ("y", "bad"))
    assert message.startswith("p.csv: 2 predictions without a labelled row in truth.csv (first: row 6 (id 'x'))")
    assert "Remove them" in message


@pytest.mark.parametrize(("column", "at", "fix"), [("id", 0, "correct one"), ("text", 1, "a column `id`")])
def test_two_different_predictions_of_a_row_are_refused(column, at, fix):
    message = refused((column, "label"), *[(row[at], row[2]) for row in FOUR], (FOUR[1][at], "good"))
    assert f"1 row with another label than an earlier row for the same {column}" in message
    assert "first: row 6" in message and "the earlier is row 3" in message and fix in message


def test_a_label_that_the_truth_lacks_is_refused_with_the_nearest():
    message = refused(("id", "label"), ("a", "Good"), ("b", "bad"), ("c", "bad"), ("d", "Good"))
    assert message.startswith("p.csv: 2 predictions with a label that truth.csv does not have (first: row 2 (id 'a'): ")
    assert "'Good'). Did you mean 'good'? Its labels: bad and good." in message


def test_another_text_with_the_same_id_is_refused():
    shifted = [(row[0], other[1], row[2]) for row, other in zip(FOUR, (*FOUR[1:], FOUR[0]), strict=True)]
    message = refused(("id", "text", "label"), *shifted)
    assert message.startswith(
        "p.csv: 4 rows with another text than the labelled row with the same id (first: row 2 (id 'a'))"
    )
    assert "remove the column `id`" in message


def test_a_text_of_another_name_is_not_taken_for_the_labelled_text():
    reasons = ("It sounds like praise", "It sounds like boredom", "A sad word or two", "A kind word or two")
    rows = [(number, row[2], reason) for number, (row, reason) in enumerate(zip(FOUR, reasons, strict=True), 1)]
    row = judge([save("p.csv", ("row", "label", "rationale"), *rows)], truth=small(*FOUR))["rows"][0]
    assert (row["matched_by"], row["accuracy"]) == ("row", 1.0)


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        ([("id", "label"), ("a", "good")], "Add them"),
        ([("name", "label"), ("a", "good"), ("b", "good")], "its rows cannot be matched with those of truth.csv"),
        ([("id", "note"), *[(key, f"note {key}") for key in "abcd"]], "no column looks like a label. Name it `label`."),
        ([("row", "label"), ("first", "good")], "p.csv row 2: column 'row' is 'first', not the number of a row"),
        ([("id", "label"), ("", "good")], "p.csv row 2: column 'id' is missing"),
        ([("id", "label"), ("a", "good", "more")], "p.csv row 2: "),
        ([("id", "label")], "has a header but no rows"),
    ],
)
def test_unusable_predictions_say_what_is_wrong(rows, part):
    assert part in refused(*rows)


@pytest.mark.parametrize(
    ("header", "rows", "part"),
    [
        (("label",), [("good",), ("bad",)], "has no column `id`, and no column looks like a text."),
        (("id", "label"), [("a", "good"), ("a", "bad")], "truth.csv: id 'a' is in rows 2 and 3."),
        (("id", "label"), [("a", "good"), ("b", "")], "truth.csv row 3: column 'label' is missing"),
        (("id", "label"), [("a", "0.5"), ("b", "0.7")], "truth.csv: the labels are numbers with fractions"),
    ],
)
def test_unusable_labelled_rows_say_what_is_wrong(header, rows, part):
    save("p.csv", ("id", "label"), ("a", "good"))
    with pytest.raises(DataError) as error:
        judge(["p.csv"], truth=save("truth.csv", header, *rows))
    assert part in str(error.value)


def test_an_unknown_group_is_refused_with_the_nearest():
    with pytest.raises(DataError, match=r"no column 'films' \(--group\). Did you mean 'film'\?"):
        judge([by_id("a.csv", TRUE)], truth=truth(groups=True), group="films")


@pytest.mark.parametrize("name", ["p.txt", "p", "p.csv", "p.tsv", "p.jsonl", "p.parquet", "p.csv.gz", "folder.csv"])
def test_whatever_bytes_a_file_has_it_is_judged_or_refused(name):
    draw = np.random.default_rng(7)
    small(*FOUR)
    contents = [
        b"",
        b"\0",
        b"\xff\xfe",
        b"id,label\n\xff,\xfe\n",
        b'{"id": [1], "label": {}}\n',
        b'[{"id": 1}]',
        b"id,id\n",
    ]
    if name == "folder.csv":
        Path(name).mkdir()
    for content in [*contents, *(draw.bytes(60) for _ in range(10))]:
        if name != "folder.csv":
            Path(name).write_bytes(content)
        with contextlib.suppress(FinetoothError):
            judge([name], truth="truth.csv")
        for file in ("truth.csv", name):
            with contextlib.suppress(FinetoothError):
                judge([file], truth=name)
    with pytest.raises(FinetoothError):
        judge([name], truth="truth.csv")
