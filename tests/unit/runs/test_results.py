import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import jsonschema
import numpy as np
import pytest

import plans
from finetooth.errors import RunError
from finetooth.evaluation import headline
from finetooth.evaluation.decision_file import describe
from finetooth.evaluation.decisions import Abstention, Calibration, Decision, RiskPoint
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.training_curve import CurvePoint
from finetooth.evaluation.units import Units
from finetooth.files import write_json
from finetooth.runs import comparison, complete, ledger, results
from finetooth.runs.layout import RunFolder
from finetooth.runs.predictions import Predictions
from finetooth.runs.results import (
    Chosen,
    Costs,
    Heads,
    Parameters,
    Reload,
    ResultsRow,
    RowCosts,
    contract,
    write_costs,
)

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "contract.schema.json").read_text())
FIGURES = {"examples": 10, "accuracy": 0.9, "loss": 0.25, "macro_f1": 0.88}
DECISION = Decision(
    temperature=1.25,
    thresholds=(0.75, 0.25),
    abstention=Abstention("coverage", 0.9, 0.6, coverage=0.9, accuracy_answered=1.0, curve=(RiskPoint(0.9, 0.0, 0.6),)),
    validation=Calibration(0.3, 0.25, 0.1, 0.05),
)
PLAN = plans.plan(test_id="ab" * 32, classes=("a", "b"), counts={"train": 80, "validation": 10, "test": 10})
ROWS = [
    ResultsRow(name="majority", kind="baseline", seed=None, validation=FIGURES, test=FIGURES),
    ResultsRow(
        name="lora-r8",
        kind="candidate",
        seed=21,
        parameters=Parameters(adapter=600, head=100, bias=68, total=10_000, peft_percent=7.6),
        validation=FIGURES,
        test=FIGURES,
        reload=Reload(verified=True, max_abs_logit_difference=0.0),
        best_step=20,
        kept_epoch=2.0,
        curve=[CurvePoint(1.0, train_loss=0.7, validation_loss=0.6, validation_accuracy=0.8, train_accuracy=0.75)],
        head="new",
        decision=describe(DECISION, ("a", "b")),
    ),
    ResultsRow(name="lora-r16", kind="candidate", seed=21, status="failed", error="step 3: the loss is not finite."),
    ResultsRow(
        name="probe",
        kind="baseline",
        seed=None,
        parameters=Parameters(adapter=0, head=66, bias=0, total=9000),
        validation=FIGURES,
        test=FIGURES,
        probe=Chosen(feature="mean", inverse_regularisation=0.01),
    ),
    ResultsRow(
        name="original",
        kind="baseline",
        seed=21,
        validation=FIGURES,
        test=FIGURES,
        head="new",
        heads=Heads(count=5, mean_accuracy=0.5, lowest=0.4, highest=0.6),
    ),
]
COSTS = Costs(
    test_openings=1,
    rows=[
        RowCosts(name="majority", seed=None, peak_bytes=10),
        RowCosts(
            name="lora-r8",
            seed=21,
            train_seconds=2.5,
            examples_per_second=64.0,
            part_seconds={"forward": 1.0},
            peak_bytes=20,
            adapter_bytes=30,
            latency_seconds=0.02,
            latency_spread_seconds=(0.018, 0.025),
            latency_texts=50,
        ),
        RowCosts(name="probe", seed=None, peak_bytes=15),
        RowCosts(name="original", seed=21, peak_bytes=15),
    ],
    step_seconds={"read the data": 0.5},
    peak_bytes=25,
)


def write(folder, rows=ROWS, *, inexact=()):
    results.write_results(
        folder, rows, run="reviews", plan=PLAN, max_tokens=512, winner=("lora-r8", 21), inexact=inexact
    )


@pytest.fixture
def folder(tmp_path):
    run = RunFolder(tmp_path)
    write(run)
    write_costs(run, COSTS)
    return run


def check_schema(value):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(value, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_contract_is_the_two_files_merged(folder):
    actual = contract(folder.path)
    check_schema(actual)
    assert list(actual)[:5] == ["schema", "run", "task", "complete", "test_id"]
    assert list(actual)[5:9] == ["test_openings", "test_rows_seen", "test_runs_seen", "test_runs_later"]
    assert list(actual)[9:11] == ["winner", "data"]
    assert (actual["schema"], actual["run"], actual["complete"], actual["test_openings"]) == (1, "reviews", False, 1)
    assert actual["winner"] == {"name": "lora-r8", "seed": 21}
    assert actual["data"] == {"train": 80, "validation": 10, "test": 10, "classes": ["a", "b"], "max_tokens": 512}
    assert actual["rows"][1] == {
        "name": "lora-r8",
        "kind": "candidate",
        "seed": 21,
        "status": "done",
        "error": None,
        "parameters": {
            "adapter": 600,
            "head": 100,
            "bias": 68,
            "base": 0,
            "trainable": 768,
            "total": 10_000,
            "peft_percent": 7.6,
            "plain_percent": 7.68,
        },
        "validation": FIGURES,
        "test": FIGURES,
        "reload": {"verified": True, "max_abs_logit_difference": 0.0},
        "best_step": 20,
        "kept_epoch": 2.0,
        "curve": [
            {
                "epoch": 1.0,
                "train_loss": 0.7,
                "validation_loss": 0.6,
                "validation_accuracy": 0.8,
                "train_accuracy": 0.75,
            }
        ],
        "head": "new",
        "warnings": [],
        "heads": None,
        "probe": None,
        "accuracy_interval": None,
        "calibration_error": None,
        "calibration_error_limit": None,
        "decision": {
            "temperature": 1.25,
            "thresholds": {"a": 0.75, "b": 0.25},
            "costs": None,
            "abstain": {
                "wanted": {"coverage": 0.9},
                "below": 0.6,
                "coverage": 0.9,
                "accuracy_answered": 1.0,
                "curve": [{"coverage": 0.9, "risk": 0.0, "threshold": 0.6}],
            },
            "validation": {
                "loss_before": 0.3,
                "loss_after": 0.25,
                "calibration_error_before": 0.1,
                "calibration_error_after": 0.05,
            },
        },
        "inference": None,
        "test_rows_cut": None,
        "settings_tried": 1,
        "learning_curve": [],
        "train_seconds": 2.5,
        "examples_per_second": 64.0,
        "part_seconds": {"forward": 1.0},
        "cached_blocks": None,
        "peak_bytes": 20,
        "gpu_peak_bytes": None,
        "frozen": None,
        "adapter_bytes": 30,
        "latency_seconds": 0.02,
        "latency_spread_seconds": [0.018, 0.025],
        "latency_texts": 50,
    }


def test_the_verdict_and_intervals_come_from_the_comparison(folder):
    assert contract(folder.path)["verdict"] is None and contract(folder.path)["pooled"] == []
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 10)

    def outcome(name, kind, seed):
        logits = random.normal(size=(10, 2)).astype(np.float32)
        return comparison.Outcome(name, kind, seed, Predictions(tuple(map(str, range(10))), labels, logits))

    rows = [outcome("majority", "baseline", None), *(outcome("lora-r8", "candidate", seed) for seed in (21, 22, 23))]
    compared = comparison.compare(
        rows, winner=("lora-r8", 21), terms=Terms(units=Units.single(10)), failed=["lora-r16"]
    )
    comparison.write_comparison(folder, compared)
    actual = contract(folder.path)
    check_schema(actual)
    assert actual["verdict"] == compared["verdict"] and actual["pooled"] == compared["pooled"] != []
    assert actual["rows"][1]["accuracy_interval"] == compared["rows"][1]["interval"]
    assert actual["rows"][1]["calibration_error"] == compared["rows"][1]["calibration_error"]
    assert actual["rows"][2]["accuracy_interval"] is None  # it failed
    check_schema(actual | {"verdict": compared["verdict"] | {"worth_it": None}})
    without = {key: value for key, value in compared["verdict"].items() if key != "outcome"}
    for spoilt in (compared["verdict"] | {"rows_needed": "many"}, compared["verdict"] | {"outcome": "good"}, without):
        with pytest.raises(jsonschema.ValidationError):
            check_schema(actual | {"verdict": spoilt})


def test_the_schema_names_every_outcome_of_a_verdict():
    known = [outcome for some in get_args(headline.Outcome) for outcome in get_args(some)]
    assert sorted(SCHEMA["$defs"]["verdict"]["properties"]["outcome"]["enum"]) == sorted(known)


def test_a_row_that_failed_has_an_error_and_null_figures(folder):
    *_, row, probe, original = contract(folder.path)["rows"]
    assert original["heads"] == {"count": 5, "mean_accuracy": 0.5, "lowest": 0.4, "highest": 0.6}
    assert probe["probe"] == {"feature": "mean", "inverse_regularisation": 0.01, "model": None}
    assert (row["status"], row["error"]) == ("failed", "step 3: the loss is not finite.")
    assert {row[name] for name in ("validation", "test", "train_seconds", "peak_bytes")} == {None}


def test_warnings_and_an_inexact_resume_are_kept(folder):
    write(folder, [replace(ROWS[1], warnings=("a", "b"))], inexact=["torch 2.12.0 -> 2.13.0"])
    actual = contract(folder.path)
    check_schema(actual)
    assert actual["inexact"] == ["torch 2.12.0 -> 2.13.0"] and actual["rows"][0]["warnings"] == ["a", "b"]


def test_complete_means_that_the_mark_is_there(folder):
    complete.write_mark(folder, run_id="r")
    assert contract(folder.path)["complete"] is True


def test_results_changed_after_the_mark_are_refused(folder):
    complete.write_mark(folder, run_id="r")
    folder.results.write_bytes(folder.results.read_bytes().replace(b"0.9", b"0.8"))
    with pytest.raises(RunError, match=r"results\.json: was changed after the run was complete"):
        contract(folder.path)


def test_a_comparison_that_was_changed_or_went_after_the_mark_is_refused(folder):
    write_json(folder.comparison, {"rows": [], "verdict": None, "pooled": []})
    complete.write_mark(folder, run_id="r")
    assert contract(folder.path)["verdict"] is None
    write_json(folder.comparison, {"rows": [], "verdict": {"worth_it": True}, "pooled": []})
    with pytest.raises(RunError) as changed:
        contract(folder.path)
    assert str(changed.value) == (
        f"{folder.comparison}: was changed after the run was complete: it is not what was measured. Take it from a "
        "backup."
    )
    folder.comparison.unlink()
    with pytest.raises(RunError) as error:
        contract(folder.path)
    message = f"{folder.path}: the run was complete, but its comparison.json is gone. Take it from a backup."
    assert str(error.value) == message


def test_results_hold_nothing_of_the_clock_and_the_same_bytes_again(folder):
    first = folder.results.read_bytes()
    write(folder)
    write_costs(folder, replace(COSTS, test_openings=4, rows=[]))
    assert folder.results.read_bytes() == first
    for word in (b"seconds", b"bytes", b"openings", b"complete"):
        assert word not in first
    assert contract(folder.path)["test_openings"] == 4


def test_the_schema_refuses_what_is_not_the_contract(folder):
    good = contract(folder.path)
    spoilt = []
    for change in ({"accuracy": 90.0}, {"examples": 0}):
        spoilt.append(good | {"rows": [good["rows"][0] | {"test": FIGURES | change}]})
    spoilt.append(good | {"rows": [good["rows"][0] | {"test": None}]})
    spoilt.append(good | {"rows": [good["rows"][2] | {"error": None}]})
    spoilt.append({key: value for key, value in good.items() if key != "test_openings"})
    for value in spoilt:
        with pytest.raises(jsonschema.ValidationError):
            check_schema(value)
    check_schema(good | {"a_new_field": 1})


def test_a_figure_that_is_not_finite_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="Out of range float"):
        write(RunFolder(tmp_path), [replace(ROWS[0], test=FIGURES | {"loss": float("nan")})])
    assert not list(tmp_path.iterdir())


def test_a_folder_without_results_says_how_to_get_them(tmp_path):
    def message(path):
        with pytest.raises(RunError) as error:
            contract(path)
        return str(error.value)

    another = "Name a folder that `finetooth run` wrote, such as runs/NAME."
    assert message(tmp_path / "no") == f"{tmp_path}/no: no such run folder. {another}"
    assert message(tmp_path) == f"{tmp_path}: not a run folder (it holds no recipe.yaml and plan.json). {another}"
    (tmp_path / "recipe.yaml").write_text("name: a\n")
    (tmp_path / "plan.json").write_text("{}")
    assert message(tmp_path) == (
        f"{tmp_path}: has no results.json yet, so it has no table. "
        f"Continue the run: finetooth run {tmp_path}/recipe.yaml --out {tmp_path}"
    )


def test_a_file_that_lacks_a_key_may_be_of_an_earlier_version(folder):
    value = json.loads(folder.results.read_bytes())
    del value["task"]
    write_json(folder.results, value)
    with pytest.raises(RunError) as error:
        contract(folder.path)
    assert str(error.value) == (
        f"{folder.path}: results.json, costs.json or comparison.json is not of the form that Finetooth writes, or it "
        "was written by an earlier version (KeyError: 'task'). Take them from a backup."
    )


def test_openings_after_the_run_are_counted_apart_from_those_before(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))
    write_costs(folder, replace(COSTS, run_id="run", test_openings=3, test_rows_seen=8, test_runs_seen=2))
    keys = ("test_openings", "test_rows_seen", "test_runs_seen", "test_runs_later")
    assert [contract(folder.path)[key] for key in keys] == [3, 8, 2, 0]
    rows = ledger.RowKeys.of(PLAN.test_id, [b"t" * 16], [b"l" * 8])
    for run_id in ("run", "later", "latest"):
        ledger.open_run(rows, RunFolder(tmp_path), run_id=run_id, run_name="reviews")
    assert [contract(folder.path)[key] for key in keys] == [3, 8, 2, 2]
