"""Every kind of source gives a recipe: recipe files, data, frames and pairs."""

from pathlib import Path
from typing import Any

import pandas
import pyarrow
import pytest

import finetooth
from finetooth.errors import RecipeError
from finetooth.progress import Silent
from finetooth.recipe_draft import load_recipe

ROWS = [(f"{('a clever film', 'a dull story')[row % 2]}, number {row}", ("good", "bad")[row % 2]) for row in range(60)]
COLUMNS = {"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]}


class Lines(Silent):
    """A Progress that records its messages."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with data, and a separate cache."""
    monkeypatch.setenv("FINETOOTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    pandas.DataFrame(COLUMNS).to_csv("reviews.csv", index=False)
    return tmp_path


def test_a_file_of_data_gives_a_recipe_and_says_which(folder: Path) -> None:
    lines = Lines()
    made = load_recipe("reviews.csv", overrides=["training.epochs=1"], progress=lines)
    assert made.data.source == str(folder / "reviews.csv")
    assert (made.name, made.training.epochs, made.data.label) == ("reviews", 1, "label")
    messages = "\n".join(lines.said)
    assert messages.splitlines() == [
        "Recipe reviews, drafted from the data:",
        "  text: text                      # by its name",
        "  label: label                    # by its name",
        "  model: minilm",
        "  candidates: [lora-r8]",
        "To save and edit it: finetooth init reviews.csv",
    ]
    assert load_recipe(Path("reviews.csv")) == load_recipe("./reviews.csv") == load_recipe("reviews.csv")


def test_how_to_choose_another_column_is_said_once(folder: Path) -> None:
    wings = [("left", "right", "centre")[row % 3] for row in range(60)]
    frame = pandas.DataFrame({"speaker name": [f"S. {row % 20}" for row in range(60)], "statement": COLUMNS["text"]})
    frame.assign(verdict=COLUMNS["label"], wing=wings).to_csv("speeches.csv", index=False)
    lines = Lines()
    load_recipe("speeches.csv", progress=lines)
    assert "\n".join(lines.said).splitlines()[-4:] == [
        "To choose otherwise, add to the command:",
        "  --set 'data.label=\"speaker name\"'",
        "  --set 'data.group=\"speaker name\"'",
        "To save and edit it: finetooth init speeches.csv",
    ]
    made = load_recipe("speeches.csv", overrides=['data.group="speaker name"', "data.label=wing"])
    assert (made.data.group, made.data.label) == ("speaker name", "wing")


def test_the_recipe_of_init_is_the_recipe_of_run(folder: Path) -> None:
    from finetooth.recipe_draft.draft import draft
    from finetooth.recipe_draft.recipe_text import recipe_text

    text = recipe_text(draft(str(folder / "reviews.csv"), progress=Silent()), path=folder / "reviews.yaml")
    (folder / "reviews.yaml").write_text(text, encoding="utf-8")
    assert load_recipe("reviews.yaml") == load_recipe("reviews.csv")


def test_a_recipe_is_recognised_by_its_ending(folder: Path) -> None:
    recipe = "name: mine\nmodel: owner/name\ndata: {source: reviews.csv}\n"
    for name in ("mine.yaml", "mine.YML"):
        (folder / name).write_text(recipe, encoding="utf-8")
        assert load_recipe(name).name == "mine"
    same = load_recipe({"name": "mine", "model": "owner/name", "data": {"source": "reviews.csv"}})
    assert load_recipe(same) == same == load_recipe("mine.yaml")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "reviws.csv",
            r"reviws\.csv: no such file or folder of data \(a recipe ends in .*\)\. Did you mean 'reviews\.csv'",
        ),
        (
            "mine",
            r"mine: no such file or folder of data \(a recipe ends in \.yaml or \.yml\)\. Did you mean 'mine\.yaml'",
        ),
        ("mine.yml", r"mine\.yml: no such recipe\. Did you mean 'mine\.yaml'"),
        ("data/reviews", r"data/reviews: no such file or folder of data"),
        (
            "runs/old",
            r"runs/old: this is a run folder, not data\. To see its table: finetooth show runs/old\. .* "
            r"runs/old/recipe\.yaml",
        ),
    ],
)
def test_a_missing_path_is_named_with_the_nearest(folder: Path, source: str, message: str) -> None:
    (folder / "mine.yaml").write_text("name: mine", encoding="utf-8")
    (folder / "data").mkdir()
    (folder / "runs" / "old").mkdir(parents=True)
    (folder / "runs" / "old" / "plan.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RecipeError, match=message):
        load_recipe(source)


FRAMES: dict[str, Any] = {
    "pandas": lambda: pandas.DataFrame(COLUMNS),
    "polars": lambda: pytest.importorskip("polars").DataFrame(COLUMNS),
    "pyarrow": lambda: pyarrow.table(COLUMNS),
    "pairs": lambda: ROWS,
}


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_is_saved_under_the_hash_of_its_content(folder: Path, kind: str) -> None:
    frame, lines = FRAMES[kind](), Lines()
    made = load_recipe(frame, progress=lines)
    assert made == load_recipe(frame)
    (file,) = (folder / "cache" / "frames").iterdir()
    assert made.data.source == str(file)
    assert made.name == file.stem
    assert lines.said[0] == f"The data is saved as {file}"
    changed = load_recipe([*ROWS[:-1], ("another film", "good")])
    assert changed.data.source != made.data.source


def test_the_same_rows_from_any_library_are_the_same_data() -> None:
    assert len({load_recipe(frame()).data.source for frame in FRAMES.values()}) == 1


def test_splits_are_named_in_a_mapping(folder: Path) -> None:
    frame = pandas.DataFrame(COLUMNS)
    other = frame.assign(text=frame["text"] + "!")
    made = load_recipe({"train": frame, "test": other})
    assert isinstance(made.data.source, finetooth.recipe.SplitSources)
    assert made.data.source.validation is None and made.data.source.test != made.data.source.train
    other.to_csv("more.csv", index=False)
    paths = load_recipe({"train": ["reviews.csv"], "test": Path("more.csv")})
    assert isinstance(paths.data.source, finetooth.recipe.SplitSources)
    assert paths.data.source.train == [str(folder / "reviews.csv")]


def test_an_object_without_rows_is_a_type_error() -> None:
    for thing in (7, None):
        with pytest.raises(TypeError, match="no rows with a text and a label"):
            load_recipe(thing)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["train", "val"], "the splits of data must be train, validation and test, not train, val."),
        (["train", "valid"], "not train, valid. Did you mean 'validation'?"),
        (["training", "test"], "not training, test. Did you mean 'train'?"),
    ],
)
def test_a_mapping_with_an_unknown_split_is_refused_with_the_names(keys: list[str], message: str) -> None:
    for rows in (ROWS, pandas.DataFrame(COLUMNS), "reviews.csv"):
        with pytest.raises(RecipeError) as caught:
            load_recipe(dict.fromkeys(keys, rows))
        assert str(caught.value).endswith(message)


def test_a_mapping_of_columns_is_refused_with_what_to_pass(folder: Path) -> None:
    frame = pandas.DataFrame(COLUMNS)
    for columns in (COLUMNS, {"text": tuple(COLUMNS["text"]), "label": frame["label"].to_numpy()}, dict(frame.items())):
        with pytest.raises(RecipeError) as caught:
            load_recipe(columns)
        assert str(caught.value) == (
            "a mapping of columns (text, label) is neither a recipe nor data. Pass a data frame with these columns, "
            "or a list of (text, label) pairs: list(zip(texts, labels))."
        )


def test_a_mapping_with_keys_of_a_recipe_is_judged_as_one(folder: Path) -> None:
    for recipe in ({"seeds": [0]}, {"name": "mine", "train": "reviews.csv"}, {}):
        with pytest.raises(RecipeError, match="key 'model' is missing"):
            load_recipe(recipe)
