"""Columns of data.slices: each row keeps its value, and only the report depends on them."""

from pathlib import Path

import pytest
from labelled_files import Files

from finetooth import data, recipe
from finetooth.data.inputs import read_labelled, read_texts
from finetooth.errors import DataError
from finetooth.runs.layout import RunFolder
from finetooth.runs.work import read_examples, save_examples

SOURCES = ("paper", " radio ", "", "NA", "1.0")
CSV = "text,label,source,year\n" + "".join(
    f"film number {row},{'good' if row % 2 else 'bad'},{SOURCES[row % 5]},{1990 + row}\n" for row in range(60)
)
NAMES = ("paper", "radio", "", "NA", "1.0")


def test_every_row_of_every_split_keeps_its_own_values(files: Files) -> None:
    dataset = files.load(CSV, slices=["Source", "year"], on_leak="drop")
    for split in (dataset.train, dataset.validation, dataset.test):
        rows = [int(text.split()[-1]) for text in split.texts]
        assert split.slices == {
            "Source": tuple(NAMES[row % 5] for row in rows),
            "year": tuple(str(1990 + row) for row in rows),
        }


def test_nothing_else_depends_on_them(files: Files) -> None:
    plain, sliced = files.load(CSV), files.load(CSV, slices=["source", "source", "label"])
    assert (plain.fingerprint, plain.test_id, plain.train.ids) == (
        sliced.fingerprint,
        sliced.test_id,
        sliced.train.ids,
    )
    assert plain.test.slices == {} and set(sliced.test.slices) == {"source", "label"}


def test_slices_are_saved_beside_the_texts_during_a_run(files: Files, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.work.mkdir(parents=True)
    dataset = files.load(CSV, slices=["source", "year"])
    save_examples(folder, dataset)
    assert read_examples(folder, "test").slices == dataset.test.slices


def test_a_column_that_is_not_there_is_named_with_the_nearest(files: Files) -> None:
    with pytest.raises(DataError) as caught:
        files.load(CSV, slices=["sources"])
    assert str(caught.value) == (
        "reviews.csv: there is no column 'sources' (data.slices). Did you mean 'source'? Its columns: 'text', 'label', "
        "'source' and 'year'. If it has no header: data.columns: [text, label, column3, column4]"
    )


def test_inference_data_needs_no_slices(files: Files) -> None:
    path = files.write("later.csv", "text,label\nnew,good\nold,bad\n")
    spec = recipe.Data.model_validate({"source": "reviews.csv", "slices": ["source"]})
    examples: data.Examples = read_labelled(spec, [path], classes=["bad", "good"])
    assert (examples.texts, examples.slices) == (("new", "old"), {})
    assert read_texts(path, spec=spec)[0] == ["new", "old"]
