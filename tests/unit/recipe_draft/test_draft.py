"""A drafted recipe is valid, gives a reason for each setting, and loads as the recipe that was drafted."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from finetooth import recipe
from finetooth.errors import DataError, RecipeError
from finetooth.progress import Silent
from finetooth.recipe import MODEL_NAMES
from finetooth.recipe_draft.draft import Draft, draft
from finetooth.recipe_draft.recipe_text import recipe_text

REPOSITORY = Path(__file__).resolve().parents[3]
MATERIAL = Path(os.environ.get("FINETOOTH_MATERIAL", REPOSITORY.parent / "shared"))
GOOD, BAD = "a warm and clever film", "a dull and lifeless story"


def save_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def reviews(count: int = 60, *, labels: Sequence[Any] = ("good", "bad")) -> list[tuple[str, Any]]:
    texts = [(GOOD, BAD)[row % 2] + f", number {row}" for row in range(count)]
    return [(text, labels[row % len(labels)]) for row, text in enumerate(texts)]


def drafted(source: Path, *overrides: str) -> Draft:
    return draft(str(source), overrides=overrides, progress=Silent())


def text_of(made: Draft, path: Path) -> str:
    """The text of the recipe, after checks that hold for every recipe."""
    text = recipe_text(made, path=path)
    assert len(text.splitlines()) <= 40
    # The path of the data is as long as it is.
    assert max(len(line) for line in text.splitlines() if not line.startswith("  source: ")) <= 80
    assert text.startswith("# yaml-language-server: $schema=./recipe.schema.json\n")
    path.write_text(text, encoding="utf-8")
    assert recipe.load(path) == made.recipe
    return text


def test_a_file_with_a_text_and_a_label(tmp_path: Path) -> None:
    rows = [(number, *row, f"title {number} of it") for number, row in enumerate(reviews())]
    made = drafted(save_csv(tmp_path / "reviews.csv", ["id", "text", "category", "title"], rows))
    assert made.recipe.name == "reviews"
    assert made.recipe.model == MODEL_NAMES["minilm"].source
    assert (made.recipe.data.text, made.recipe.data.label) == ("text", "category")
    assert [candidate.name for candidate in made.recipe.candidates] == ["lora-r8"]
    text = text_of(made, tmp_path / "mine.yaml")
    for line in (
        "# Next: finetooth check mine.yaml, then finetooth run mine.yaml",
        "# 60 rows of reviews.csv: 43 train, 5 validation (split off), 12 test (split",
        "# off).",
        "# 2 classes: good (51 %), bad (49 %).",
        "# Texts: 7 words (median), 7 at most.",
        "  source: reviews.csv",
        "  text: text                      # by its name",
        "  test: 0.2                       # split off from the training rows",
    ):
        assert line in text.splitlines()
    assert "# Not used: id (nearly all values different" in text
    assert "# Not used: title (free text, 4 words on average; to use it: data.text_pair:" in text


def test_files_of_all_splits_are_named_and_nothing_is_carved(tmp_path: Path) -> None:
    for split, first in (("train", 0), ("dev", 100), ("test", 200)):
        rows = [(f"{text} {first}", label) for text, label in reviews(20)]
        save_csv(tmp_path / "shop" / f"{split}.csv", ["text", "label"], rows)
    made = drafted(tmp_path / "shop")
    text = text_of(made, tmp_path / "shop.yaml")
    assert made.recipe.name == "shop"
    assert "  source: ./shop\n" in text
    assert "split off" not in text and "  test:" not in text
    alone = text_of(drafted(tmp_path / "shop" / "train.csv"), tmp_path / "alone.yaml")
    assert "# dev.csv, test.csv beside it: to use them, name the folder" in alone


@pytest.mark.parametrize("numbers", [(0, 1), (1, 2, 3)])
def test_numbers_can_be_named(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    made = drafted(save_csv(tmp_path / "a.csv", ["text", "label"], reviews(labels=numbers)))
    text = text_of(made, tmp_path / "a.yaml")
    names = [f"name-of-{number}" for number in numbers]
    assert f"  # labels: [{', '.join(names)}]\n" in text
    (tmp_path / "b.yaml").write_text(text.replace("# labels", "labels"), encoding="utf-8")
    assert recipe.load(tmp_path / "b.yaml").data.labels == names


def test_other_numbers_are_unchanged(tmp_path: Path) -> None:
    made = drafted(save_csv(tmp_path / "a.csv", ["text", "label"], reviews(labels=(-1, 1))))
    assert "labels:" not in text_of(made, tmp_path / "a.yaml")


def test_a_link_is_written_as_it_was_named(tmp_path: Path) -> None:
    save_csv(tmp_path / "store" / "d41d8c" / "reviews.csv", ["text", "label"], reviews())
    (tmp_path / "link").symlink_to(tmp_path / "store" / "d41d8c", target_is_directory=True)
    assert "  source: ./link\n" in text_of(drafted(tmp_path / "link"), tmp_path / "a.yaml")


def test_overrides_go_before_detected_settings(tmp_path: Path) -> None:
    rows = [(text, label, ("x", "y")[number % 3 > 1]) for number, (text, label) in enumerate(reviews())]
    file = save_csv(tmp_path / "a.csv", ["text", "label", "other"], rows)
    changes = [
        "data.label=other",
        "training.epochs=1",
        "model=owner/name",
        "data.test=10",
        "candidates=[]",
        "name=mine",
    ]
    made = drafted(file, *changes)
    assert (made.recipe.name, made.recipe.data.label, made.recipe.data.test) == ("mine", "other", 10)
    text = text_of(made, tmp_path / "a.yaml")
    assert yaml.safe_load(text) == {
        "name": "mine", "model": "owner/name", "training": {"epochs": 1}, "candidates": [],
        "data": {"source": "a.csv", "label": "other", "text": "text", "test": 10.0, "validation": 0.1},
    }  # fmt: skip
    with pytest.raises(RecipeError, match=r"unknown key 'data\.lable'"):
        drafted(file, "data.lable=other")


def test_a_recipe_elsewhere_finds_the_data(tmp_path: Path) -> None:
    file = save_csv(tmp_path / "data" / "my reviews.csv", ["text", "label"], reviews())
    (tmp_path / "recipes").mkdir()
    assert "  source: ../data/my reviews.csv\n" in text_of(drafted(file), tmp_path / "recipes" / "a.yaml")
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    assert f"source: {file}" in text_of(drafted(file), deep / "a.yaml").replace("'", "")


def test_names_from_the_data_cannot_break_the_file(tmp_path: Path) -> None:
    columns = ["text", "label", 'odd: "name"\n# of \x1b[31m column\u2028']
    rows = [(*row, f"{row[0]} {number}") for number, row in enumerate(reviews(labels=("#no", "- 'ye\u2028s'")))]
    text = text_of(drafted(save_csv(tmp_path / "a #1: b.csv", columns, rows)), tmp_path / "a.yaml")
    assert text.isascii() or all(mark.isprintable() or mark == "\n" for mark in text)


def test_long_texts_are_noted(tmp_path: Path) -> None:
    rows = [(f"{text} " * 100, label) for text, label in reviews()]
    text = text_of(drafted(save_csv(tmp_path / "a.csv", ["text", "label"], rows)), tmp_path / "a.yaml")
    assert "max_tokens: 512                   # cuts about 100 % of the texts" in text.splitlines()


def test_an_error_that_advises_a_key_says_how_to_set_it_without_a_recipe(tmp_path: Path) -> None:
    rows = [(f"{text} {number}", number) for number, (text, _) in enumerate(reviews())]
    file = save_csv(tmp_path / "a.csv", ["text", "number"], rows)
    with pytest.raises(DataError, match=r"data\.label: COLUMN .*\n.* --set data\.label=\.\.\."):
        drafted(file)
    damaged = tmp_path / "b.csv"
    content = "text,label\n" + "".join(f'"café {text}",{label}\n' for text, label in reviews())
    damaged.write_bytes(content.encode() + "café,bad\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"skip it: data\.on_bad_row: skip\n(.*\n)+.*--set data\.on_bad_row=skip$"):
        drafted(damaged)
    text = text_of(drafted(damaged, "data.on_bad_row=skip"), tmp_path / "b.yaml")
    assert (
        "# 61 rows of b.csv: 43 train, 5 validation (split off), 12 test (split off), 1\n# malformed and skipped."
        in text
    )


def test_scores_are_not_classes(tmp_path: Path) -> None:
    rows = [(text, number / 7) for number, (text, _) in enumerate(reviews(400))]
    file = save_csv(tmp_path / "a.csv", ["text", "label"], [(text, f"{score % 5:.3f}") for text, score in rows])
    with pytest.raises(DataError, match="the labels are numbers with fractions"):
        drafted(file)


def test_a_folder_of_texts_has_no_columns_to_name(tmp_path: Path) -> None:
    for number, (text, label) in enumerate(reviews()):
        (tmp_path / "texts" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / label / f"{number}.txt").write_text(text, encoding="utf-8")
    text = text_of(drafted(tmp_path / "texts"), tmp_path / "a.yaml")
    assert "text:" not in text and "label:" not in text


@pytest.mark.parametrize("name", ["banking77", "germeval2018", "imdb", "sms_spam", "sst2", "trec6", "rte/train.tsv"])
def test_public_data_gives_a_recipe(name: str, tmp_path: Path) -> None:
    source = MATERIAL / "data" / name
    if not source.exists():
        pytest.skip(f"{name} is not here: set FINETOOTH_MATERIAL to the folder that holds data/ and models/")
    text_of(drafted(source), tmp_path / "a.yaml")
