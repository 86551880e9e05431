import json

import numpy as np
import pytest

import plans
from finetooth.data import Dataset, Examples
from finetooth.errors import RunError
from finetooth.evaluation.decision_file import DECISION, describe
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.intervals import metric_interval
from finetooth.evaluation.significance import holm, paired
from finetooth.evaluation.units import Units
from finetooth.files import read_json, write_file, write_json
from finetooth.runs import across, plan_file
from finetooth.runs import complete as mark
from finetooth.runs.across import compare
from finetooth.runs.layout import RunFolder
from finetooth.runs.predictions import Predictions
from finetooth.runs.predictions import write as write_predictions
from finetooth.runs.results import Costs, ResultsRow, write_costs, write_results
from finetooth.runs.work import write_splits
from finetooth.tasks import DEFAULT

COUNT = 400
IDS = tuple(f"test.csv:{number}" for number in range(1, COUNT + 1))


def rights(share, seed):
    return np.random.default_rng(seed).random(COUNT) < share


def finished(
    folder,
    rows,
    *,
    winner,
    test_id="a" * 64,
    ids=IDS,
    order=None,
    complete=True,
    task="single_label",
    plan=None,
    labels=None,
    decision=None,
    groups=(),
):
    """A finished run: rows is {(name, seed): right (N,) bool}; names that begin with lora are candidates."""
    run_folder = RunFolder(folder)
    run_folder.path.mkdir(parents=True)
    labels = np.arange(COUNT) % 2 if labels is None else labels
    order = np.arange(COUNT) if order is None else order
    result_rows = []
    for (name, seed), right in rows.items():
        answers = np.where(right, labels, 1 - labels)
        logits = np.eye(2, dtype=np.float32)[answers]
        test = Predictions(tuple(ids[index] for index in order), labels[order].astype(np.int64), logits[order])
        run_folder.row(name, seed).path.mkdir(parents=True)
        write_predictions(run_folder.row(name, seed).predictions, {"test": test})
        kind = "candidate" if name.startswith("lora") else "baseline"
        described = describe(decision, ["no", "yes"]) if decision else None
        if described:
            run_folder.row(name, seed).adapter.mkdir()
            write_json(run_folder.row(name, seed).adapter / DECISION, {"schema": 1, **described})
        result_rows.append(
            ResultsRow(
                name=name,
                kind=kind,
                seed=seed,
                validation={},
                test={"accuracy": float(right.mean())},
                decision=described,
            )
        )
    counts = {"train": 800, "validation": 100, "test": COUNT}
    facts = {"task": task, "test_id": test_id, "classes": ("no", "yes"), "counts": counts} | (plan or {})
    made = plans.plan(**facts)
    write_results(run_folder, result_rows, run=folder.name, plan=made, max_tokens=512, winner=winner)
    write_costs(run_folder, Costs(test_openings=1, rows=[]))
    named = tuple(ids[index] for index in order)
    test = Examples(named, named, None, labels[order], groups=tuple(groups[index] for index in order) if groups else ())
    none = test.select([])
    write_splits(run_folder, Dataset(none, none, test, ("no", "yes"), test_id, "f" * 64, {}))
    group = "film" if groups else None
    write_json(run_folder.comparison, {"rows": [], "verdict": None, "pooled": [], "group": group})
    write_file(run_folder.recipe, b"name: x\n")
    plan_file.write(run_folder, made)
    if complete:
        mark.write_mark(run_folder, run_id="x")
    return folder


GOOD, FAIR, POOR = rights(0.9, 1), rights(0.88, 2), rights(0.6, 3)


@pytest.fixture
def old(tmp_path):
    return finished(tmp_path / "old", {("tfidf", None): POOR, ("lora-r8", 0): GOOD}, winner=("lora-r8", 0))


def by_row(compared):
    return {(row["run"].rpartition("/")[2], row["name"], row["seed"]): row for row in compared["rows"]}


def test_candidates_are_paired_with_the_first_runs_winner_and_all_but_winners_are_one_family(old, tmp_path):
    new = finished(tmp_path / "new", {("lora-a", 0): FAIR, ("lora-b", 0): POOR}, winner=("lora-a", 0))
    actual = compare([old, new])
    rows = by_row(actual)
    assert actual["reference"] == {"run": str(old), "name": "lora-r8", "seed": 0}
    assert rows["old", "lora-r8", 0]["p"] is None and rows["old", "tfidf", None]["p"] is None
    pairs = [paired(FAIR, GOOD), paired(POOR, GOOD)]
    of_winner, of_other = pairs[0].p, holm([pair.p for pair in pairs])[1]
    for name, pair, adjusted in zip(("lora-a", "lora-b"), pairs, (of_winner, of_other), strict=True):
        row = rows["new", name, 0]
        assert row["difference"] == pair.difference and row["p"] == pair.p and row["p_holm"] == adjusted
        assert (row["only_row"] - row["only_reference"]) / COUNT == row["difference"]
        assert row["difference_interval"] == list(pair.interval())
    assert actual["worse"] == []  # lora-b is shown to be worse, but it is not its run's winner
    json.dumps(actual, allow_nan=False)


def test_what_else_was_tried_takes_nothing_from_the_gate(tmp_path):
    fewer = GOOD.copy()
    fewer[np.flatnonzero(GOOD)[:7]] = False  # 7 rows lost, none won: mid-p = 1 / 2 ** 7
    others = {(f"lora-{number}", 0): GOOD for number in range(3)}
    old = finished(tmp_path / "old", {("lora-r8", 0): GOOD, **others}, winner=("lora-r8", 0))
    new = finished(tmp_path / "new", {("lora-r8", 0): fewer, **others}, winner=("lora-r8", 0))
    actual = compare([old, new])
    row = by_row(actual)["new", "lora-r8", 0]
    assert (row["p"], row["p_holm"], actual["worse"]) == (2**-7, 2**-7, [str(new)])
    assert by_row(actual)["old", "lora-0", 0]["p_holm"] == 1.0
    # Each further run brings a winner, and the gate is corrected over these.
    names = ("b", "c", "d", "e", "f", "g")
    more = [finished(tmp_path / name, {("lora-r8", 0): fewer}, winner=("lora-r8", 0)) for name in names]
    actual = compare([old, new, *more])
    assert {row["p_holm"] for row in actual["rows"] if row["winner"] and row["p"] is not None} == {7 * 2**-7}
    assert actual["worse"] == []


def test_the_gate_of_non_inferiority_wants_the_interval_above_the_loss_that_is_allowed(old, tmp_path):
    new = finished(tmp_path / "new", {("lora-a", 0): FAIR}, winner=("lora-a", 0))
    poor = finished(tmp_path / "poor", {("lora-b", 0): POOR}, winner=("lora-b", 0))
    bare = finished(tmp_path / "bare", {("tfidf", None): GOOD}, winner=None)
    loss = -by_row(compare([old, new]))["new", "lora-a", 0]["difference_interval"][0]
    assert compare([old, new])["not_shown_within"] is None
    assert compare([old, new], within=loss + 0.001)["not_shown_within"] == []
    assert compare([old, new], within=loss)["not_shown_within"] == [str(new)]
    assert compare([old, new, poor, bare], within=loss + 0.001)["not_shown_within"] == [str(poor), str(bare)]


def test_rows_of_a_group_count_once(tmp_path):
    groups = tuple(f"film {number // 40}" for number in range(COUNT))
    first, second = (
        finished(tmp_path / name, {("lora-r8", 0): right}, winner=("lora-r8", 0), groups=groups)
        for name, right in (("a", GOOD), ("b", FAIR))
    )
    actual = compare([first, second])
    assert (actual["examples"], actual["units"], actual["group"]) == (COUNT, 10, "film")
    units = Units.of(np.arange(COUNT) // 40)
    pair = paired(FAIR, GOOD, units=units)
    row = by_row(actual)["b", "lora-r8", 0]
    assert row["p"] == pytest.approx(pair.p) and row["difference_interval"] == pytest.approx(list(pair.interval()))
    assert row["accuracy_interval"] == pytest.approx(
        list(metric_interval(DEFAULT.headline, FAIR.astype(float), units=units))
    )


def test_rows_that_share_a_unit_in_any_run_count_once(tmp_path):
    halves = tuple(f"film {number // 40}" if number < 200 else None for number in range(COUNT))
    rest = tuple(f"film {(number - 180) // 44}" if number >= 180 else None for number in range(COUNT))
    runs = {"a": (GOOD, ()), "b": (FAIR, halves), "c": (FAIR, rest)}
    folders = [
        finished(tmp_path / name, {("lora-r8", 0): right}, winner=("lora-r8", 0), groups=groups)
        for name, (right, groups) in runs.items()
    ]
    numbers = np.arange(COUNT) // 40
    numbers[160:224] = 4  # a film of b ends with row 199, and one of c has the rows from 180 to 223
    numbers[224:] = (np.arange(224, COUNT) - 180) // 44 + 10
    units = Units.of(numbers)
    for order in (folders, folders[::-1]):
        actual = compare(order)
        assert (actual["units"], actual["group"]) == (units.count, "film")
        assert actual == compare(order)
    pair = paired(FAIR, GOOD, units=units)
    assert by_row(compare(folders))["b", "lora-r8", 0]["p"] == pytest.approx(pair.p)


def test_splits_are_read_once_for_each_run(tmp_path, monkeypatch):
    rows = {(f"lora-r{rank}", seed): GOOD for rank in (4, 8) for seed in range(3)}
    folders = [finished(tmp_path / name, rows, winner=("lora-r8", 0)) for name in ("a", "b")]
    calls = []
    real = across.read_units
    monkeypatch.setattr(across, "read_units", lambda folder: calls.append(folder.path) or real(folder))
    compare(folders)
    assert calls == folders


def test_a_run_whose_winner_is_shown_to_be_worse_is_named(old, tmp_path):
    new = finished(tmp_path / "new", {("lora-b", 0): POOR}, winner=("lora-b", 0))
    assert compare([old, new])["worse"] == [str(new)]
    assert compare([new, old])["worse"] == []


def test_a_later_run_without_a_scored_winner_is_worse(old, tmp_path):
    bare = finished(tmp_path / "bare", {("tfidf", None): GOOD}, winner=None)
    failed = finished(tmp_path / "failed", {("lora-a", 0): FAIR}, winner=("lora-b", 0))  # lora-b failed on the test
    actual = compare([old, bare, failed])
    assert actual["worse"] == actual["without_winner"] == [str(bare), str(failed)]
    poor = finished(tmp_path / "poor", {("lora-b", 0): POOR}, winner=("lora-b", 0))
    actual = compare([old, bare, poor])
    assert (actual["worse"], actual["without_winner"]) == ([str(poor), str(bare)], [str(bare)])


def test_the_order_of_test_rows_in_a_run_changes_nothing(old, tmp_path):
    shuffled = np.random.default_rng(0).permutation(COUNT)
    same = {("lora-r8", 0): GOOD}
    new = finished(tmp_path / "new", same, winner=("lora-r8", 0), order=shuffled)
    row = by_row(compare([old, new]))["new", "lora-r8", 0]
    assert (row["difference"], row["only_row"], row["only_reference"], row["p"]) == (0.0, 0, 0, 1.0)


def test_the_difference_changes_its_sign_with_the_order_of_runs(old, tmp_path):
    new = finished(tmp_path / "new", {("lora-a", 0): FAIR}, winner=("lora-a", 0))
    forth, back = compare([old, new]), compare([new, old])
    assert by_row(forth)["new", "lora-a", 0]["difference"] == -by_row(back)["old", "lora-r8", 0]["difference"]
    assert by_row(forth)["new", "lora-a", 0]["p"] == by_row(back)["old", "lora-r8", 0]["p"]


ALWAYS_YES = Decision(thresholds=(0.9, 0.1))  # the logits are one apart


def test_a_row_is_taken_by_the_labels_that_its_adapter_decides(old, tmp_path):
    new = finished(tmp_path / "new", {("lora-a", 0): FAIR}, winner=("lora-a", 0), decision=ALWAYS_YES)
    assert by_row(compare([old, new]))["new", "lora-a", 0]["accuracy"] == 0.5


def test_another_decision_than_the_measured_one_is_refused(old, tmp_path):
    new = finished(tmp_path / "new", {("lora-a", 0): FAIR}, winner=("lora-a", 0), decision=ALWAYS_YES)
    file = RunFolder(new).row("lora-a", 0).adapter / DECISION
    message = f"{file}: is not the decision that the row was measured with. Take it from a backup."
    write_json(file, read_json(file) | {"thresholds": {"no": 0.5, "yes": 0.5}})
    assert refusal(old, new) == message
    file.unlink()
    assert refusal(old, new) == message
    plain = finished(tmp_path / "plain", {("lora-a", 0): FAIR}, winner=("lora-a", 0))
    later = RunFolder(plain).row("lora-a", 0).adapter / DECISION
    later.parent.mkdir()
    write_json(later, {"schema": 1, **describe(ALWAYS_YES, ["no", "yes"])})
    assert refusal(old, plain) == f"{later}: is not the decision that the row was measured with. Take it from a backup."


@pytest.mark.parametrize("name", ["plan.json", "rows/lora-a/seed-0/predictions.parquet"])
def test_files_changed_after_the_run_was_complete_are_refused(old, tmp_path, name):
    new = finished(tmp_path / "new", {("lora-a", 0): FAIR}, winner=("lora-a", 0))
    other = finished(tmp_path / "other", {("lora-a", 0): GOOD}, winner=("lora-a", 0), plan={"test_rows_id": "1"})
    (new / name).write_bytes((other / name).read_bytes())
    assert refusal(old, new) == (
        f"{new / name}: was changed after the run was complete: it is not what was measured. Take it from a backup."
    )
    (new / name).unlink()
    assert refusal(old, new) == f"{new}: the run was complete, but its {name} is gone. Take it from a backup."


def refusal(*runs):
    with pytest.raises(RunError) as error:
        compare(runs)
    return str(error.value)


def test_what_cannot_be_paired_is_refused_with_the_reason(old, tmp_path):
    rows = {("lora-r8", 0): GOOD}
    other = finished(tmp_path / "other", rows, winner=("lora-r8", 0), test_id="b" * 64)
    assert refusal(old, other) == (
        f"{old} and {other} were not measured on the same test rows (400 and 400 rows of different content), so their "
        "rows cannot be paired. Run both recipes with the same data.source, data.limit, data.test and data.seed."
    )
    renamed = finished(
        tmp_path / "renamed", rows, winner=("lora-r8", 0), ids=tuple(f"other.csv:{number}" for number in range(COUNT))
    )
    assert refusal(old, renamed) == (
        f"{old} and {renamed} hold the same test texts under other names of files and rows (first: test.csv:1 and "
        "other.csv:0), so their rows cannot be paired. Run both from the same files."
    )
    half = finished(tmp_path / "half", rows, winner=("lora-r8", 0), complete=False)
    assert refusal(old, half) == (
        f"{half}: the run is not complete. Give its command again to complete it, then compare."
    )
    bare = finished(tmp_path / "bare", {("tfidf", None): POOR}, winner=None)
    assert refusal(bare, old) == (f"{bare}: the run has no winner to compare with; name a run with a candidate first.")


def planned(folder, **plan):
    return finished(folder, {("lora-r8", 0): GOOD}, winner=("lora-r8", 0), plan=plan)


def test_the_same_rows_at_other_places_of_their_file_are_refused(tmp_path):
    first = planned(tmp_path / "first", data_fingerprint="1", test_rows_id="a" * 64)
    again = planned(tmp_path / "again", data_fingerprint="2", test_rows_id="a" * 64)
    moved = planned(tmp_path / "moved", data_fingerprint="3", test_rows_id="b" * 64)
    assert len(compare([first, again])["rows"]) == 2
    assert refusal(first, again, moved) == (
        f"{first} and {moved} hold the same test rows at other positions in their files, as after sorting a file, so "
        "their rows cannot be paired. Run both from the same files."
    )


def test_runs_of_other_tasks_are_refused(tmp_path):
    first = planned(tmp_path / "first")
    other = finished(tmp_path / "other", {("lora-r8", 0): GOOD}, winner=("lora-r8", 0), task="number")
    assert refusal(first, other) == (
        f"{first} and {other} are runs of other tasks (single_label and number), so their rows cannot be paired. "
        "Compare runs of one task."
    )


def test_a_task_of_another_version_is_named(tmp_path):
    rows = {("lora-r8", 0): GOOD}
    runs = [finished(tmp_path / name, rows, winner=("lora-r8", 0), task="number") for name in ("a", "b")]
    assert refusal(*runs) == (
        "a: results.json: task is 'number', but this version knows only single_label. Use the version of Finetooth "
        "that wrote the run."
    )


def test_rows_with_other_labels_under_the_same_names_are_refused(old, tmp_path):
    labels = np.arange(COUNT) % 2
    labels[[2, 3]] = labels[[3, 2]]  # two rows of the file changed places: the same texts in all, and the same test_id
    moved = finished(tmp_path / "moved", {("lora-r8", 0): GOOD}, winner=("lora-r8", 0), labels=labels)
    assert refusal(old, moved) == (
        f"{old} and {moved} have other labels in the same rows (first: test.csv:3 is 'no' and 'yes'), so their "
        "rows cannot be paired. Run both from the same files."
    )


@pytest.mark.parametrize("count", [0, 1, 2])
def test_one_run_is_not_compared_with_itself(old, count):
    assert refusal(*[old] * count) == "compare needs two or more different run folders: finetooth compare RUN RUN"


def test_runs_whose_winner_has_not_learned_are_named(old, tmp_path):
    new = finished(tmp_path / "new", {("lora-r8", 0): POOR}, winner=("lora-r8", 0), complete=False)
    verdict = {"headline": "lora-r8 has not learned: …", "unlearned": {"signs": [], "changes": {}}}
    write_json(RunFolder(new).comparison, {"rows": [], "verdict": verdict})
    mark.write_mark(RunFolder(new), run_id="x")
    assert compare([old, new])["unlearned"] == [{"run": str(new), "headline": verdict["headline"]}]
