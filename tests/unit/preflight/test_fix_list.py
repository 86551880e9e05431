"""The fix list has a line for every flagged row, is written completely, and never replaces a source of data."""

import csv
import os
from pathlib import Path

import pytest
from labelled_rows import clean_rows, dataset

from finetooth.errors import RecipeError
from finetooth.preflight import Finding, FlaggedRow, fix_list, inspect


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_that_is_named_has_its_line(tmp_path: Path) -> None:
    train = [*clean_rows(300), ('=1+1, "quoted"\nand more', "ham"), ('=1+1, "quoted"\nand more', "spam")]
    test = [*clean_rows(60, start=2000), ("secret", "ham"), ("secret", "spam")]
    data_set = dataset(train, test=test)
    findings = [finding for finding in inspect(data_set) if finding.code != "giveaway_words"]
    path = tmp_path / "fix.csv"
    assert (
        fix_list.write(path, findings, data_set) == len(lines(path)) == sum(len(finding.rows) for finding in findings)
    )
    by_code = {(line["code"], line["split"], line["row"]): line for line in lines(path)}
    says = "1 text has different labels, in 2 rows."
    assert by_code["conflicting_labels", "train", "301"] == {
        "file": "train.csv",
        "row": "301",
        "split": "train",
        "code": "conflicting_labels",
        "finding": says,
        "label": "ham",
        "suggestion": "decide: ham or spam",
        "text": '=1+1, "quoted"\nand more',
    }
    of_test = by_code["duplicates_in_split", "test", "62"]
    assert (of_test["label"], of_test["text"], of_test["suggestion"]) == (
        "",
        "",
        "for information: repeats test.csv:61",
    )


def test_a_suggested_label_replaces_the_advice(tmp_path: Path) -> None:
    rows = (FlaggedRow("train.csv:2", "train", "read it again", "spam"), FlaggedRow("gone.csv:9", "train", "left out"))
    fix_list.write(tmp_path / "fix.csv", [Finding("code", "warn", "Says.", "Do.", rows)], dataset())
    findings = lines(tmp_path / "fix.csv")
    assert [(line["suggestion"], line["label"]) for line in findings] == [("spam", "spam"), ("left out", "")]
    assert findings[0]["text"] == clean_rows(2)[1][0]


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "\r"])
def test_formulas_are_escaped_only_with_excel_safe(tmp_path: Path, mark: str) -> None:
    text = f"{mark}HYPERLINK(1)"
    data_set = dataset([*clean_rows(300), (text, "ham")])
    findings = [Finding("code", "warn", "Says.", "Do.", (FlaggedRow("train.csv:301", "train", "read it"),))]
    path = tmp_path / "fix.csv"
    for safe, shown in ((False, text), (True, f"'{text}")):
        fix_list.write(path, findings, data_set, excel_safe=safe)
        assert lines(path)[0]["text"] == shown


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fix.csv"
    path.write_text("old")

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        fix_list.write(path, [], dataset())
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["fix.csv"]


def test_no_source_of_data_is_written_over(tmp_path: Path) -> None:
    source = tmp_path / "reviews.csv"
    source.write_text("text,label\n")
    (tmp_path / "link.csv").hardlink_to(source)
    (tmp_path / "soft.csv").symlink_to(source)
    for name in ("reviews.csv", "link.csv", "soft.csv"):
        with pytest.raises(RecipeError) as caught:
            fix_list.check_path(tmp_path / name, [source])
        assert str(caught.value) == (f"--fix-list {tmp_path / name}: this file is a source of data. Name another file.")
    fix_list.check_path(tmp_path / "fix.csv", [source, tmp_path / "gone.csv"])


def test_it_is_never_in_a_folder_that_is_read_as_data(tmp_path: Path) -> None:
    folder = tmp_path / "reviews"
    (folder / "pos").mkdir(parents=True)
    with pytest.raises(RecipeError) as caught:
        fix_list.check_path(folder / "pos" / "fix.csv", [folder])
    assert str(caught.value) == (
        f"--fix-list {folder / 'pos' / 'fix.csv'}: the folder reviews is read as data. Name a file outside of it."
    )


def test_only_a_csv_file_in_an_existing_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name, reason in (
        ("mine.yaml", "name a file that ends in .csv."),
        ("folder.csv", "this is a folder. Name a file in an existing folder."),
        ("no/fix.csv", f"there is no folder {tmp_path / 'no'}. Name a file in an existing folder."),
    ):
        with pytest.raises(RecipeError) as caught:
            fix_list.check_path(tmp_path / name, [])
        assert str(caught.value) == f"--fix-list {tmp_path / name}: {reason}"
