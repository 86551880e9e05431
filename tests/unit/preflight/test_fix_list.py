"""The fix list: one line for every row named, written whole, never over a source of data."""

import csv
import os
from pathlib import Path

import pytest
from labelled_rows import clean_rows, dataset

from finetooth.errors import RecipeError
from finetooth.preflight import Finding, Row, fix_list, inspect


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_that_is_named_has_its_line(tmp_path: Path) -> None:
    train = [*clean_rows(300), ('=1+1, "quoted"\nand more', "ham"), ('=1+1, "quoted"\nand more', "spam")]
    test = [*clean_rows(60, start=2000), ("secret", "ham"), ("secret", "spam")]
    given = dataset(train, test=test)
    found = [finding for finding in inspect(given) if finding.code != "giveaway_words"]
    path = tmp_path / "fix.csv"
    assert fix_list.write(path, found, given) == len(lines(path)) == sum(len(finding.rows) for finding in found)
    by_code = {(line["code"], line["split"], line["row"]): line for line in lines(path)}
    says = "1 text stands under different labels, in 2 rows."
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
    assert (of_test["label"], of_test["text"], of_test["suggestion"]) == ("", "", "know of it: repeats test.csv:61")


def test_a_suggested_label_stands_in_place_of_the_advice(tmp_path: Path) -> None:
    rows = (Row("train.csv:2", "train", "read it again", "spam"), Row("gone.csv:9", "train", "left out"))
    fix_list.write(tmp_path / "fix.csv", [Finding("code", "warn", "Says.", "Do.", rows)], dataset())
    found = lines(tmp_path / "fix.csv")
    assert [(line["suggestion"], line["label"]) for line in found] == [("spam", "spam"), ("left out", "")]
    assert found[0]["text"] == clean_rows(2)[1][0]


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "\r"])
def test_formulas_are_made_harmless_only_where_asked(tmp_path: Path, mark: str) -> None:
    text = f"{mark}HYPERLINK(1)"
    given = dataset([*clean_rows(300), (text, "ham")])
    found = [Finding("code", "warn", "Says.", "Do.", (Row("train.csv:301", "train", "read it"),))]
    path = tmp_path / "fix.csv"
    for safe, shown in ((False, text), (True, f"'{text}")):
        fix_list.write(path, found, given, excel_safe=safe)
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
            fix_list.refuse_source(tmp_path / name, [source])
        assert str(caught.value) == (
            f"--fix-list {tmp_path / name}: this is a source of data and stays as it is; name another file."
        )
    fix_list.refuse_source(tmp_path / "fix.csv", [source, tmp_path / "gone.csv"])


def test_it_never_lies_where_it_would_be_read_as_data(tmp_path: Path) -> None:
    folder = tmp_path / "reviews"
    (folder / "pos").mkdir(parents=True)
    with pytest.raises(RecipeError) as caught:
        fix_list.refuse_source(folder / "pos" / "fix.csv", [folder])
    assert str(caught.value) == (
        f"--fix-list {folder / 'pos' / 'fix.csv'}: lies in reviews, which is read as data; name a file outside of it."
    )


def test_only_a_csv_file_in_a_folder_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name, reason in (
        ("mine.yaml", "name a file that ends in .csv."),
        ("folder.csv", "is a folder; name a file in a folder that is there."),
        ("no/fix.csv", f"there is no folder {tmp_path / 'no'}; name a file in a folder that is there."),
    ):
        with pytest.raises(RecipeError) as caught:
            fix_list.refuse_source(tmp_path / name, [])
        assert str(caught.value) == f"--fix-list {tmp_path / name}: {reason}"
