"""The verbs, with the library behind them replaced: what they hand over, print and answer with."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from cli_calls import call
from click.testing import CliRunner

import finetooth
from finetooth.cli.app import finetooth as command
from finetooth.evaluation.decisions import Abstention, Decided, Decision
from finetooth.evaluation.intervals import wilson
from finetooth.models.batching import Input
from finetooth.models.predictor import Predictor as RealPredictor
from finetooth.runs.results import contract
from finetooth.sources import Fetched, Source

RECIPE = "name: mine\nmodel: owner/name\ndata: {source: reviews.csv}\n"


@pytest.fixture
def recipe_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(RECIPE, encoding="utf-8")
    return "mine.yaml"


def stand_in(monkeypatch, **functions):
    """Put functions of our own in the place of finetooth.NAME."""
    for name, function in functions.items():
        monkeypatch.setitem(vars(finetooth), name, function)


def show_as(monkeypatch, describe):
    """Have the text of a check made by `describe`."""
    module = ModuleType("finetooth.pipeline.check_text")
    module.describe = describe
    monkeypatch.setitem(sys.modules, module.__name__, module)


@dataclass
class Run:
    folder: Path
    failed: bool = False

    @property
    def results(self):
        return contract(self.folder)


@pytest.fixture
def calls(monkeypatch, finished_run):
    """What finetooth.run was asked for; it answers with the finished run, failed if asked["failed"] is set."""
    calls = {"failed": False}

    def run(recipe, *, out=None, progress=None, allow_inexact=False, exact=False):
        calls.update(recipe=recipe, out=out, progress=progress, allow_inexact=allow_inexact)
        calls.update(exact=exact)
        return Run(finished_run, calls["failed"])

    stand_in(monkeypatch, run=run)
    return calls


def test_run_hands_over_the_recipe_and_prints_the_table(capsys, calls, recipe_file, finished_run, tmp_path):
    code, out, err = call(
        capsys,
        "run",
        recipe_file,
        "--set",
        "training.epochs=5",
        "--set",
        "max_tokens=64",
        "--out",
        "o",
        "--allow-inexact",
    )
    assert (code, err) == (0, "reviews: all steps took 75 s, with at most 1.00 GB of memory\n\n")
    assert (calls["recipe"].name, calls["recipe"].training.epochs, calls["recipe"].max_tokens) == ("mine", 5, 64)
    assert (calls["out"], calls["allow_inexact"], calls["exact"]) == (Path("o"), True, False)
    assert "lora-r8 *" in out and "83.0 %" in out
    assert out.splitlines()[-1].startswith("Next    finetooth predict --with runs/reviews ")
    assert max(map(len, out.splitlines())) <= 80


def test_run_json_is_the_contract_and_nothing_else(capsys, calls, recipe_file, finished_run):
    code, out, err = call(capsys, "run", recipe_file, "--json")
    assert (code, err) == (0, "reviews: all steps took 75 s, with at most 1.00 GB of memory\n\n")
    assert json.loads(out) == contract(finished_run)


def test_a_failed_row_is_exit_1_after_the_table(capsys, calls, recipe_file):
    calls["failed"] = True
    code, out, _ = call(capsys, "run", recipe_file)
    assert code == 1
    assert "lora-r8 *" in out


def test_quickstart_is_run_with_the_recipe_shipped_inside(capsys, calls):
    code, _, _ = call(capsys, "quickstart", "--set", "data.limit.train=400", "--set", "data.limit.test=200")
    recipe = calls["recipe"]
    assert code == 0
    assert (recipe.name, calls["out"], recipe.data.limit.train, recipe.data.limit.test) == (
        "quickstart",
        None,
        400,
        200,
    )
    assert recipe.baselines == ["majority", "original", "tfidf", "nb_words", "probe"]
    assert [(item.name, item.rank, item.targets) for item in recipe.candidates] == [
        ("lora-r8", 8, "all-linear"),
        ("lora-r16", 16, "all-linear"),
    ]
    assert (recipe.data.group, recipe.data.keep) == ("movie_name", {"category": ["fresh", "rotten"]})


def test_an_unknown_key_is_exit_2_with_the_nearest(capsys, calls, recipe_file):
    code, out, err = call(capsys, "run", recipe_file, "--set", "training.epoch=5")
    assert (code, out) == (2, "")
    assert "unknown key 'training.epoch'. Did you mean 'epochs'?" in err


def test_check_prints_the_plan_and_names_the_run(capsys, monkeypatch, recipe_file):
    def check(recipe, *, progress, fix_list, excel_safe, quick):
        return {"name": recipe.name, "findings": [], "asked": [str(fix_list), excel_safe]}

    stand_in(monkeypatch, check=check)
    show_as(monkeypatch, lambda report: str(report["asked"]))
    messages = "\nNext    finetooth run mine.yaml\n"
    assert call(capsys, "check", recipe_file) == (0, "['None', False]\n", messages)
    calls = call(capsys, "check", recipe_file, "--fix-list", "fix.csv", "--excel-safe")
    assert calls == (0, "['fix.csv', True]\n", messages)
    code, out, err = call(capsys, "check", recipe_file, "--json")
    assert (code, json.loads(out)["name"], err) == (0, "mine", "")


def test_check_ends_with_1_where_run_would_refuse_the_data(capsys, monkeypatch, recipe_file):
    report = {"findings": [{"severity": "note"}, {"severity": "stop"}]}
    stand_in(monkeypatch, check=lambda recipe, **calls: report)
    show_as(monkeypatch, lambda report: "the findings")
    assert call(capsys, "check", recipe_file) == (1, "the findings\n", "")
    code, out, err = call(capsys, "check", recipe_file, "--json")
    assert (code, json.loads(out), err) == (1, report, "")


def test_check_names_the_run_with_the_best_base(capsys, monkeypatch, recipe_file):
    errors = [None, "no such folder"]

    def check(recipe, *, progress, bases):
        return {
            "best": bases[0],
            "bases": [{"base": base, "error": error} for base, error in zip(bases, errors, strict=True)],
        }

    stand_in(monkeypatch, check=check)
    show_as(monkeypatch, lambda report: f"best: {report['best']}")
    shown = call(capsys, "check", recipe_file, "--bases", "./my base, minilm", "--set", "max_tokens=64")
    assert shown == (
        1,
        "best: ./my base\n",
        "\nNext    finetooth run mine.yaml --set max_tokens=64 --set 'model=./my base'\n",
    )
    errors[1] = None
    code, out, err = call(capsys, "check", recipe_file, "--bases", "./my base,minilm", "--json")
    assert (code, json.loads(out)["best"], err) == (0, "./my base", "")


def test_bases_with_a_fix_list_is_exit_2(capsys, recipe_file):
    assert call(capsys, "check", recipe_file, "--bases", "minilm", "--fix-list", "rows.csv") == (
        2,
        "",
        "finetooth: --bases compares models and writes no fix list. Remove --fix-list.\n",
    )


def test_excel_safe_without_a_fix_list_is_exit_2(capsys, recipe_file):
    assert call(capsys, "check", recipe_file, "--excel-safe") == (
        2,
        "",
        "finetooth: --excel-safe needs --fix-list FILE.csv.\n",
    )


def test_the_next_command_keeps_the_changes(capsys, monkeypatch, recipe_file):
    stand_in(monkeypatch, check=lambda recipe, **calls: {"findings": []})
    show_as(monkeypatch, str)
    _, _, err = call(capsys, "check", recipe_file, "--set", "data.source=my file.csv", "--set", "max_tokens=64")
    assert err == "\nNext    finetooth run mine.yaml --set 'data.source=my file.csv' --set max_tokens=64\n"


def test_fetch_names_what_it_brought(capsys, monkeypatch, recipe_file):
    model = Source("owner/name@abc", Path("/cache/m"), "1" * 64, "abc")
    data = Source("reviews.csv", Path("/data/reviews.csv"), "2" * 64, None)
    monkeypatch.setattr("finetooth.sources.fetch", lambda recipe, *, progress: Fetched(model, {"all": (data,)}))
    code, out, err = call(capsys, "fetch", recipe_file)
    assert (code, err) == (0, "\nNext    finetooth run mine.yaml\n")
    assert out.splitlines() == [
        "model      owner/name@abc",
        "           /cache/m",
        "data, all  reviews.csv",
        "           /data/reviews.csv",
    ]
    monkeypatch.setattr("finetooth.sources.fetch", lambda recipe, *, progress: Fetched(None, {"all": (data,)}))
    assert call(capsys, "fetch", recipe_file)[1].startswith("data, all  reviews.csv\n")
    monkeypatch.setattr("finetooth.sources.fetch", lambda recipe, *, progress: Fetched(model, {"all": (data,)}))
    _, out, _ = call(capsys, "fetch", recipe_file, "--json")
    assert json.loads(out)[1] == {
        "use": "data, all",
        "id": "reviews.csv",
        "path": "/data/reviews.csv",
        "sha256": "2" * 64,
    }


def test_show_prints_what_run_printed(capsys, calls, recipe_file, finished_run):
    _, ran, _ = call(capsys, "run", recipe_file)
    code, shown, err = call(capsys, "show", "runs/reviews")
    assert (code, err) == (0, "")
    assert shown == ran
    assert json.loads(call(capsys, "show", str(finished_run), "--json")[1]) == contract(finished_run)


def test_show_wide_prints_more(capsys, finished_run):
    narrow, wide = (call(capsys, "show", str(finished_run), *more)[1] for more in ([], ["--wide"]))
    assert "macro-F1" in wide and "macro-F1" not in narrow


def test_show_of_nothing_is_exit_1(capsys, tmp_path):
    code, out, err = call(capsys, "show", str(tmp_path / "nowhere"))
    assert (code, out) == (1, "")
    another = "Name a folder that `finetooth run` wrote, such as runs/NAME."
    assert err == f"finetooth: {tmp_path / 'nowhere'}: no such run folder. {another}\n"


def test_recipe_schema_is_json(capsys):
    code, out, _ = call(capsys, "recipe", "schema")
    assert code == 0
    assert "candidates" in json.loads(out)["properties"]


class Predictor:
    """Says `fresh` for every text, or nothing of those that hold `hm`, and remembers what it was asked."""

    def __init__(self, *, classes=("fresh", "rotten"), abstention=None):
        self.asked, self.classes = [], classes
        self.predictions = RealPredictor(
            None, None, classes, Input(8, "head", False), "x", Decision(abstention=abstention)
        ).predictions
        self.unsure = abstention is not None

    def decide(self, texts, pairs=None, *, advance=None):
        self.asked.append((list(texts), pairs and list(pairs)))
        if advance:
            advance(len(texts))
        abstained = np.array([self.unsure and "hm" in text for text in texts])
        probabilities = np.array([[0.6, 0.4] if unsure else [0.9, 0.1] for unsure in abstained])
        return Decided(np.zeros(len(texts), np.int64), probabilities, abstained)


@pytest.fixture
def predictor(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    predictor = Predictor()
    monkeypatch.setitem(vars(finetooth), "load", lambda trained, *, base, progress, exact: predictor)
    return predictor


def test_predict_texts_prints_a_table(capsys, predictor):
    code, out, err = call(capsys, "predict", "--with", "runs/x", "A film to remember.", "long " * 40)
    assert (code, err) == (0, "\nNext    finetooth evaluate runs/x\n")
    lines = out.splitlines()
    assert lines[:2] == ["label  probability  text", "fresh       0.9000  A film to remember."]
    assert lines[2].endswith("...") and len(lines[2]) <= 80


def test_predict_json_is_one_answer_for_each_text(capsys, predictor):
    code, out, err = call(capsys, "predict", "--with", "runs/x", "--json", "a", "b")
    answer = {"label": "fresh", "probability": 0.9, "probabilities": {"fresh": 0.9, "rotten": 0.1}}
    assert (code, err) == (0, "")
    assert json.loads(out) == [answer, answer]


@pytest.fixture
def unsure(monkeypatch, predictor):
    report = Predictor(abstention=Abstention("coverage", 0.5, 0.7, 0.5, 1.0, ()))
    monkeypatch.setitem(vars(finetooth), "load", lambda trained, *, base, progress, exact: report)
    return report


TOLD = "finetooth: no label for 1 of 2 texts: the adapter abstains if it is unsure.\n"


def test_a_text_that_is_abstained_from_has_no_label_in_the_table(capsys, unsure):
    code, out, err = call(capsys, "predict", "--with", "runs/x", "fine", "hm hm")
    assert (code, err) == (0, f"{TOLD}\nNext    finetooth evaluate runs/x\n")
    assert out.splitlines() == ["label  probability  text", "fresh       0.9000  fine", "            0.6000  hm hm"]
    assert TOLD not in call(capsys, "predict", "--with", "runs/x", "fine", "good")[2]


def test_a_text_that_is_abstained_from_has_an_empty_field_in_a_row_of_tabs(capsys, unsure, tmp_path):
    (tmp_path / "two.txt").write_text("fine\nhm\n", encoding="utf-8")
    code, out, err = call(capsys, "predict", "--with", "runs/x", "two.txt")
    assert (code, err) == (0, TOLD)
    assert out == "row\tlabel\tprobability\n1\tfresh\t0.900000\n2\t\t0.600000\n"


def test_a_text_that_is_abstained_from_is_null_in_json(capsys, unsure):
    code, out, err = call(capsys, "predict", "--with", "runs/x", "--json", "fine", "hm")
    assert (code, err) == (0, "")
    assert [(answer["label"], answer["abstained"]) for answer in json.loads(out)] == [("fresh", False), (None, True)]


def test_predict_shows_no_character_that_moves_the_cursor(capsys, predictor):
    _, out, _ = call(capsys, "predict", "--with", "runs/x", "a\x1b[2Jb\u202ec\rd")
    assert out.splitlines()[1] == "fresh       0.9000  a\ufffd[2Jb\ufffdc d"


def test_predict_pairs(capsys, predictor):
    code, _, _ = call(capsys, "predict", "--with", "runs/x", "a", "b", "--text-pair", "c", "--text-pair", "d")
    assert code == 0
    assert predictor.asked == [(["a", "b"], ["c", "d"])]


def test_predict_file_by_its_name_prints_lines_of_tabs(capsys, predictor, tmp_path):
    (tmp_path / "more.csv").write_text("text,label\nfirst,fresh\nsecond,rotten\n", encoding="utf-8")
    code, out, err = call(capsys, "predict", "--with", "runs/x", "more.csv")
    assert (code, err) == (0, "")
    assert out == "row\tlabel\tprobability\n1\tfresh\t0.900000\n2\tfresh\t0.900000\n"
    assert predictor.asked == [(["first", "second"], None)]


def test_predict_reads_the_column_that_the_run_was_trained_on(capsys, predictor, finished_run, tmp_path):
    (tmp_path / "more.csv").write_text("text,comment\nno,yes\n", encoding="utf-8")
    assert call(capsys, "predict", "--with", str(finished_run), "more.csv")[0] == 0
    assert call(capsys, "predict", "--with", str(finished_run), "more.csv", "--text-column", "text")[0] == 0
    assert [texts for texts, _ in predictor.asked] == [["yes"], ["no"]]


def test_text_column_changes_the_columns_and_nothing_else(capsys, predictor, finished_run, tmp_path):
    spec = "source: x, text: a, encoding: latin-1, delimiter: ';', quoting: false"
    (finished_run / "recipe.yaml").write_text(f"name: reviews\nmodel: owner/name\ndata: {{{spec}}}\n", encoding="utf-8")
    (tmp_path / "more.csv").write_bytes('a;b\n1;"caf\xe9"\n'.encode("latin-1"))
    assert call(capsys, "predict", "--with", str(finished_run), "more.csv", "--text-column", "b")[0] == 0
    assert predictor.asked == [(['"caf\xe9"'], None)]


def test_predict_of_many_texts_shows_progress_on_stderr(capsys, predictor, tmp_path):
    (tmp_path / "many.txt").write_text("".join(f"text {number}\n" for number in range(300)), encoding="utf-8")
    code, out, err = call(capsys, "predict", "--with", "runs/x", "many.txt")
    assert code == 0
    assert len(out.splitlines()) == 301
    assert err.splitlines()[0] == "predict: 0 of 300 texts"
    assert err.splitlines()[1].startswith("predict: 300 texts in ")


def test_predict_reads_stdin(predictor):
    run = CliRunner().invoke(command, ["predict", "--with", "runs/x", "-"], input="\ufefffirst\r\nsecond\n")
    assert run.exit_code == 0, run.output
    assert predictor.asked == [(["first", "second"], None)]


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["missing.csv"], 2, "missing.csv: no such file. Did you mean 'missin.csv'?"),
        (["Missing.CSV.gz"], 2, "Missing.CSV.gz: no such file."),
        (["other.json"], 2, "other.json: no such file."),
        (["/dev/null"], 2, "/dev/null: is not a regular file. Give a file, or - and its texts on stdin, one a line."),
        (["./."], 2, "./.: is not a regular file. Give a file, or - and its texts on stdin, one a line."),
        (["a", "missin.csv"], 2, "missin.csv: is a file or -. Give it as the only argument; 2 arguments are texts."),
        (["a", "-"], 2, "-: is a file or -. Give it as the only argument; 2 arguments are texts."),
        (["a", "b", "--text-pair", "c"], 2, "there are 2 TEXT but 1 --text-pair. Give one --text-pair for each TEXT."),
        (["a", ""], 1, "text 2 of 2 is empty. Remove it, or write a text."),
        (
            ["missin.csv", "--text-pair", "c"],
            2,
            "--text-pair needs TEXT arguments. For a file, name the column with --pair-column.",
        ),
    ],
)
def test_predict_refuses_what_it_cannot_mean(capsys, predictor, tmp_path, arguments, code, message):
    (tmp_path / "missin.csv").write_text("text\nfirst\n", encoding="utf-8")
    assert call(capsys, "predict", "--with", "runs/x", *arguments) == (code, "", f"finetooth: {message}\n")
    assert predictor.asked == []


def test_predict_of_an_empty_file_is_an_error(capsys, predictor, tmp_path):
    (tmp_path / "none.txt").write_text("", encoding="utf-8")
    code, out, err = call(capsys, "predict", "--with", "runs/x", "none.txt")
    assert (code, out) == (1, "")
    assert "none.txt" in err


def test_a_blank_line_of_a_file_is_labelled_like_any_other_and_told(capsys, predictor, tmp_path):
    (tmp_path / "new.txt").write_text("first\n\nthird\n \n", encoding="utf-8")
    code, out, err = call(capsys, "predict", "--with", "runs/x", "new.txt")
    assert (code, err) == (0, "these texts have no visible character: new.txt:2 and new.txt:4.\n")
    assert [line.split("\t")[0] for line in out.splitlines()] == ["row", "1", "2", "3", "4"]
    assert predictor.asked == [(["first", "", "third", " "], None)]


def test_a_blank_line_of_stdin_is_labelled_like_any_other_and_told(predictor):
    run = CliRunner().invoke(command, ["predict", "--with", "runs/x", "-"], input="first\n\nthird\n")
    assert run.stderr == "finetooth: stdin: these lines are blank and are labelled too: 2.\n"
    assert predictor.asked == [(["first", "", "third"], None)]


def test_an_empty_cell_stops_nothing_but_a_file_of_nothing_else_does(capsys, predictor, tmp_path):
    (tmp_path / "new.csv").write_text("text,label\nfirst,a\n,b\n", encoding="utf-8")
    assert call(capsys, "predict", "--with", "runs/x", "new.csv")[0] == 0
    (tmp_path / "none.csv").write_text("text,label\n,a\n", encoding="utf-8")
    code, out, err = call(capsys, "predict", "--with", "runs/x", "none.csv", "--text-column", "text")
    assert (code, out) == (1, "")
    assert err.endswith("finetooth: none.csv: has only blank texts, so there is nothing to label.\n")
    assert predictor.asked == [(["first", ""], None)]


def test_predict_of_stdin_that_is_not_utf_8_names_the_line(predictor):
    run = CliRunner().invoke(command, ["predict", "--with", "x", "-"], input=b"good\n\xff\xfe\n")
    assert str(run.exception) == "stdin line 2: not UTF-8 (invalid start byte). Convert it with iconv."


def test_a_label_that_holds_a_tab_stays_one_field(capsys, predictor, monkeypatch, tmp_path):
    monkeypatch.setattr(predictor, "classes", ("a\tb", "c"))
    (tmp_path / "one.txt").write_text("x\n", encoding="utf-8")
    assert call(capsys, "predict", "--with", "x", "one.txt")[1].splitlines()[1] == '1\t"a\tb"\t0.900000'


def test_evaluate_prints_scores_their_interval_and_the_openings(capsys, monkeypatch):
    figures = {
        "precision": "bfloat16", "test_id": "ab", **scored_before(120, 2), "split": "test", **of_rows(200, 0.83),
        "group": None, "classes": ["fresh", "rotten"],
    }  # fmt: skip
    calls = []
    stand_in(
        monkeypatch,
        evaluate=lambda trained, *, data, base, progress, exact: calls.append((str(trained), data, exact)) or figures,
    )
    code, out, err = call(capsys, "evaluate", "runs/reviews")
    assert (code, err) == (0, '\nNext    finetooth predict --with runs/reviews "your text"\n')
    assert out.splitlines() == [
        "runs/reviews, test split: 200 examples",
        "",
        "accuracy    83.0 %  95 % interval 77.2 to 87.6",
        "macro F1    82.5 %",
        "loss        0.4123",
        "",
        "Computed in bfloat16.",
        "",
        "Test set: 120 of these 200 rows were scored before, in 2 runs on this machine.",
    ]
    assert json.loads(call(capsys, "evaluate", "runs/reviews", "--data", "more.csv", "--exact", "--json")[1]) == figures
    assert calls == [("runs/reviews", None, False), ("runs/reviews", "more.csv", True)]


@pytest.mark.parametrize(
    ("coverage", "right", "ends", "lines"),
    [
        (
            0.9,
            8 / 9,
            [0.835, 0.927],
            [
                "answered    90.0 %  180 examples; on the others it abstains",
                "  right     88.9 %  of those; 95 % interval 83.5 to 92.7",
            ],
        ),
        (0.0, None, None, ["answered     0.0 %  0 examples; on the others it abstains"]),
    ],
)
def test_evaluate_tells_what_an_adapter_that_abstains_answers(capsys, monkeypatch, coverage, right, ends, lines):
    figures = {
        "test_id": "ab", **scored_before(0, 0), "split": None, "source": "more.csv", **of_rows(200, 0.83),
        "group": None, "classes": ["fresh", "rotten"], "coverage": coverage,
        "accuracy_answered": right, "accuracy_answered_interval": ends,
    }  # fmt: skip
    stand_in(monkeypatch, evaluate=lambda trained, *, data, base, progress, exact: figures)
    _, out, _ = call(capsys, "evaluate", "runs/reviews", "--data", "more.csv")
    assert out.splitlines() == [
        "runs/reviews, more.csv: 200 examples",
        "",
        "accuracy    83.0 %  95 % interval 77.2 to 87.6",
        "macro F1    82.5 %",
        "loss        0.4123",
        *lines,
        "",
        "Test set: opened once on this machine; none of its rows before.",
    ]


def scored_before(rows, runs):
    return {"test_openings": runs + 1, "test_rows_seen": rows, "test_runs_seen": runs, "test_runs_later": 0}


def of_rows(examples, accuracy):
    """Figures of rows that are a unit each."""
    figures = {"examples": examples, "units": examples, "accuracy": accuracy, "loss": 0.41234, "macro_f1": 0.825}
    return figures | {"accuracy_interval": list(wilson(round(accuracy * examples), examples))}


@pytest.mark.parametrize(
    ("group", "every", "unseen"),
    [
        ("film", "500 examples in 40 groups (film)", "The 88 rows in 7 groups (film) that the run has not seen:"),
        (None, "500 examples with 40 different texts", "The 88 rows with 7 different texts that the run has not seen:"),
    ],
)
def test_evaluate_names_the_units_of_the_rows(capsys, monkeypatch, group, every, unseen):
    figures = {
        **scored_before(0, 0), "split": None, "source": "more.csv", **of_rows(500, 0.97), "units": 40, "group": group,
        "seen_rows": {"train": 412, "validation": 0}, "unseen": of_rows(88, 0.75) | {"units": 7}, "note": "seen.",
    }  # fmt: skip
    stand_in(monkeypatch, evaluate=lambda trained, *, data, base, progress, exact: figures)
    lines = call(capsys, "evaluate", "runs/reviews", "--data", "more.csv")[1].splitlines()
    assert lines[0] == f"runs/reviews, more.csv: {every}"
    assert unseen in lines


def test_evaluate_calls_rows_of_training_no_test_result_and_shows_the_others_first(capsys, monkeypatch):
    note = "412 of 500 rows were in the training rows of this run: this is not a test result."
    figures = {
        "test_id": "ab", **scored_before(500, 1), "split": None, "source": "more.csv", **of_rows(500, 0.97),
        "seen_rows": {"train": 412, "validation": 0}, "unseen": of_rows(88, 0.75), "note": note,
        "group": None, "classes": ["fresh", "rotten"],
    }  # fmt: skip
    stand_in(monkeypatch, evaluate=lambda trained, *, data, base, progress, exact: figures)
    _, out, _ = call(capsys, "evaluate", "runs/reviews", "--data", "more.csv")
    assert out.splitlines() == [
        "runs/reviews, more.csv: 500 examples",
        "",
        "412 of 500 rows were in the training rows of this run: this is not a test",
        "  result.",
        "",
        "The 88 rows that the run has not seen:",
        "accuracy    75.0 %  95 % interval 65.0 to 82.9",
        "macro F1    82.5 %",
        "loss        0.4123",
        "",
        "All 500 rows, seen and unseen:",
        "accuracy    97.0 %",
        "macro F1    82.5 %",
        "loss        0.4123",
        "",
        "This data: 500 of these 500 rows were scored before, in 1 run on this machine.",
    ]
    figures |= {"seen_rows": {"train": 500, "validation": 0}, "unseen": None}
    _, out, _ = call(capsys, "evaluate", "runs/reviews", "--data", "more.csv")
    assert out.splitlines()[4:] == [
        "",
        "These rows, all of them seen:",
        "accuracy    97.0 %",
        "macro F1    82.5 %",
        "loss        0.4123",
        "",
        "This data: 500 of these 500 rows were scored before, in 1 run on this machine.",
    ]
    assert "interval" not in out and "test rows" not in out


def test_evaluate_says_that_an_adapter_alone_does_not_know_its_training_rows(capsys, monkeypatch):
    note = "It is not known whether rows were in the training data."
    figures = {**scored_before(0, 0), "split": None, "source": "a.csv", **of_rows(10, 0.5)}
    figures |= {"group": None, "seen_rows": None, "unseen": None, "note": note}
    stand_in(monkeypatch, evaluate=lambda trained, *, data, base, progress, exact: figures)
    _, out, _ = call(capsys, "evaluate", "adapter", "--data", "a.csv")
    assert out.splitlines()[2:5] == [note, "", "accuracy    50.0 %  95 % interval 23.7 to 76.3"]


def test_run_profile_is_shown_after_the_table(capsys, calls, recipe_file):
    code, out, _ = call(capsys, "run", recipe_file, "--profile", "--exact")
    assert (code, calls["exact"]) == (0, True)
    assert out.index("lora-r8 *") < out.index("seconds of training")
