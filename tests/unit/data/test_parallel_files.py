"""Texts in one file and their labels in another: TweetEval, SNIPS, and files named in the recipe."""

from pathlib import Path
from typing import Any

import pytest
from labelled_files import Files, labels, note, texts

from finetooth import data, recipe
from finetooth.errors import DataError

SPLITS = {"train": ("film", 30), "val": ("play", 8), "test": ("show", 8)}


def tweeteval(files: Files, *, mapping: str | None = "0\tnegative\n1\tpositive\n") -> Path:
    for split, (word, count) in SPLITS.items():
        rows = range(count)
        files.write(f"tweets/{split}_text.txt", "".join(f"@user a {word}, number {row}\n" for row in rows))
        files.write(f"tweets/{split}_labels.txt", "".join(f"{row % 2}\n" for row in rows))
    if mapping is not None:
        files.write("tweets/mapping.txt", mapping)
    return files.folder / "tweets"


def load(source: Path, **spec: Any) -> data.Dataset:
    return data.load(recipe.Data.model_validate({"source": str(source), **spec}), {"all": [source]})


def test_a_folder_of_texts_and_labels_is_read_with_the_names_of_its_mapping(files: Files) -> None:
    dataset = load(tweeteval(files))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (30, 8, 8)
    assert dataset.classes == ("negative", "positive")
    assert labels(dataset)["val_text.txt:2"] == "positive"
    assert texts(dataset)["train_text.txt:3"] == "@user a film, number 2"
    assert note(dataset, "train_text.txt") == (
        "train_text.txt: the label of each line is read from the same line of train_labels.txt; mapping.txt gives the "
        "names of the numbers: 0 = negative, 1 = positive."
    )
    fact = next(fact for fact in dataset.summary["files"] if fact["file"] == "train_text.txt")
    assert (fact["format"], fact["labels_file"], fact["rows"]) == ("parallel", "train_labels.txt", 30)
    assert fact["sha256"] != fact["labels_sha256"]


def test_declared_labels_go_before_a_mapping_and_numbers_stay_without_one(files: Files) -> None:
    assert load(tweeteval(files), labels=["bad", "good"]).classes == ("bad", "good")
    (files.folder / "tweets" / "mapping.txt").unlink()
    assert load(files.folder / "tweets").classes == ("0", "1")


def test_folders_of_splits_with_texts_labels_and_tags_of_the_words(files: Files) -> None:
    for split, (word, count) in {"train": ("film", 30), "valid": ("play", 8), "test": ("show", 8)}.items():
        files.write(f"snips/{split}/seq.in", "".join(f"play the {word} {row}\n" for row in range(count)))
        files.write(f"snips/{split}/seq.out", "O O B-film O\n" * count)
        files.write(
            f"snips/{split}/label", "".join(f"{('PlayMusic', 'GetWeather')[row % 2]}\n" for row in range(count))
        )
    dataset = load(files.folder / "snips")
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (30, 8, 8)
    assert dataset.classes == ("GetWeather", "PlayMusic")
    assert labels(dataset)["train/seq.in:1"] == "PlayMusic"


@pytest.mark.parametrize("cut", ["train_text.txt", "train_labels.txt"])
def test_files_of_different_lengths_are_refused_by_name(files: Files, cut: str) -> None:
    folder = tweeteval(files)
    lines = (folder / cut).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / cut).write_text("".join(lines[:-1]), encoding="utf-8")
    counts = {"train_text.txt": 30, "train_labels.txt": 30, cut: 29}
    with pytest.raises(DataError) as caught:
        load(folder)
    assert str(caught.value) == (
        f"train_text.txt has {counts['train_text.txt']} lines and train_labels.txt {counts['train_labels.txt']}: the "
        "label of each text must be on the same line of the other file. Was one file cut short, or does a text "
        "contain a line break?"
    )


def test_a_blank_line_at_the_end_of_one_file_is_not_a_row(files: Files) -> None:
    folder = tweeteval(files)
    with (folder / "train_labels.txt").open("a", encoding="utf-8") as file:
        file.write("\n\n")
    assert len(load(folder).train) == 30


def test_a_text_without_a_label_is_a_malformed_row(files: Files) -> None:
    folder = tweeteval(files)
    lines = (folder / "train_labels.txt").read_text(encoding="utf-8").splitlines()
    (folder / "train_labels.txt").write_text("\n".join([*lines[:4], "", *lines[5:], ""]), encoding="utf-8")
    with pytest.raises(DataError, match=r"^train_text\.txt row 5: label is missing"):
        load(folder)


def test_files_of_any_names_are_read_as_the_recipe_lists_them(files: Files) -> None:
    paths = [
        files.write("a.dat", "".join(f"a film {row}\n" for row in range(30))),
        files.write("b.dat", "".join(f"{'xy'[row % 2]}\n" for row in range(30))),
    ]
    spec = recipe.Data.model_validate({"source": {"train": list(map(str, paths))}, "format": "parallel"})
    dataset = data.load(spec, {"train": paths})
    assert dataset.classes == ("x", "y")
    assert set(texts(dataset)) == {f"a.dat:{row}" for row in range(1, 31)}
    with pytest.raises(
        DataError, match=r"b\.dat: data\.format is parallel, but this file of texts has no file of labels"
    ):
        data.load(spec, {"train": paths[1:]})


def test_the_texts_alone_name_their_labels_and_other_files_are_scored_and_predicted(files: Files) -> None:
    folder = tweeteval(files)
    assert len(load(folder / "train_text.txt").train) > 15
    spec = recipe.Data.model_validate({"source": str(folder)})
    for path in (folder, folder / "test_text.txt"):
        examples = data.read_labelled(spec, [path], classes=["negative", "positive"])
        assert (len(examples), examples.labels.tolist()) == (8, [0, 1] * 4)
    assert data.read_texts(folder / "test_text.txt", spec=spec)[0][0] == "@user a show, number 0"
