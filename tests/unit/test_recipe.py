"""Recipes: read from a file or a mapping, which sources are paths, and the messages about errors."""

from pathlib import Path
from typing import Any

import pytest

from finetooth import recipe
from finetooth.errors import RecipeError

BARE: dict[str, Any] = {"name": "mine", "model": "owner/name", "data": {"source": "a.csv"}}


def message_of(source: Any, **options: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        recipe.load(source, **options)
    return str(caught.value)


def written(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_recipe_is_named_by_text_or_path_or_given_as_a_mapping(tmp_path: Path, monkeypatch: Any) -> None:
    path = written(tmp_path, "name: mine\nmodel: owner/name\ndata: {source: a.csv}\n")
    monkeypatch.chdir(tmp_path)
    assert recipe.load("mine.yaml") == recipe.load(path) == recipe.load(BARE)
    assert message_of("nine.yaml") == "nine.yaml: no such recipe. Did you mean 'mine.yaml'?"


def test_a_path_is_one_beside_the_recipe_not_where_the_command_is_given(tmp_path: Path, monkeypatch: Any) -> None:
    path = written(tmp_path / "home", "name: mine\nmodel: owner/name\ndata: {source: owner/data}\n")
    (tmp_path / "elsewhere" / "owner" / "name").mkdir(parents=True)
    (tmp_path / "home" / "owner" / "data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = recipe.load(path)
    assert (loaded.model, loaded.data.source) == ("owner/name", str(tmp_path / "home" / "owner" / "data"))
    assert recipe.load(path, overrides=["model=owner/name"]).model == str(tmp_path / "elsewhere" / "owner" / "name")
    assert recipe.load(path, overrides=["model=./x"]).model == str(tmp_path / "elsewhere" / "x")
    assert recipe.load(path, overrides=["model=owner/other"]).model == "owner/other"
    assert [recipe.command_line_source(text) for text in ("owner/name", "owner/data", "x.csv")] == [
        "./owner/name", "owner/data", "x.csv",
    ]  # fmt: skip


def test_the_ending_of_a_data_file_may_be_in_capitals() -> None:
    assert recipe.is_path("DATA.CSV.GZ")
    assert recipe.uncompressed_name("DATA.CSV.GZ") == "data.csv"
    assert not recipe.is_path("owner/name")


def test_what_cannot_be_a_path_is_an_error_of_the_recipe() -> None:
    assert message_of(BARE | {"data": {"source": "~no-such-user/x.csv"}}) == (
        "recipe: '~no-such-user/x.csv' is not usable as a path (Could not determine home directory)."
    )
    for model in ("a" * 5000, "./" + "a" * 5000):
        assert message_of(BARE | {"model": model}) == (
            f"recipe: '{model[:59]}…' is not usable as a path (File name too long)."
        )
    message = message_of(BARE, overrides=["model=~no-such-user/x"])
    assert message.startswith("--set model: '~no-such-user/x' is not usable")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"data": {"source": {"train": "a", "tets": "b"}}},
            "unknown key 'data.source.tets'. Did you mean 'test'? Known here: test, train, validation.",
        ),
        ({"data": {"source": {}}}, "key 'data.source.train' is missing."),
        ({"data": {"source": 5}}, "data.source: input should be a valid string or a mapping; found 5."),
        (
            {"training": {"class_weights": {"good": -1}}},
            "training.class_weights.good: input should be greater than 0; found -1.",
        ),
        (
            {"training": {"class_weights": "balancd"}},
            "training.class_weights: input should be 'balanced' or a mapping; found 'balancd'.",
        ),
        (
            {"training": {"evaluate_every": "ever"}},
            "training.evaluate_every: input should be a valid integer or 'epoch'; found 'ever'.",
        ),
        (
            {"candidates": [{"name": "a", "targets": [5]}]},
            "candidates.0.targets.0: input should be a valid string; found 5.",
        ),
        (
            {"decision": {"temprature": False}},
            "unknown key 'decision.temprature'. Did you mean 'temperature'? Known here: abstain, costs, temperature, "
            "thresholds.",
        ),
        ({"decision": {"thresholds": "f1"}}, "decision.thresholds: input should be 'macro_f1'; found 'f1'."),
        (
            {"decision": {"thresholds": "macro_f1", "costs": {"good": {"bad": 5}}}},
            "decision: thresholds and costs both choose the answer. Set only one of them.",
        ),
        (
            {"verdict": {"metric": "cost"}},
            "verdict.metric: cost needs the costs of mistakes. Set decision.costs.",
        ),
        (
            {"verdict": {"gain": 3}},
            "verdict.gain is 3, but by accuracy it is a share below 1: 0.01 is one percentage point.",
        ),
        (
            {"verdict": {"metric": "macro_f1"}, "margin": 1.0},
            "margin is 1, but by macro_f1 it is a share below 1: 0.01 is one percentage point.",
        ),
        ({"margin": 0}, "margin: input should be greater than 0; found 0."),
        (
            {"decision": {"costs": {"good": {"bad": -1}}}},
            "decision.costs.good.bad: input should be greater than or equal to 0; found -1.",
        ),
        (
            {"decision": {"costs": {"good": {"good": 1}}}},
            "decision.costs: 'good' for 'good' is right and costs nothing. Remove it.",
        ),
        (
            {"decision": {"abstain": {"cover": 0.9}}},
            "unknown key 'decision.abstain.cover'. Did you mean 'coverage'? Known here: accuracy, coverage.",
        ),
        (
            {"decision": {"abstain": {"coverage": 0.9, "accuracy": 0.9}}},
            "decision.abstain: set either coverage or accuracy, such as {coverage: 0.9}.",
        ),
        (
            {"decision": {"abstain": {}}},
            "decision.abstain: set either coverage or accuracy, such as {coverage: 0.9}.",
        ),
        (
            {"decision": {"abstain": {"coverage": 1}}},
            "decision.abstain.coverage: input should be less than 1; found 1.",
        ),
        (
            {"decision": {"abstain": {"accuracy": 1}}},
            "decision.abstain.accuracy: input should be less than 1; found 1.",
        ),
        (
            {"training": {"device": "cuda", "precision": "float32"}},
            "training: with device: cuda, matrix products are in bfloat16. Remove precision, or set device: cpu.",
        ),
        (
            {"seeds": []},
            "seeds: list should have at least 1 item after validation, not 0; found [].",
        ),
        ({"seeds": [3, 1, 3]}, "seeds contains 3 more than once. Remove one."),
        (
            {"training": {"warmup_fraction": 0.5}},
            "training: with epochs: auto, warmup_fraction is at most 0.3, not 0.5, because the learning rate may have "
            "to fall after that. Lower it, or set a number of epochs.",
        ),
    ],
)
def test_errors_name_the_key_as_the_recipe_has_it_and_the_branch_that_was_meant(
    change: dict[str, Any], message: str
) -> None:
    assert message_of(BARE | change) == f"recipe: {message}"


def test_gain_and_margin_of_a_loss_and_a_cost_have_no_upper_bound() -> None:
    for verdict in ({"metric": "loss", "gain": 1.5}, {"metric": "cost", "gain": 40}):
        values = BARE | {"decision": {"costs": {"good": {"bad": 200}}}, "verdict": verdict, "margin": 12.5}
        loaded = recipe.load(values)
        assert (loaded.least_gain, loaded.margin) == (verdict["gain"], 12.5)


def test_numbers_are_labels_and_truth_values_want_quotes(tmp_path: Path) -> None:
    text = "name: mine\nmodel: owner/name\ndata: {source: a.csv, labels: [0, 1], keep: {stars: [1, 5]}}\n"
    spec = recipe.load(written(tmp_path, text + "training: {class_weights: {0: 1.5, 1: 1}}\n"))
    assert (spec.data.labels, spec.data.keep) == (["0", "1"], {"stars": ["1", "5"]})
    assert spec.training.class_weights == {"0": 1.5, "1": 1.0}
    assert recipe.load(written(tmp_path, text + "decision: {costs: {1: {0: 5}}}\n")).decision.costs == {"1": {"0": 5}}
    path = written(tmp_path, text.replace("[0, 1]", "[no, 'yes']"))
    assert message_of(path) == (
        f"{path}: data.labels.0: YAML reads an unquoted yes, no, on, off, true or false as a truth value. "
        "Put quotes around it."
    )


def test_a_key_that_stands_twice_is_refused_with_its_lines(tmp_path: Path) -> None:
    text = "name: mine\nmodel: a/b\ndata: {source: a.csv, seed: 1, seed: 2}\n"
    text += "training:\n  epochs: 1\n  epochs: 9\nname: x\n"
    path = written(tmp_path, text)
    assert message_of(path) == (
        f"{path} line 7: the key 'name' occurs twice in one mapping (first in line 1). Remove one of the two.\n"
        f"{path} line 3: the key 'seed' occurs twice in one mapping (first in line 3). Remove one of the two.\n"
        f"{path} line 6: the key 'epochs' occurs twice in one mapping (first in line 5). Remove one of the two."
    )
    assert message_of(BARE, overrides=["data={source: a.csv, seed: 1, seed: 2}"]) == (
        "--set data={source: a.csv, seed: 1, seed: 2}: line 1: the key 'seed' occurs twice in one mapping "
        "(first in line 1). Remove one of the two."
    )


def test_aliases_and_merges_are_no_doubled_keys(tmp_path: Path) -> None:
    text = (
        "name: mine\nmodel: a/b\ndata: {source: a.csv}\ncandidates:\n  - &a {name: a, rank: 4}\n  - {<<: *a, name: b}\n"
    )
    assert [item.rank for item in recipe.load(written(tmp_path, text)).candidates] == [4, 4]


def test_a_model_is_needed_where_a_row_is_made_by_it() -> None:
    assert recipe.load(BARE).needs_model
    assert recipe.load(BARE | {"baselines": [], "candidates": [{"name": "a"}]}).needs_model
    assert recipe.load(BARE | {"baselines": ["probe"]}).needs_model
    assert recipe.load(BARE | {"baselines": ["full"]}).needs_model
    assert not recipe.load(BARE | {"baselines": ["majority", "tfidf"]}).needs_model


def test_rows_of_probes_of_other_models_are_named_after_them(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "My Model.v2").mkdir()
    monkeypatch.chdir(tmp_path)
    models = ["minilm", "wheel:Some-Pkg==1.0/m#sha256=ab", "./My Model.v2", "acme/Bert_Base@abc", "other/bert_base"]
    loaded = recipe.load(BARE | {"baselines": ["tfidf", "probe", *({"probe": model} for model in models)]})
    assert loaded.baseline_rows == [
        "tfidf", "probe", "probe-minilm", "probe-some-pkg", "probe-my-model.v2", "probe-bert_base", "probe-bert_base-2",
    ]  # fmt: skip
    assert loaded.other_models == {
        "probe-minilm": recipe.model_source("minilm"),
        "probe-some-pkg": models[1],
        "probe-my-model.v2": str(tmp_path / "My Model.v2"),
        "probe-bert_base": models[3],
        "probe-bert_base-2": models[4],
    }
    assert recipe.load(loaded.model_dump(mode="json")) == loaded
    alone = recipe.load(BARE | {"baselines": [{"probe": "acme/bert"}]})
    assert (alone.needs_model, alone.other_models) == (False, {"probe-bert": "acme/bert"})
    long = recipe.load(BARE | {"baselines": [{"probe": f"acme/{'x' * 90}"}, {"probe": f"other/{'x' * 90}"}]})
    assert [len(name) for name in long.baseline_rows] == [64, 64]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"baselines": [{"probe": "a/b"}, {"probe": "a/b"}]},
            "row name 'a/b' occurs twice. Give every baseline and candidate its own name.",
        ),
        (
            {"baselines": [{"probe": "owner/name"}]},
            "baselines: {probe: MODEL} names the recipe's own model. Write probe for its probe.",
        ),
        (
            {"candidates": [{"name": "probe-x"}]},
            "candidate name 'probe-x' begins like a probe of another model. Choose another.",
        ),
        ({"baselines": [{"prob": "a/b"}]}, "unknown key 'baselines.0.prob'. Did you mean 'probe'? Known here: probe."),
    ],
)
def test_probes_of_other_models_that_cannot_be_are_told(change: dict[str, Any], message: str) -> None:
    assert message in message_of(BARE | change)


def test_a_digit_that_is_no_decimal_is_no_position() -> None:
    values = {"name": "x", "model": "m/m", "data": {"source": "d/d"}, "candidates": [{"name": "a"}]}
    with pytest.raises(
        RecipeError, match=r"^--set candidates\.²\.rank: '²' is not a position in a list of 1\. Count from 0"
    ):
        recipe.load(values, overrides=["candidates.².rank=4"])


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        *((mark, mark) for mark in ("@", "|", ";", ",", "\t", "#", "%", "&", "*", "!", "'", "-")),
        ("tab", "\t"),
        ("\\t", "\t"),
    ],
)
def test_a_delimiter_is_set_as_it_is_typed(typed, stored):
    assert recipe.load(BARE, overrides=[f"data.delimiter={typed}"]).data.delimiter == stored


def test_a_delimiter_of_no_or_two_characters_is_told_with_the_way_to_write_one(tmp_path):
    for value in ("", "::"):
        message = message_of(BARE | {"data": {"source": "a.csv", "delimiter": value}})
        assert f"{value!r} is not one character" in message and "put quotes around" in message
    assert recipe.load(BARE, overrides=["training.patience=~"]).training.patience is None


def test_labels_may_be_written_as_numbers_with_fractions():
    assert recipe.load(BARE, overrides=["data.labels=[0, 2.5, 5.0]"]).data.labels == ["0", "2.5", "5"]


def test_a_mapping_from_python_may_hold_paths_and_tuples(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "minilm").mkdir()
    typed: dict[str, Any] = {
        "name": "mine",
        "model": Path("minilm"),
        "data": {"source": {"train": (Path("a.csv"), "b.csv"), "test": Path("~/c.csv")}, "labels": ("no", "yes")},
        "seeds": (0, 1),
        "candidates": ({"name": "small", "targets": ("query", "value")},),
    }
    made = recipe.load(typed)
    assert made.model == str(tmp_path / "minilm")
    assert isinstance(made.data.source, recipe.SplitSources)
    assert made.data.source.train == [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert made.data.source.test == str(Path.home() / "c.csv")
    assert (made.data.labels, made.seeds) == (["no", "yes"], [0, 1])
    assert made.candidates[0].targets == ["query", "value"]
    assert recipe.load({**BARE, "data": {"source": Path("a")}}).data.source == str(tmp_path / "a")
    assert isinstance(typed["seeds"], tuple)
