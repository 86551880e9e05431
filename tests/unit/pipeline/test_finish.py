"""What a complete run leaves."""

import html
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import plans
from finetooth import Recipe
from finetooth.baselines.majority import Majority
from finetooth.data import Dataset, Examples
from finetooth.evaluation.decision_file import DECISION, SCHEMA, describe
from finetooth.evaluation.decisions import Decision
from finetooth.files import read_json, write_hashed_json, write_json
from finetooth.models.agreement import Measured
from finetooth.pipeline import finish
from finetooth.pipeline.finish import choose_winner, clear_away, conclude
from finetooth.runs import predictions
from finetooth.runs.layout import RunFolder
from finetooth.runs.ledger import History
from finetooth.runs.work import read_examples, save_examples, write_splits

PLAN = plans.plan(model=plans.model(token_budget=9))


def test_states_scratch_and_halves_go_and_all_else_stays(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    remaining = []
    for row in (folder.row("tfidf", None), folder.row("checkpoints", 3), folder.row("r4", 0)):
        for folder_path in (row.adapter, row.checkpoints / "step-00000005-0", row.path / ".tmp-abc"):
            folder_path.mkdir(parents=True)
            (folder_path / "file").write_bytes(b"x")
        remaining.append(row.adapter / "file")
    (folder.work / "tokens").mkdir(parents=True)
    (folder.path / ".tmp-half").write_bytes(b"x")
    clear_away(folder)
    assert sorted(item for item in tmp_path.rglob("*") if item.is_file()) == sorted(remaining)
    assert not list(tmp_path.rglob(".tmp-*")) and not folder.work.exists()
    assert not any(row.exists() for row in tmp_path.glob("rows/*/*/checkpoints"))
    clear_away(folder)


def test_the_winner_is_the_best_on_validation_even_if_it_fails_later_on_the_test_rows(tmp_path: Path) -> None:
    recipe = Recipe.model_validate(
        {
            "name": "x",
            "model": "m/m",
            "data": {"source": "d"},
            "candidates": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
        }
    )
    folder, labels = RunFolder(tmp_path), np.array([0, 1, 1, 0])
    for name, margin in (("a", 0.5), ("b", 3.0)):
        row = folder.row(name, 0)
        row.path.mkdir(parents=True)
        logits = np.where(labels[:, None] == np.arange(2), margin, 0.0).astype(np.float32)
        predictions.write(
            row.predictions, {"validation": predictions.Predictions(("1", "2", "3", "4"), labels, logits)}
        )
    folder.row("c", 0).path.mkdir(parents=True)
    write_json(folder.row("c", 0).failed, {"error": "the loss of step 3 is not finite."})
    keys = [(name, 0) for name in "abc"]
    assert choose_winner(recipe, PLAN, folder, keys=keys) == ("b", 0)
    write_json(folder.row("b", 0).failed, {"error": "a logit of the test rows is not finite."})
    assert choose_winner(recipe, PLAN, folder, keys=keys) == ("b", 0)
    assert choose_winner(recipe, PLAN, folder, keys=[("c", 0)]) is None


def save(folder: RunFolder, part: Examples, classes: tuple[str, str]) -> None:
    """The same examples for each split, as a run saves them."""
    dataset = Dataset(part, part, part, classes, "ab" * 32, "cd" * 32, {})
    save_examples(folder, dataset)
    write_splits(folder, dataset)


def decided_run(folder: RunFolder, labels: np.ndarray, outputs: dict[str, tuple[np.ndarray, Decision]]) -> None:
    """Trained rows, verified and scored: what each one's logits are and how its adapter decides."""
    folder.work.mkdir(parents=True)
    write_hashed_json(folder.seconds, {})
    ids = tuple(map(str, range(len(labels))))
    part = Examples(ids, ids, None, labels)
    save(folder, part, ("bad", "good"))
    for name, (logits, decision) in outputs.items():
        row = folder.row(name, 0)
        row.adapter.mkdir(parents=True)
        Measured().save(row.adapter)
        write_json(row.adapter / DECISION, {"schema": SCHEMA, **describe(decision, PLAN.classes)})
        parameters = {"adapter": 1, "head": 1, "bias": 0, "total": 9, "peft_percent": None}
        trained = {"parameters": parameters, "best_step": 1, "kept_epoch": 1.0, "curve": [], "head": "new"}
        write_json(row.curve, {**trained, "warnings": ["memory ran out"], "token_budget": 9})
        write_json(row.verify, {"verified": True, "max_abs_logit_difference": 0.0})
        part = predictions.Predictions(tuple(map(str, range(len(labels)))), labels, logits)
        predictions.write(row.predictions, {"validation": part, "test": part})


def recipe_of(*names: str, monitor: str = "loss") -> Recipe:
    return Recipe.model_validate(
        {
            "name": "x",
            "model": "m/m",
            "data": {"source": "d"},
            "baselines": [],
            "training": {"monitor": monitor},
            "candidates": [{"name": name} for name in names],
        }
    )


def test_the_figures_of_a_candidate_are_those_of_the_labels_it_decides(tmp_path: Path) -> None:
    labels = np.array([0, 0, 1, 1])
    logits = np.log(np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])).astype(np.float32)
    decision = Decision(thresholds=(0.75, 0.25))  # says good from 0.25 on: one row more right, and one less
    costly = Decision(costs=((1, 0, 99.0),))  # never risks to miss a good one
    folder = RunFolder(tmp_path)
    decided_run(folder, labels, {"plain": (logits, Decision()), "r4": (logits, decision), "r8": (logits, costly)})
    plan = replace(PLAN, counts={"train": 4, "validation": 4, "test": 4})
    keys = [("plain", 0), ("r4", 0), ("r8", 0)]
    conclude(recipe_of("plain", "r4", "r8"), plan, folder, keys=keys, winner=None, history=History(), command_bytes=0)
    rows = read_json(folder.results)["rows"]
    assert [row["test"]["accuracy"] for row in rows] == [0.75, 0.75, 0.5]
    assert [row["test_rows_cut"] for row in rows] == [0.25] * 3
    assert [row["test"]["macro_f1"] for row in rows] == [(4 / 5 + 2 / 3) / 2, (2 / 3 + 4 / 5) / 2, 2 / 3 / 2]
    assert len({row["test"]["loss"] for row in rows}) == 1
    assert [row["decision"] for row in rows] == [
        describe(Decision(), PLAN.classes),
        describe(decision, PLAN.classes),
        describe(costly, PLAN.classes),
    ]
    assert [row["correct"] for row in read_json(folder.comparison)["rows"]] == [3, 3, 2]
    assert rows[0]["warnings"] == ["memory ran out"]


def test_full_has_a_decision_as_a_candidate_has(tmp_path: Path) -> None:
    labels = np.array([0, 1])
    folder = RunFolder(tmp_path)
    decided_run(folder, labels, {"full": (np.eye(2, dtype=np.float32), Decision(temperature=2.0))})
    row = finish.row_of_results(recipe_of("r4"), PLAN, folder, key=("full", 0))
    assert (row.kind, row.status) == ("baseline", "done")
    assert row.decision is not None and row.decision["temperature"] == 2.0


def test_the_winner_is_judged_by_the_labels_and_the_probabilities_it_decides(tmp_path: Path) -> None:
    labels = np.array([0, 0, 1, 1])
    logits = np.log(np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.2, 0.8]])).astype(np.float32)
    folder = RunFolder(tmp_path)
    decided_run(folder, labels, {"a": (logits, Decision()), "b": (logits, Decision(thresholds=(0.75, 0.25)))})
    keys = [("a", 0), ("b", 0)]
    assert choose_winner(recipe_of("a", "b"), PLAN, folder, keys=keys) == ("a", 0)
    assert choose_winner(recipe_of("a", "b", monitor="accuracy"), PLAN, folder, keys=keys) == ("b", 0)


def test_with_costs_the_winner_and_the_verdict_are_by_cost(tmp_path: Path) -> None:
    labels = np.arange(120) % 2
    accurate, careful = np.where(np.arange(120) < 30, 0, labels), np.where(np.arange(120) < 40, 1, labels)
    folder, keys = RunFolder(tmp_path), [("accurate", 0), ("careful", 0)]
    logits = {
        name: np.eye(2, dtype=np.float32)[answers] for name, answers in zip("ac", (accurate, careful), strict=True)
    }
    decided_run(folder, labels, {"accurate": (logits["a"], Decision()), "careful": (logits["c"], Decision())})
    values = recipe_of("accurate", "careful", monitor="accuracy").model_dump(mode="json")
    costs = {"decision": {"costs": {"good": {"bad": 5.0}}}}  # a good one called bad costs five mistakes
    by_cost = Recipe.model_validate(values | costs)
    by_accuracy = Recipe.model_validate(values | costs | {"verdict": {"metric": "accuracy"}})
    assert choose_winner(by_accuracy, PLAN, folder, keys=keys) == ("accurate", 0)
    assert choose_winner(by_cost, PLAN, folder, keys=keys) == ("careful", 0)
    plan = replace(PLAN, counts={"train": 120, "validation": 120, "test": 120})
    conclude(by_cost, plan, folder, keys=keys, winner=("careful", 0), history=History(looks=3), command_bytes=0)
    compared = read_json(folder.comparison)
    assert [row["cost"] for row in compared["rows"]] == [15 * 5 / 120, 20 / 120]
    assert (compared["metric"], compared["gain"], compared["looks"]) == ("cost", 0.0, 3)
    assert compared["alpha"] == pytest.approx(0.05 * 6 / (9 * np.pi**2))
    assert compared["rows"][0]["against_winner"]["difference"] == pytest.approx((20 - 75) / 120)


def test_losses_and_calibration_are_those_of_the_probabilities_after_the_temperature(tmp_path: Path) -> None:
    labels = np.array([0, 0, 1, 1])
    logits = np.log(np.array([[0.9, 0.1], [0.8, 0.2], [0.98, 0.02], [0.2, 0.8]])).astype(np.float32)
    folder = RunFolder(tmp_path)
    decided_run(folder, labels, {"a": (logits, Decision()), "b": (logits, Decision(temperature=2.0))})
    keys = [("a", 0), ("b", 0)]
    assert choose_winner(recipe_of("a", "b"), PLAN, folder, keys=keys) == ("b", 0)  # less sure of its mistake
    plan = replace(PLAN, counts={"train": 4, "validation": 4, "test": 4})
    conclude(recipe_of("a", "b"), plan, folder, keys=keys, winner=("b", 0), history=History(), command_bytes=0)
    softer = np.sqrt(np.array([[0.9, 0.1], [0.8, 0.2], [0.98, 0.02], [0.2, 0.8]]))
    softer /= softer.sum(axis=1, keepdims=True)
    assert read_json(folder.results)["rows"][1]["test"]["loss"] == pytest.approx(
        -np.log(softer[np.arange(4), labels]).mean(), rel=1e-6
    )
    sure = [one["confidence"] for one in read_json(folder.comparison)["rows"][1]["reliability"]]
    assert sorted(sure) == pytest.approx(sorted([softer[0, 0], softer[2, 0], softer[1, 0]]), rel=1e-6)


def test_the_verdict_knows_baselines_that_failed_and_baselines_that_learnt_nothing(tmp_path: Path) -> None:
    labels = np.arange(120) % 2
    right = np.where(labels[:, None] == np.arange(2), 2.0, 0.0).astype(np.float32)
    folder = RunFolder(tmp_path)
    decided_run(folder, labels, {"a": (right, Decision())})
    for name, logits in (("majority", np.tile([1.0, 0.0], (120, 1))), ("original", right[:, ::-1])):
        row = folder.row(name, None)
        row.path.mkdir(parents=True)
        if name == "original":
            row.adapter.mkdir()
            Measured().save(row.adapter)
        part = predictions.Predictions(tuple(map(str, range(120))), labels, np.ascontiguousarray(logits, np.float32))
        predictions.write(row.predictions, {"validation": part, "test": part})
    Majority(np.zeros(2, np.float32)).save(folder.row("majority", None).baseline)
    folder.row("full", 0).path.mkdir(parents=True)
    write_json(folder.row("full", 0).failed, {"error": "memory ran out."})
    recipe = recipe_of("a").model_copy(update={"baselines": ["majority", "original", "full"]})
    plan = replace(PLAN, counts={"train": 120, "validation": 120, "test": 120})
    keys = [("majority", None), ("original", None), ("full", 0), ("a", 0)]
    conclude(recipe, plan, folder, keys=keys, winner=("a", 0), history=History(), command_bytes=0)
    verdict = read_json(folder.comparison)["verdict"]
    assert verdict["worth_it"] is None
    assert verdict["text"] == (
        "a beats majority by 50.0 points (40.3 to 59.7); whether it was worth it cannot be said, because no trained "
        "baseline (tfidf, nb_words, probe) was run. This is the first look at these test rows on this machine, so the "
        "first sentence is tested at 3 %, with a 97 % interval."
    )


def test_a_fault_in_the_report_loses_nothing_and_the_same_again_completes_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe.model_validate(
        {"name": "x", "model": "m/m", "data": {"source": "d"}, "candidates": [{"name": "a"}]}
    )
    plan = replace(PLAN, classes=("a", "b"), counts={"train": 2, "validation": 2, "test": 2})
    folder, two = RunFolder(tmp_path), Examples(("f:1", "f:2"), ("one", "two"), None, np.array([0, 1]))
    folder.row("a", 0).path.mkdir(parents=True)
    write_json(folder.row("a", 0).failed, {"error": "the loss of step 3 is not finite."})
    folder.work.mkdir()
    write_hashed_json(folder.seconds, {"prepare": 1.0})
    save(folder, two, ("a", "b"))

    def end() -> None:
        finish.conclude(recipe, plan, folder, keys=[("a", 0)], winner=None, history=History(), command_bytes=0)

    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(finish, "write_report", lambda _: 1 / 0)
        end()
    assert all(file.is_file() for file in (folder.results, folder.comparison, folder.costs))
    assert not folder.is_complete and read_examples(folder, "test").texts == ("one", "two")
    end()
    assert folder.is_complete and not folder.work.exists()
    assert "the loss of step 3 is not finite." in folder.report.read_text()
    assert "without a candidate that ended well" in folder.card.read_text()


def test_whether_the_winner_has_learned_is_told_by_validation_rows_and_not_by_test_labels(tmp_path: Path) -> None:
    labels = np.arange(40) % 2
    flat = np.tile(np.float32([0.2, 0.1]), (40, 1))  # "bad" for every row
    costly = Decision(costs=((1, 0, 99.0),))  # its label is "good" for every row, its largest logit is not
    healthy = (np.eye(2, dtype=np.float32)[labels] * np.float32(2.0)) + np.float32(0.1)
    plan = replace(PLAN, counts={"train": 40, "validation": 40, "test": 40})
    verdicts = {}
    for name, logits, decision in (("flat", flat, Decision()), ("costly", healthy, costly)):
        folder = RunFolder(tmp_path / name)
        decided_run(folder, labels, {"r4": (logits, decision)})
        conclude(recipe_of("r4"), plan, folder, keys=[("r4", 0)], winner=("r4", 0), history=History(), command_bytes=0)
        verdicts[name] = read_json(folder.comparison)["verdict"]
        assert verdicts[name]["headline"] in folder.card.read_text(encoding="utf-8").replace("\\", "")
        shown = html.unescape(folder.report.read_text(encoding="utf-8")).replace("\N{NO-BREAK SPACE}", " ")
        assert verdicts[name]["headline"] in shown
    assert verdicts["flat"]["headline"] == (
        "r4 has not learned: it answers 'bad' for 100 % of the validation rows (50 % are 'bad')."
    )
    assert verdicts["flat"]["unlearned"]["changes"] == {"training.epochs": 3}
    assert verdicts["costly"]["unlearned"] is None
    # Test rows with other labels, on which the same answers are all right, change nothing.
    folder = RunFolder(tmp_path / "other")
    decided_run(folder, labels, {"r4": (flat, Decision())})
    parts = predictions.read(folder.row("r4", 0).predictions)
    parts["test"] = predictions.Predictions(parts["test"].ids, np.zeros(40, np.int64), flat)
    predictions.write(folder.row("r4", 0).predictions, parts)
    conclude(recipe_of("r4"), plan, folder, keys=[("r4", 0)], winner=("r4", 0), history=History(), command_bytes=0)
    assert read_json(folder.comparison)["verdict"]["unlearned"] == verdicts["flat"]["unlearned"]
