"""Recipes written to exhaust or to mislead: refused at once, with the key and what to write instead."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finetooth import recipe
from finetooth.errors import RecipeError
from finetooth.files import check_name

HEAD = "name: mine\nmodel: a/b\ndata: {source: a.csv}\n"


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    started = time.process_time()
    yield
    assert time.process_time() - started < 5


def message_of(tmp_path: Path, text: str | bytes, **options: Any) -> str:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(RecipeError) as caught:
        recipe.load(path, **options)
    return str(caught.value).replace(str(path), "mine.yaml")


NINE = ", ".join(["*{}"] * 9)
ALIASES = "a0: &a0 [x, x]\n" + "".join(
    f"a{level}: &a{level} [{NINE.replace('{}', f'a{level - 1}')}]\n" for level in range(1, 10)
)
MERGES = "m0: &m0 {k: v}\n" + "".join(
    f"m{level}: &m{level} {{<<: [{NINE.replace('{}', f'm{level - 1}')}]}}\n" for level in range(1, 10)
)


@pytest.mark.parametrize("bomb", [ALIASES, MERGES], ids=["aliases", "merges"])
def test_aliases_that_unfold_without_end(tmp_path: Path, bomb: str) -> None:
    assert message_of(tmp_path, HEAD + bomb) == (
        "mine.yaml line 9: has more than 50,000 values after its aliases (*name) are expanded. "
        "Write the values out, or use fewer aliases."
    )


def test_an_alias_of_itself(tmp_path: Path) -> None:
    for text in ("candidates: &a [*a]\n", "training: &a {b: *a}\n", "training: &a {<<: *a}\n"):
        assert message_of(tmp_path, HEAD + text).endswith("contains an alias of itself. Write the values out.")


@pytest.mark.parametrize("text", ["candidates: " + "[" * 5000, "x: " + "{a: " * 5000, "- " * 5000])
def test_nested_too_deep(tmp_path: Path, text: str) -> None:
    assert (
        message_of(tmp_path, text)
        == "mine.yaml is nested too deep; a recipe has at most five levels. Remove brackets or indentation."
    )


def test_a_file_that_is_no_recipe_by_its_size(tmp_path: Path) -> None:
    assert message_of(tmp_path, b"x" * 300_000) == (
        "mine.yaml: has more than 262,144 bytes, the limit for a recipe. Is it a data file?"
    )
    with pytest.raises(RecipeError, match=r"^/dev/zero: has more than 262,144 bytes"):
        recipe.load("/dev/zero")
    assert "more than 262,144 characters" in message_of(tmp_path, HEAD, overrides=["data.text=" + "x" * 300_000])


def test_many_faults_are_counted_and_the_first_are_shown(tmp_path: Path) -> None:
    keys = [f"k{number}" for number in range(100_000)]
    with pytest.raises(RecipeError) as caught:
        recipe.load({"name": "mine", "model": "a/b", "data": {"source": "a.csv"}} | dict.fromkeys(keys, 1))
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[0].startswith("recipe: unknown key 'k0'.")
    assert lines[-1] == "recipe: ... and 99,980 more."
    doubled = message_of(tmp_path, HEAD + "name: x\n" * 30).splitlines()
    assert (len(doubled), doubled[-1]) == (21, "... and 10 more like these.")


def test_numbers_of_thousands_of_digits(tmp_path: Path) -> None:
    assert message_of(tmp_path, HEAD + "seeds: [1" + "0" * 5000 + "]\n") == (
        "mine.yaml line 4: seeds.0: the number has 5,001 digits; the limit is 18. Put quotes around a text."
    )
    for value in (10**5000, -(10**5000)):
        with pytest.raises(RecipeError, match=r"^recipe: max_tokens: .*found a number of thousands of digits\.$"):
            recipe.load({"name": "mine", "model": "a/b", "data": {"source": "a.csv"}, "max_tokens": [value]})


READ_AS_ANOTHER = (
    "as a number in another base, or in minutes or hours. Write a number in decimal digits without a leading "
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("candidates: [{name: a, rank: true}]", "candidates.0.rank: input should be a valid integer; found True."),
        ("candidates: [{name: a, rank: 8.0}]", "candidates.0.rank: input should be a valid integer; found 8.0."),
        ("candidates: [{name: a, rank: '8'}]", "candidates.0.rank: input should be a valid integer; found '8'."),
        ("candidates: [{name: a, alpha: yes}]", "candidates.0.alpha: input should be a valid number; found True."),
        ("candidates: [{name: a, rslora: 1}]", "candidates.0.rslora: input should be a valid boolean; found 1."),
        ("seeds: [true]", "seeds.0: input should be a valid integer; found True."),
        ("training: {weight_decay: on}", "training.weight_decay: input should be a valid number; found True."),
        ("training: {epochs: 1:30}", f"line 4: training.epochs: YAML reads 1:30 {READ_AS_ANOTHER}"),
        ("candidates: [{name: a, rank: 010}]", f"line 4: candidates.0.rank: YAML reads 010 {READ_AS_ANOTHER}"),
        ("max_tokens: 0x80", f"line 4: max_tokens: YAML reads 0x80 {READ_AS_ANOTHER}"),
        ("max_tokens: 0b11", f"line 4: max_tokens: YAML reads 0b11 {READ_AS_ANOTHER}"),
        ("max_tokens: 1_000", f"line 4: max_tokens: YAML reads 1_000 {READ_AS_ANOTHER}"),
        ("decision: {costs: {010: 2}}", f"line 4: decision.costs.010: YAML reads 010 {READ_AS_ANOTHER}"),
        ("margin: 1:30.5", "line 4: margin: YAML reads 1:30.5 as a number in minutes or with separators."),
        ("margin: 2020-01-01", "line 4: margin: YAML reads 2020-01-01 as a date. Put quotes around it."),
        ("margin: =", "line 4: margin: YAML reads = as a key without a name. Put quotes around it."),
        ("seeds: !!set {1}", "line 4: seeds: the tag tag:yaml.org,2002:set is not allowed. Remove it."),
        ("seeds: !!python/name:os.system x", "the tag tag:yaml.org,2002:python/name:os.system is not allowed"),
        ("seeds: !!int [1]", "line 4: seeds: the tag tag:yaml.org,2002:int is not allowed. Remove it."),
        ("seeds: !!bool x", "line 4: seeds: the tag tag:yaml.org,2002:bool is not allowed. Remove it."),
        ("seeds: !!float x", "line 4: seeds: YAML reads x as a number in minutes or with separators."),
        ("seeds: !!map [1]", "not valid YAML"),
    ],
)  # fmt: skip
def test_a_value_that_yaml_reads_as_another(tmp_path: Path, line: str, message: str) -> None:
    assert message in message_of(tmp_path, f"{HEAD}{line}\n")


def test_what_is_plain_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\nmodel: a/b\nseeds: [0, 7]\nmargin: 5e-3\ntraining: {learning_rate: 7e-4, weight_decay: 0}\n"
        "data: {source: a.csv, labels: ['010', '1:30', '2020-01-01', \"=\", 5]}\n"
    )
    values = recipe.load(path)
    assert (values.margin, values.training.learning_rate, values.training.weight_decay) == (0.005, 7e-4, 0)
    assert values.data.labels == ["010", "1:30", "2020-01-01", "=", "5"]
    assert recipe.load(path, overrides=["training.learning_rate=2e-5"]).training.learning_rate == 2e-5


@pytest.mark.parametrize("name", ["con", "aux", "nul", "prn", "com1", "lpt9", "con.txt", "x.", "aux.", "a.."])
def test_names_that_are_no_folders_on_windows(tmp_path: Path, name: str) -> None:
    free = f"my-{name.rstrip('.')}"
    message = f"name: name {name!r} cannot be a folder on Windows. Choose another, such as {free!r}."
    assert message_of(tmp_path, HEAD.replace("mine", name)) == f"mine.yaml: {message}"
    assert message_of(tmp_path, f"{HEAD}candidates: [{{name: {name}}}]\n") == f"mine.yaml: candidates.0.{message}"
    assert check_name(free) == free


@pytest.mark.parametrize("name", ["console", "auxiliary", "com", "lpt10", "x.y", "a-con"])
def test_names_that_only_look_like_these(name: str) -> None:
    assert check_name(name) == name
