"""Settings for files whose name and header do not show their form are detected by content, only if needed."""

from pathlib import Path
from typing import Any

import pytest

from finetooth import data
from finetooth.data import discover
from finetooth.errors import DataError
from finetooth.recipe import Data
from finetooth.recipe_draft.file_settings import settings

WORDS = "it was a warm and clever film|the plot is dull and much too long|I would see this again at once".split("|")
ROWS = [(("good", "bad")[row % 2], f"{WORDS[row % 3]}, number {row}") for row in range(60)]


def form_of(path: Path, content: str | bytes, **spec: Any) -> dict[str, Any]:
    """The settings detected for a file with that content, after checking that they read it."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    chosen = {item.key: item.value for item in settings({"all": [path]}, spec=Data(source=str(path), **spec))}
    dataset = data.load(Data(source=str(path), **{**spec, **chosen}), {"all": [path]})
    assert sum(len(split) for split in (dataset.train, dataset.validation, dataset.test)) == len(ROWS)
    return chosen


def lines(form: str, rows: list[tuple[str, str]] = ROWS) -> str:
    return "".join(form.format(label=label, text=text) + "\n" for label, text in rows)


def test_a_table_with_a_header_needs_nothing(tmp_path: Path) -> None:
    assert form_of(tmp_path / "a.csv", "label,text\n" + lines('{label},"{text}"')) == {}


def test_tabs_in_a_file_without_an_ending(tmp_path: Path) -> None:
    assert form_of(tmp_path / "Collection", lines("{label}\t{text}")) == {"format": "tsv", "columns": ["label", "text"]}
    assert form_of(tmp_path / "Headed", "label\ttext\n" + lines("{label}\t{text}")) == {"format": "tsv"}


def test_a_label_at_the_beginning_of_every_line(tmp_path: Path) -> None:
    ordered = sorted(ROWS)  # all of one class first, as such files often are
    assert form_of(tmp_path / "reviews.all", lines("{label} {text}", ordered)) == {"format": "label_text"}


def test_a_table_in_a_file_whose_name_is_unset(tmp_path: Path) -> None:
    chosen = form_of(tmp_path / "reviews.dat", lines("{label};{text}"))
    assert chosen == {"format": "csv", "delimiter": ";", "columns": ["label", "text"]}


def test_a_csv_file_without_a_header(tmp_path: Path) -> None:
    assert form_of(tmp_path / "a.csv", lines('{label},"{text}"')) == {"columns": ["label", "text"]}
    content = lines('"{text}","{text}",{label}')  # read as a header, its first row would name a column twice
    assert form_of(tmp_path / "b.csv", content)["columns"] == ["text", "column2", "label"]


def test_stray_quote_marks(tmp_path: Path) -> None:
    rows = [(label, f'"{text}' if row in (3, 40) else text) for row, (label, text) in enumerate(ROWS)]
    assert form_of(tmp_path / "a.tsv", "label\ttext\n" + lines("{label}\t{text}", rows)) == {"quoting": False}
    assert form_of(tmp_path / "b.tsv", "label\ttext\n" + lines('{label}\t"{text}"')) == {}


def test_an_encoding_that_is_not_utf_8(tmp_path: Path) -> None:
    rows = [(label, f"{text}, très déjà vu") for label, text in ROWS]
    chosen = form_of(tmp_path / "a.csv", ("label,text\n" + lines('{label},"{text}"', rows)).encode("latin-1"))
    assert chosen == {"encoding": "cp1252"}


def test_settings_of_the_user_are_not_detected(tmp_path: Path) -> None:
    content = lines("{label}\t{text}")
    assert form_of(tmp_path / "a.tsv", content, columns=["label", "text"]) == {}
    assert form_of(tmp_path / "b", content, format="tsv", columns=["y", "x"]) == {}


def test_prose_has_no_form(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("One sentence here\nanother, longer, sentence there\nword\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"notes: neither its name nor its lines .* --set data\.format=csv"):
        settings({"all": [path]}, spec=Data(source=str(path)))


def test_splits_beside_a_file_of_training_rows(tmp_path: Path) -> None:
    for name in ("en-train.csv", "en-dev.csv", "de-test.csv", "en-test.txt", "other.csv"):
        (tmp_path / name).write_text("text,label\n", encoding="utf-8")
    assert [item.name for item in discover.split_siblings(tmp_path / "en-train.csv")] == ["en-dev.csv"]
    assert discover.split_siblings(tmp_path / "other.csv") == discover.split_siblings(tmp_path) == []


def test_stray_quote_marks_that_merge_rows(tmp_path: Path) -> None:
    rows = [(f"word {row}", "ab"[row % 2]) for row in range(60)]
    rows[20], rows[22] = ('"word 20', "a"), ('word 22"', "b")
    stray = "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)
    assert form_of(tmp_path / "stray.csv", stray) == {"quoting": False}
    verses = "text,label\n" + "".join(f'"word {row}, so\nis, and was",{"ab"[row % 2]}\n' for row in range(60))
    assert form_of(tmp_path / "verses.csv", verses) == {}


def test_words_are_the_texts_beside_longer_names_of_classes(tmp_path: Path) -> None:
    classes = ("THE UNIVERSE ASTRONOMY", "STRENGTH")
    content = "".join(f"w{'ord' * (row % 3)}{row % 45},{classes[row % 2]}\n" for row in range(60))
    assert form_of(tmp_path / "a.csv", content) == {"columns": ["text", "label"]}


QUESTIONS = "Timestamp,What did you like most about this course?,Overall satisfaction\n"
ANSWERS = "".join(f"9:{row:02},{text},{label}\n" for row, (label, text) in enumerate(ROWS)).replace(
    ", number", " number"
)


def test_a_long_question_is_a_name_where_the_labels_repeat(tmp_path: Path) -> None:
    assert form_of(tmp_path / "survey.csv", QUESTIONS + ANSWERS) == {}
    assert form_of(tmp_path / "bare.csv", ANSWERS) == {"columns": ["column1", "text", "label"]}


def test_a_declared_column_is_in_the_header(tmp_path: Path) -> None:
    lone = "Timestamp,What did you like most about this course?\n" + "".join(
        f"9:{row},words {row}\n" for row in range(60)
    )
    path = tmp_path / "survey.csv"
    path.write_text(lone, encoding="utf-8")
    spec = Data(source=str(path), text="what did you like most about this course?")
    assert settings({"all": [path]}, spec=spec) == []
    assert [item.key for item in settings({"all": [path]}, spec=Data(source=str(path)))] == ["columns"]


def test_texts_longer_than_the_limit_of_the_csv_module(tmp_path: Path) -> None:
    rows = [(label, text * (8_000 if row == 7 else 1)) for row, (label, text) in enumerate(ROWS)]
    assert form_of(tmp_path / "long.csv", "label,text\n" + lines('{label},"{text}"', rows)) == {}
    stray = [(label, f'"{text}' if row == 3 else text * 100) for row, (label, text) in enumerate(ROWS)]
    assert form_of(tmp_path / "stray.tsv", "label\ttext\n" + lines("{label}\t{text}", stray)) == {"quoting": False}


def test_blank_lines_alone_are_not_a_table(tmp_path: Path) -> None:
    path = tmp_path / "blank.csv"
    path.write_text("\n\n\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"blank\.csv: the file has only blank lines. Name a file with rows."):
        settings({"all": [path]}, spec=Data(source=str(path)))


def test_a_headed_table_in_a_file_whose_name_is_unset(tmp_path: Path) -> None:
    rows = [(label, f"well, {text}" if row % 3 else text) for row, (label, text) in enumerate(ROWS)]
    assert form_of(tmp_path / "headed.txt", "text,label\n" + lines('"{text}",{label}', rows)) == {}
