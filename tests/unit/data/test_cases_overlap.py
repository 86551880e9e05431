"""Data cases 66 to 71: rows that occur twice, in one split or in two."""

import numpy as np
from labelled_files import Files, csv_rows, csv_text

from finetooth import preflight


def test_case_66_exact_duplicates_stay_on_one_side(files: Files) -> None:
    content = "text,label\n" + "\n".join(row for row in csv_rows(30) for _ in range(3)) + "\n"
    dataset = files.load(content)
    splits = [set(split.texts) for split in (dataset.train, dataset.validation, dataset.test)]
    assert not (splits[0] & splits[1] or splits[0] & splits[2] or splits[1] & splits[2])
    assert "duplicates_in_split" in [finding.code for finding in preflight.inspect(dataset)]


def test_case_67_conflicting_labels(files: Files) -> None:
    train = csv_text() + "one film,good\none  film,bad\n"
    dataset = files.splits(train=train, test=csv_text(4).replace("film", "show"), validation=2)
    (conflict,) = [finding for finding in preflight.inspect(dataset) if finding.code == "conflicting_labels"]
    assert [row.id for row in conflict.rows] == ["train.csv:22", "train.csv:23"]


def test_case_68_overlap_of_train_and_test(files: Files) -> None:
    dataset = files.splits(train=csv_text(20), test=csv_text(4))
    assert dataset.summary["rows"]["train"]["dropped"] == {"equals a test row": 4}
    assert dataset.summary["leaks"][0] == {
        "id": "train.csv:2",
        "equals": "test.csv:2",
        "splits": ["train", "test"],
        "exactly": True,
    }
    assert len(dataset.test) == 4


def test_case_69_overlap_after_normalising(files: Files) -> None:
    test = "text,label\nfilm  number\u00a00 was\twatched,bad\nＦilm 99,good\nFilm NUMBER 1 was watched,good\n"
    dataset = files.splits(train=csv_text(20) + "Film 99,good\n", test=test)
    # White space and width are levelled; case is not.
    assert [(leak["id"], leak["exactly"]) for leak in dataset.summary["leaks"]] == [
        ("train.csv:2", False),
        ("train.csv:22", False),
    ]


def test_case_69_overlap_can_stop(files: Files) -> None:
    assert files.splits_error(train=csv_text(20), test=csv_text(2), on_leak="stop") == (
        "2 rows are in two splits:\n"
        "train.csv:2 equals test.csv:2\n"
        "train.csv:3 equals test.csv:3\n"
        "Remove them, or have them dropped and counted: data.on_leak: drop"
    )


def test_case_70_train_and_test_are_one_file(files: Files) -> None:
    train = files.write("train.csv", csv_text())
    (files.folder / "test.csv").hardlink_to(train)
    assert files.error(files.folder) == (
        "test.csv (test) and train.csv (train) are the same file, but each split needs its own rows. To split one "
        "file, name only that file in data.source."
    ) or files.error(files.folder).startswith("train.csv (train) and test.csv (test) are the same file, but")


def test_case_70_the_same_rows_under_two_names(files: Files) -> None:
    assert files.splits_error(train=csv_text(), test=csv_text()) == (
        "no row is left for the train split (20 equals a test row; do two splits have the same rows?). Add rows, or "
        "change data.test and data.validation."
    )


def test_case_71_sorted_by_label(files: Files) -> None:
    rows = sorted(csv_rows(100), key=lambda row: row.rsplit(",", 1)[1])
    dataset = files.load("\n".join(["text,label", *rows]))
    assert np.bincount(dataset.test.labels).tolist() == [10, 10]
    assert dataset.summary["counts"]["validation"] == {"bad": 4, "good": 4}


def test_the_summary_says_only_which_classes_test_rows_have(files: Files) -> None:
    rows = [f"text {number},{'abc'[number % 3]}" for number in range(30)]
    test = ["other 1,a", "other 2,c", "other 3,c"]
    dataset = files.splits(train="\n".join(["text,label", *rows]), test="\n".join(["text,label", *test]))
    assert dataset.summary["counts"].keys() == {"train", "validation"}
    assert dataset.summary["test_classes"] == ["a", "c"]
    assert dataset.summary["rows"]["test"]["used"] == 3
