"""From a recipe to the table, and what the finished run is used for."""

import csv
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss

import finetooth
import golden
import tiny
from finetooth.errors import FinetoothError
from finetooth.files import damage, read_json, sha256_file
from finetooth.models.artifact_files import ADAPTER_WEIGHTS
from finetooth.rows.context import Action, Context
from finetooth.workers.supervisor import Supervisor
from trials import PROGRAM, Finished, Trial, write_recipe

ROOT = Path(__file__).resolve().parents[2]
# AGENTS.md tells what each verb prints with --json: | `VERB …` | shape | `field`, `field` |
AGENTS = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
_LINE = re.compile(r"^\| `([a-z]+)[^`]*` \| (.*?) \| (.*) \|$", re.MULTILINE)
FIELDS = {verb: (shape, set(re.findall(r"`(\w+)`", fields))) for verb, shape, fields in _LINE.findall(AGENTS)[::-1]}
# Of a verb with a line for an option too, the first line.
TEXTS = ["a superb honest film", "dull and lifeless story", "the actor was very moving"]


def test_golden_table(table: Finished) -> None:
    golden.check("table", table.trial)


def test_golden_steady(steady: Finished) -> None:
    golden.check("steady", steady.trial)


def test_the_contract_holds_its_schema(table: Finished, steady: Finished) -> None:
    schema = json.loads((ROOT / "docs" / "contract.schema.json").read_text())
    for run in (table, steady):
        contract = json.loads(run.said.stdout)
        jsonschema.Draft202012Validator(schema).validate(contract)
        assert contract["complete"]
        assert contract["test_openings"] == run.trial.openings() == 1
        assert contract["winner"] == {"name": "r4", "seed": 3}


def test_rows_come_in_order_and_the_diverged_one_fails_alone(table: Finished) -> None:
    assert table.said.returncode == 1, table.said.stderr
    rows = json.loads(table.said.stdout)["rows"]
    assert [(row["name"], row["kind"], row["seed"], row["status"]) for row in rows] == [
        ("majority", "baseline", None, "done"),
        ("original", "baseline", 3, "done"),
        ("tfidf", "baseline", None, "done"),
        ("probe", "baseline", None, "done"),
        ("r4", "candidate", 3, "done"),
        ("wild", "candidate", 3, "failed"),
    ]
    wild = rows[-1]
    assert wild["error"].startswith("the ") and " not finite" in wild["error"]
    assert f"wild failed: {wild['error']}" in table.said.stderr
    assert {wild[key] for key in ("parameters", "validation", "test", "reload", "adapter_bytes")} == {None}
    assert rows[4]["reload"] == {"verified": True, "max_abs_logit_difference": 0.0}
    counts = rows[4]["parameters"]
    assert counts["trainable"] == counts["adapter"] + counts["head"] + counts["bias"]
    assert counts["plain_percent"] == 100 * counts["trainable"] / counts["total"]
    assert rows[1]["head"] == rows[4]["head"] == "new"
    assert rows[1]["heads"]["count"] == 5
    assert rows[1]["heads"]["lowest"] <= rows[1]["heads"]["mean_accuracy"] <= rows[1]["heads"]["highest"]
    assert rows[3]["parameters"]["trainable"] == rows[3]["parameters"]["head"] == 2 * 32 + 2
    assert rows[3]["probe"]["feature"] in ("pooler", "mean")


def test_every_row_of_the_data_is_accounted_for(table: Finished) -> None:
    contract, data = json.loads(table.said.stdout), read_json(table.trial.folder.data)
    assert [contract["data"][split] for split in ("train", "validation", "test")] == [140, 40, 60]
    came = 0
    for account in data["rows"].values():
        dropped = account["dropped"]
        lost = sum(dropped.values()) if isinstance(dropped, dict) else dropped
        assert account["in"] == account["used"] + account["rejected"] + lost + account["outside"]
        came += account["in"]
    assert came == 240
    splits = pq.read_table(table.trial.folder.splits)
    assert len(set(splits["id"].to_pylist())) == 240


def figures(place: Path, split: str, classes: int, *, temperature: float) -> dict[str, float]:
    """The figures of a row, by scikit-learn from its predictions and its temperature alone."""
    part = pq.read_table(place, filters=[("split", "==", split)])
    logits = np.stack(part["logits"].to_numpy()).astype(np.float64) / temperature
    labels = part["label"].to_numpy()
    chances = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    said = logits.argmax(axis=1)
    return {
        "examples": len(labels),
        "accuracy": accuracy_score(labels, said),
        "loss": log_loss(labels, chances, labels=list(range(classes))),
        "macro_f1": f1_score(labels, said, average="macro"),
    }


def test_predictions_give_back_every_figure(table: Finished) -> None:
    compared = 0
    for row in json.loads(table.said.stdout)["rows"]:
        if row["status"] == "failed":
            continue
        place = table.trial.folder.row(row["name"], row["seed"]).predictions
        temperature = (row["decision"] or {"temperature": 1.0})["temperature"]
        for split in ("validation", "test"):
            assert row[split] == pytest.approx(figures(place, split, 2, temperature=temperature), rel=1e-9)
            compared += 4
    assert compared == 40


def test_what_is_left_in_the_folder(steady: Finished) -> None:
    row = steady.trial.row
    verify = read_json(row.verify)
    assert verify["compared"] == {
        "validation_rows": 40,
        "reference_rows": verify["compared"]["reference_rows"],
        "bitwise": True,
    }
    assert verify["compared"]["reference_rows"] > 0
    assert damage(row.adapter) is None
    assert not row.checkpoints.exists() and not steady.trial.folder.work.exists()
    assert not list(steady.trial.out.rglob(".tmp-*"))
    for file in steady.trial.out.rglob("*"):
        if file.is_file() and file.suffix in (".json", ".jsonl", ".md", ".html"):
            assert str(steady.trial.recipe.parent) not in file.read_text(), file
    report = steady.trial.folder.report.read_text()
    assert "because there is no baseline row" in report and 'id="rows-data"' not in report  # nothing to differ from
    assert "model-index:" in steady.trial.folder.card.read_text()


def test_the_same_command_again_does_nothing_and_prints_the_same(steady: Finished, said: Any) -> None:
    trial = steady.trial
    before = {item: item.stat().st_mtime_ns for item in trial.out.rglob("*") if not item.name.startswith(".")}
    code, out, _ = said(trial, "run", str(trial.recipe), "--out", str(trial.out), "--json")
    assert (code, out) == (0, steady.said.stdout)
    assert before == {item: item.stat().st_mtime_ns for item in trial.out.rglob("*") if not item.name.startswith(".")}
    assert trial.openings() == 1


def test_show_prints_the_table_and_the_contract(table: Finished, said: Any) -> None:
    code, out, _ = said(table.trial, "show", str(table.trial.out), "--json")
    assert (code, out) == (0, table.said.stdout)
    code, out, _ = said(table.trial, "show", str(table.trial.out))
    assert code == 0
    wide = [line for line in out.splitlines() if len(line) > 80 and str(table.trial.out) not in line]
    assert wide == []
    assert [name for name in ("majority", "original", "tfidf", "probe", "r4", "wild") if name not in out] == []


def test_predict_says_the_same_of_texts_a_file_and_stdin(steady: Finished, said: Any, tmp_path: Path) -> None:
    trial = steady.trial
    expected = finetooth.load(trial.out).predict(TEXTS)
    assert [set(answer) for answer in expected] == [{"label", "probability", "probabilities"}] * 3
    code, out, _ = said(trial, "predict", "--with", str(trial.out), "--json", *TEXTS)
    assert (code, json.loads(out)) == (0, expected)
    code, out, _ = said(trial, "predict", "--with", str(trial.row.adapter), "--json", *TEXTS)
    assert (code, json.loads(out)) == (0, expected)
    file = tmp_path / "texts.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([["text"], *([text] for text in TEXTS)])
    code, from_file, _ = said(trial, "predict", "--with", str(trial.out), str(file))
    assert code == 0
    done = subprocess.run(
        [*PROGRAM, "predict", "--with", str(trial.out), "-"],
        input="\n".join(TEXTS) + "\n", capture_output=True, text=True, env=trial.environment(), check=True,
    )  # fmt: skip
    assert done.stdout == from_file
    lines = [line.split("\t") for line in from_file.splitlines()]
    assert lines[0] == ["row", "label", "probability"]
    assert [line[1] for line in lines[1:]] == [answer["label"] for answer in expected]


def test_judge_reads_what_predict_writes(table: Finished, said: Any, tmp_path: Path) -> None:
    """The figures are those of evaluate on the same rows, whose next look comes after that of judge."""
    trial, rows = table.trial, tmp_path / "rows.csv"
    with rows.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("text", "label"), *tiny.texts(40, seed=7)])
    code, written, err = said(trial, "predict", "--with", str(trial.out), str(rows))
    assert code == 0, err
    (tmp_path / "labels.tsv").write_text(written, encoding="utf-8")
    code, out, err = said(trial, "judge", str(tmp_path / "labels.tsv"), "--truth", str(rows), "--json")
    assert code == 0, err
    judgement = json.loads(out)
    check_fields("judge", judgement)
    figures = finetooth.evaluate(trial.out, data=rows)
    keys = ("accuracy", "accuracy_interval", "macro_f1")
    assert {key: judgement["rows"][0][key] for key in keys} == {key: figures[key] for key in keys}
    assert judgement["units"] == figures["units"]
    assert judgement["test_id"] == figures["test_id"]
    assert figures["test_openings"] == judgement["test_openings"] + 1


def test_verify_checks_the_finished_run_again_and_names_what_was_changed(
    table: Finished, said: Any, tmp_path: Path
) -> None:
    openings = table.trial.openings()
    code, out, err = said(table.trial, "verify", str(table.trial.out), "--json")
    found = json.loads(out)
    assert (code, found["faults"], found["verified"]) == (0, [], True), err
    rows = {row["name"]: row for row in found["rows"]}
    assert {name: row["figures"] for name, row in rows.items()} == {
        "majority": 8, "original": 8, "tfidf": 8, "probe": 8, "r4": 8, "wild": None,
    }  # fmt: skip
    assert rows["r4"]["reference_outputs"] == {"rows": 8, "off": 0.0, "allowed": 0.0}
    moved = tmp_path / "moved"
    shutil.copytree(table.trial.row.adapter, moved)
    flip(moved)
    code, out, _ = said(table.trial, "verify", str(moved))
    assert code == 3
    assert out.endswith("moved, files: moved/adapter_model.safetensors differs from its manifest.\n")
    assert table.trial.openings() == openings  # what is known of the test rows is not looked at anew


def test_evaluate_gives_the_runs_own_figures_and_opens_nothing_anew(table: Finished, said: Any) -> None:
    contract, openings = json.loads(table.said.stdout), table.trial.openings()
    code, out, _ = said(table.trial, "evaluate", str(table.trial.out), "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["test_id"], found["test_openings"], found["split"]) == (contract["test_id"], 1, "test")
    assert {key: found[key] for key in ("examples", "accuracy", "loss", "macro_f1")} == contract["rows"][4]["test"]
    assert (found["test_rows_seen"], found["test_runs_seen"], found["test_runs_later"]) == (0, 0, 0)
    assert table.trial.openings() == openings


def test_baselines_alone_need_no_model(place: Path, tmp_path: Path, said: Any) -> None:
    recipe = write_recipe(
        place, name="baselines", model="owner/never-brought", baselines=["majority", "tfidf"], candidates=[]
    )
    trial = Trial(recipe, tmp_path / "baselines")
    code, out, err = said(trial, "run", str(recipe), "--out", str(trial.out), "--json")
    assert code == 0, err
    contract = json.loads(out)
    assert [row["name"] for row in contract["rows"]] == ["majority", "tfidf"]
    assert contract["winner"] is None


def flip(adapter: Path) -> None:
    """One bit of one byte in the middle of the weights."""
    data = bytearray((adapter / ADAPTER_WEIGHTS).read_bytes())
    data[len(data) * 3 // 4] ^= 1
    (adapter / ADAPTER_WEIGHTS).write_bytes(data)


def test_a_byte_flipped_between_saving_and_verifying_fails_the_run(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    trial = Trial(write_recipe(place, name="flipped", baselines=[], training={"epochs": 1}), tmp_path / "flipped")
    real, asked = Supervisor.call, []

    def call(self: Supervisor, action: Action, context: Context, step: Any, **how: Any) -> None:
        asked.append(action)
        if action == "score":
            flip(context.folder.adapter)
        real(self, action, context, step, **how)

    monkeypatch.setattr(Supervisor, "call", call)
    command = ("run", str(trial.recipe), "--out", str(trial.out), "--json")
    code, out, err = said(trial, *command)
    assert (code, json.loads(out)["error"]["code"], asked) == (1, "model_invalid", ["fit", "score"])
    assert err.endswith(
        "finetooth: r4: the artifact is damaged: adapter_model.safetensors differs from its manifest. Take it from its "
        "run or a backup again.\n"
    ), err
    monkeypatch.setattr(Supervisor, "call", real)
    code, out, err = said(trial, *command)
    assert (code, json.loads(out)["error"]["exit_code"]) == (1, 1)
    assert err.endswith(
        f"finetooth: {trial.row.adapter}: adapter_model.safetensors differs from its manifest: this is not what was "
        "saved and measured. Delete that folder and run the same command again to rebuild it from the last "
        "checkpoint.\n"
    ), err
    assert not any(file.exists() for file in (trial.folder.results, trial.folder.complete, trial.row.verify))
    assert trial.openings() == 0
    with pytest.raises(FinetoothError, match="has no results"):
        finetooth.load(trial.out)


def test_check_says_what_stands_in_the_way_of_speed(steady: Finished, said: Any) -> None:
    _, slow, _ = said(steady.trial, "check", str(steady.trial.recipe))
    assert re.search(r"dropout inside the base: a step takes \d+\.\d x as long as without it \(measured\)\n", slow)


def test_check_counts_what_the_run_trains(steady: Finished, said: Any) -> None:
    code, out, err = said(steady.trial, "check", str(steady.trial.recipe), "--json")
    assert code == 0, err
    (found,) = json.loads(out)["candidates"]
    assert found["parameters"] == json.loads(steady.said.stdout)["rows"][0]["parameters"]
    assert found["steps"] == 144
    assert json.loads(out)["estimated_peak_bytes"] > found["peak_bytes"] + 1e8  # the command holds torch, too


def test_the_memory_of_a_run_is_that_of_the_command_and_a_row_together(table: Finished) -> None:
    contract = table.trial.contract()
    largest = max(row["peak_bytes"] for row in contract["rows"] if row["peak_bytes"])
    assert largest + 1e8 < contract["peak_bytes"] < largest + 1.5e9


def test_a_run_of_all_kinds_of_rows_killed_after_each_kind_ends_in_the_same_bytes(table: Finished, place: Path) -> None:
    trial = Trial(table.trial.recipe, place / "table-killed")
    marks = (
        trial.folder.row("probe", None).baseline,
        trial.folder.row("wild", 3).failed,
        trial.state / "ledger" / "000001.opening",
    )
    for mark in marks:
        with trial.start() as process:
            while not mark.exists() and process.poll() is None:
                time.sleep(0.002)
            assert process.poll() is None, f"it ended before {mark.name} was there"
            process.kill()
    again = trial.finish()
    assert again.returncode == 1, again.stderr  # of `wild`
    assert everything_measured(trial) == everything_measured(table.trial)
    assert trial.openings() == 1


def everything_measured(trial: Trial) -> dict[str, str]:
    """SHA-256 of every file of the rows that the inputs determine, of the results and of the comparison."""
    of_one_run = {"log.jsonl", "costs.json", "finished.json"}  # the last holds the run's id, which is drawn anew
    files = [item for item in (trial.out / "rows").rglob("*") if item.is_file() and item.name not in of_one_run]
    files += [trial.folder.results, trial.folder.comparison]
    return {file.relative_to(trial.out).as_posix(): sha256_file(file) for file in files}


def test_agents_md_has_a_line_for_every_verb_that_prints_json() -> None:
    assert set(FIELDS) == {
        "run", "check", "predict", "evaluate", "show", "verify", "doctor", "compare", "judge", "fetch",
    }  # fmt: skip


@pytest.mark.parametrize("verb", ["check", "predict", "evaluate", "show", "verify", "doctor", "fetch"])
def test_the_fields_that_agents_md_names_are_printed(table: Finished, said: Any, verb: str) -> None:
    trial = table.trial
    arguments = {
        "check": [str(trial.recipe)],
        "predict": ["--with", str(trial.out), "a lovely film"],
        "evaluate": [str(trial.out)],
        "show": [str(trial.out)],
        "verify": [str(trial.out)],
        "doctor": [str(trial.row.adapter)],
        "fetch": [str(trial.recipe)],
    }[verb]
    code, out, err = said(trial, verb, *arguments, "--json")
    assert code == 0, err
    check_fields(verb, json.loads(out))


def test_the_fields_that_agents_md_names_for_run_are_printed(table: Finished) -> None:
    check_fields("run", json.loads(table.said.stdout))


def test_the_fields_that_agents_md_names_for_compare_are_printed(table: Finished, steady: Finished, said: Any) -> None:
    code, out, err = said(table.trial, "compare", str(table.trial.out), str(steady.trial.out), "--json")
    assert code == 0, err
    check_fields("compare", json.loads(out))


def check_fields(verb: str, printed: Any) -> None:
    """Check that what a verb printed holds the fields of its line; it may hold others."""
    shape, fields = FIELDS[verb]
    if shape == "list, each with":
        assert isinstance(printed, list) and printed
        printed = printed[0]
    else:
        assert shape == "object with"
    assert fields and fields <= set(printed)
