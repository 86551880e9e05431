"""Folders of files and of classes: which file becomes which split."""

import shlex
from pathlib import Path

import pytest
import yaml
from labelled_files import Files, csv_text, labels, note, texts

from finetooth import data, recipe


def test_split_words_in_file_names(files: Files) -> None:
    files.write("set.train.csv", csv_text(30))
    files.write("set-dev.csv", csv_text(6).replace("film", "play"))
    files.write("test_set.csv", csv_text(4).replace("film", "show"))
    files.write("README.md", "about")
    files.write("other.csv", "x\n")
    dataset = files.load(files.folder)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (30, 6, 4)
    assert note(dataset, "not read") == "not read, because not named as a split: other.csv."


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
    assert note(dataset, "unsup") == "train: these folders are not classes and are not read: unsup."


def test_folders_of_classes_are_carved(files: Files) -> None:
    for kind in ("a", "b"):
        for number in range(10):
            files.write(f"set/{kind}/{number}.txt", f"{kind} {number}")
    dataset = files.load(files.folder / "set")
    assert [dataset.classes[label] for label in sorted(dataset.test.labels)] == ["a", "a", "b", "b"]


def test_one_text_that_is_not_utf8_does_not_decide_the_encoding(files: Files) -> None:
    review_folders(files, "train", "test")
    for number in range(3):
        files.write(f"train/pos/{number}_8.txt", f"café {number}")
    files.write("train/neg/3_7.txt", b"caf\xe9")
    assert files.error(files.folder) == (
        "train/neg/3_7.txt row 1: byte 0xe9 after 'caf' is not UTF-8\nThe other texts are UTF-8: correct this text, "
        "or skip it: data.on_bad_row: skip\n1 malformed row in all. To skip such rows, count them and write them to a "
        "file: data.on_bad_row: skip"
    )


def test_a_bad_byte_in_a_folder_names_its_file(files: Files) -> None:
    review_folders(files, "train", "test")
    files.write("train/pos/3_7.txt", b"caf\xe9")
    assert files.error(files.folder).startswith(
        "train/pos/3_7.txt row 1: byte 0xe9 after 'caf' is not UTF-8\nThe file looks like cp1252"
    )


def test_an_unknown_ending_needs_a_format(files: Files) -> None:
    assert files.error("good a film\n", "reviews.txt") == (
        "reviews.txt: its name does not state its format. Set data.format: csv | tsv | jsonl | parquet | folder | "
        "label_text (every line a label, a space and a text)."
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
    message = (
        "there are no training rows: the source has test.csv. Name the file of each split: data.source: {train: "
        "FILE, test: FILE}"
    )
    assert files.error(files.folder) == message


def test_names_stay_apart(files: Files) -> None:
    train, test = files.write("a/x.csv", csv_text(20)), files.write("b/x.csv", csv_text(4).replace("film", "show"))
    dataset = data.load(recipe.Data.model_validate({"source": "unused"}), {"train": [train], "test": [test]})
    assert dataset.test.ids[0] == "b/x.csv:2"
    assert dataset.train.ids[0].startswith("a/x.csv:")


@pytest.mark.parametrize(
    "names",
    [("train.csv", "train.jsonl"), ("train.csv", "train.csv.gz"), ("reviews.csv", "reviews.csv.gz"),
     ("train/a.csv", "train/a.csv.bz2"), ("train.jsonl", "train.json")],
)  # fmt: skip
def test_one_split_saved_twice_is_not_read_twice(files: Files, names: tuple[str, str]) -> None:
    for name in names:
        files.write(name, csv_text())
    if names[0].startswith("train/"):
        files.write("test/a.csv", csv_text())
    first, second = sorted(names)
    assert files.error(files.folder) == (
        f"{first} and {second} look like one file in two formats, and both would be read. "
        "Remove one of them, or name the files in data.source."
    )


def test_shards_of_one_split_stay_allowed(files: Files) -> None:
    for number in range(2):
        files.write(f"train.{number}.csv", csv_text(10).replace("film", f"film {number}"))
        files.write(f"train-b.part.{number}.csv", csv_text(10).replace("film", f"play {number}"))
    files.write("test.csv", csv_text(4).replace("film", "show"))
    assert files.load(files.folder).summary["rows"]["train"]["in"] == 36


def lines_in_split_folders(files: Files) -> None:
    for split, count in (("train", 20), ("test", 4)):
        lines = [f"{'good' if row % 2 else 'bad'} {split} film {row}" for row in range(count)]
        files.write(f"set/{split}/all.txt", "\n".join(lines))


def test_split_folders_of_texts_are_not_classes(files: Files) -> None:
    lines_in_split_folders(files)
    message = (
        "set: test is named as the test split, but its texts are not in folders of their classes: "
        "test/CLASS/*.txt. If every line is a label and a text: data.format: label_text"
    )
    assert files.error(files.folder / "set") == message
    assert files.error(files.folder / "set", format="folder") == message
    dataset = files.load(files.folder / "set", format="label_text")
    assert (dataset.classes, len(dataset.test)) == (("bad", "good"), 4)


def test_a_class_may_be_called_like_a_split(files: Files) -> None:
    for kind in ("design", "development"):
        for number in range(10):
            files.write(f"set/{kind}/{number}.txt", f"{kind} {number}")
    assert files.load(files.folder / "set").classes == ("design", "development")


def test_a_declared_format_goes_before_folders_of_texts(files: Files) -> None:
    files.write("train/pos/0.txt", "a film")
    files.write("train/neg/0.txt", "another")
    assert files.error(files.folder / "train", format="csv") == (
        "train: data.format is csv, but the folder contains folders of texts. Set data.format: folder"
    )


def test_json_files_named_as_splits_are_read_and_others_are_named(files: Files) -> None:
    rows = "".join(f'{{"text": "film {row}", "label": "{"xy"[row % 2]}"}}\n' for row in range(20))
    files.write("set/train.json", rows)
    files.write("set/test.json", rows.replace("film", "show"))
    files.write("set/dataset_info.json", "{}")
    dataset = files.load(files.folder / "set")
    assert len(dataset.test) == 20
    assert (
        note(dataset, "describe the data")
        == "not read, because by their names they describe the data: dataset_info.json."
    )
    files.write("other/reviews.json", rows)
    assert files.error(files.folder / "other") == (
        "other: the folder has no data file besides reviews.json. If one is the data, name it: data.source"
    )


def test_two_folders_of_one_split_are_refused(files: Files) -> None:
    review_folders(files, "train", "dev", "valid")
    message = files.error(files.folder)
    assert "dev and valid are both named as the validation split. Name the folder of each split:" in message
    for name in ("dev", "valid"):
        files.write(f"set/{name}/a.csv", csv_text(4))
    files.write("set/train.csv", csv_text(30))
    files.write("set/test.csv", csv_text(6).replace("film", "show"))
    assert files.load(files.folder / "set").test.ids[0] == "test.csv:2"  # then nobody asks what else is there


def test_files_beside_folders_of_splits_are_noted(files: Files) -> None:
    files.write("set/train/a.csv", csv_text(30))
    files.write("set/test/a.csv", csv_text(6).replace("film", "show"))
    files.write("set/extra.csv", csv_text(4).replace("film", "play"))
    assert note(files.load(files.folder / "set"), "not read") == "not read, because not named as a split: extra.csv."


def test_files_of_a_class_that_are_not_texts_are_noted(files: Files) -> None:
    for kind in ("a", "b"):
        for number in range(10):
            files.write(f"set/{kind}/{number}.txt", f"{kind} {number}")
    for number in range(7):
        files.write(f"set/b/{number}.text", f"b {number} more")
    assert note(files.load(files.folder / "set"), "not read") == (
        "set/b: by their names not texts, so not read: 0.text, 1.text, 2.text, 3.text, 4.text and 2 more."
    )


def test_folders_of_classes_with_a_split_word_in_their_names(files: Files) -> None:
    for split, count in (("20news-bydate-train", 12), ("20news-bydate-test", 4)):
        for group in ("sci.space", "alt.atheism"):
            for number in range(count):
                files.write(f"20news/{split}/{group}/{number + 50_000}", f"From: me\n\n{split} {group} {number}\n")
    path = files.folder / "20news"
    dataset = data.load(recipe.Data.model_validate({"source": str(path)}), {"all": [path]})
    assert dataset.classes == ("alt.atheism", "sci.space")
    assert len(dataset.test) == 8
    assert dataset.test.ids[0].startswith("20news-bydate-test/alt.atheism/50000")


def test_some_folders_with_a_split_word_are_classes(files: Files) -> None:
    for group in ("driving_test", "train_ticket", "other"):
        for number in range(9):
            files.write(f"intents/{group}/{number}.txt", f"{group} {number}\n")
    path = files.folder / "intents"
    dataset = data.load(recipe.Data.model_validate({"source": str(path)}), {"all": [path]})
    assert dataset.classes == ("driving_test", "other", "train_ticket")


def test_split_words_in_camel_case_names(files: Files) -> None:
    files.write("reviewsTrain.csv", csv_text(30))
    files.write("reviewsDev.csv", csv_text(6).replace("film", "play"))
    files.write("ABCTest.csv", csv_text(4).replace("film", "show"))
    files.write("Latest.csv", csv_text(50))
    files.write("contestValues.csv", csv_text(50))
    dataset = files.load(files.folder)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (30, 6, 4)
    assert note(dataset, "not read") == "not read, because not named as a split: Latest.csv and contestValues.csv."


def test_files_that_are_read_as_one_set_are_noted(files: Files) -> None:
    for number, name in enumerate(("one", "two", "three", "four", "five")):
        files.write(f"shop/{name}.csv", csv_text(10).replace("film", f"film of {number}"))
    dataset = files.load(files.folder / "shop")
    assert note(dataset, "as one set") == (
        "shop: no file is named as a split (train, validation, test), so 5 files are read as one set of rows: "
        "five.csv, four.csv, one.csv, three.csv and 1 more. If they are splits: data.source: {train: FILE, test: FILE}"
    )


def test_two_files_named_as_validation_are_an_error_with_the_option_that_chooses(files: Files) -> None:
    for name in ("train", "dev", "val", "test"):
        files.write(f"shop, two/{name}.csv", csv_text(10).replace("film", name))
    folder = files.folder / "shop, two"
    message = files.error(folder)
    assert message == (
        "shop, two: dev.csv and val.csv are both named as validation rows. Name one of them in data.source; "
        f'for dev.csv: --set \'data.source={{train: "{folder}/train.csv", validation: "{folder}/dev.csv", '
        f'test: "{folder}/test.csv"}}\''
    )
    (option,) = shlex.split(message.partition("--set ")[2])
    source = yaml.safe_load(option.partition("=")[2])
    assert [Path(source[split]).name for split in ("train", "validation", "test")] == [
        "train.csv",
        "dev.csv",
        "test.csv",
    ]
