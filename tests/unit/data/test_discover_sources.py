"""Folders of files and of classes: which file becomes which split."""

import numpy as np
import pytest
from labelled_files import Files, csv_text, labels, note, texts

from finetooth import data, recipe
from finetooth.errors import DataError


def test_split_words_in_file_names(files: Files) -> None:
    files.write("set.train.csv", csv_text(30))
    files.write("set-dev.csv", csv_text(6).replace("film", "play"))
    files.write("test_set.csv", csv_text(4).replace("film", "show"))
    files.write("README.md", "about")
    files.write("other.csv", "x\n")
    dataset = files.load(files.folder)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (30, 6, 4)
    assert note(dataset, "left out") == "not named as a split and left out: other.csv."


def test_shards_in_a_sub_folder(files: Files) -> None:
    for part in range(2):
        files.write(f"data/train-0000{part}-of-00002.csv", csv_text(10).replace("film", f"film of part {part}"))
    files.write("data/test-00000-of-00001.csv", csv_text(4).replace("film", "show"))
    files.write("data/unsupervised-00000-of-00001.csv", "x\n")
    dataset = files.load(files.folder)
    assert dataset.summary["rows"]["train"]["in"] + dataset.summary["rows"]["validation"]["in"] == 20
    assert dataset.test.ids[0] == "data/test-00000-of-00001.csv:2"


def review_folders(files: Files, *splits: str) -> None:
    for split in splits:
        for kind in ("neg", "pos"):
            for number in range(10):
                files.write(f"{split}/{kind}/{number}_7.txt", f"{split} {kind} review number {number}")
        files.write(f"{split}/urls_pos.txt", "not a review")
    files.write("train/unsup/0_0.txt", "not labelled")


def test_folders_of_classes_with_splits(files: Files) -> None:
    review_folders(files, "train", "test")
    dataset = files.load(files.folder)
    assert dataset.classes == ("neg", "pos")
    assert len(dataset.test) == 20
    assert labels(dataset)["test/pos/3_7.txt:1"] == "pos"
    assert texts(dataset)["test/pos/3_7.txt:1"] == "test pos review number 3"
    assert note(dataset, "unsup") == "train: not classes and left out: unsup."


def test_folders_of_classes_are_carved(files: Files) -> None:
    for kind in ("a", "b"):
        for number in range(10):
            files.write(f"set/{kind}/{number}.txt", f"{kind} {number}")
    dataset = files.load(files.folder / "set")
    assert dataset.summary["counts"]["test"] == {"a": 2, "b": 2}


def test_a_bad_byte_in_a_folder_names_its_file(files: Files) -> None:
    review_folders(files, "train", "test")
    files.write("train/pos/3_7.txt", b"caf\xe9")
    assert files.error(files.folder).startswith(
        "train/pos/3_7.txt row 1: byte 0xe9 after 'caf' is not UTF-8\nThe file looks like cp1252"
    )


def test_an_unknown_ending_asks_for_the_format(files: Files) -> None:
    assert files.error("good a film\n", "reviews.txt") == (
        "reviews.txt: its name does not tell its format. Set data.format: csv | tsv | jsonl | parquet | folder | "
        "label_text (every line a label, a space and a text)"
    )


def test_label_text_lines(files: Files) -> None:
    content = "".join(f"{'good' if row % 2 else 'bad'}\tfilm {row}\u00a0x\n" for row in range(20)) + "alone\n"
    assert files.error(content, "reviews.txt", format="label_text").startswith(
        "reviews.txt row 21: no text after the label\nEvery line is a label, a space and a text."
    )
    dataset = files.load(content, "reviews.txt", format="label_text", on_bad_row="skip")
    assert texts(dataset)["reviews.txt:1"] == "film 0\u00a0x"


def test_only_a_test_file(files: Files) -> None:
    files.write("test.csv", csv_text())
    message = "no training rows: found test.csv. Name the splits apart: data.source: {train: FILE, test: FILE}"
    assert files.error(files.folder) == message


def test_names_stay_apart(files: Files) -> None:
    train, test = files.write("a/x.csv", csv_text(20)), files.write("b/x.csv", csv_text(4).replace("film", "show"))
    dataset = data.load(recipe.Data.model_validate({"source": "unused"}), {"train": [train], "test": [test]})
    assert dataset.test.ids[0] == "b/x.csv:2"
    assert dataset.train.ids[0].startswith("a/x.csv:")


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
