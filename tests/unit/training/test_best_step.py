"""Which step is kept, when it ends early, and what raises the alarm."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training_jobs import begin, job, same_bits, trained

from finetooth.errors import DivergedError, Interrupted
from finetooth.models import seeds
from finetooth.models.adapters import state
from finetooth.models.plain_pass import logits as plain_logits
from finetooth.tasks.task import Task
from finetooth.training import checkpoints, validation

EVERY_STEP = {"epochs": 1, "evaluate_every": 1, "checkpoint_every": 1, "batch_size": 8}


def scripted(monkeypatch: pytest.MonkeyPatch, monitor: str, values: list[float]) -> None:
    """Validation figures as given, one for each evaluation; the figures not monitored point the other way."""
    left = iter(values)

    def score(*_: Any) -> dict[str, float]:
        value = next(left)
        turned = {"accuracy": 1 - value, "macro_f1": 1 - value, "loss": value}
        if monitor == "loss":
            turned = {"accuracy": value, "macro_f1": value, "loss": value}
        return {"examples": 30, **turned, monitor: value}

    monkeypatch.setattr(Task, "score", score)


@pytest.mark.parametrize(
    ("monitor", "values", "best"),
    [
        ("loss", [0.5, 0.3, 0.4, 0.3, 0.9], 2),
        ("loss", [0.3, 0.3, 0.3, 0.3, 0.3], 1),
        ("accuracy", [0.5, 0.7, 0.9, 0.9, 0.6], 3),
        ("macro_f1", [0.5, 0.7, 0.6, 0.7, 0.8], 5),
    ],
)
def test_the_best_step_of_the_monitored_figure_the_earliest_of_equals(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, monitor: str, values: list[float], best: int
) -> None:
    scripted(monkeypatch, monitor, values)
    states: dict[int, dict[str, torch.Tensor]] = {}
    trainer = begin(model_folder, job(model_folder, tmp_path, rows=40, training={**EVERY_STEP, "monitor": monitor}))
    real = trainer._evaluate

    def evaluate() -> None:
        states[trainer.counters.step] = {name: value.clone() for name, value in state(trainer.model).items()}
        real()

    trainer._evaluate = evaluate  # type: ignore[method-assign]
    counters = trainer.run()
    assert counters.best_step == best
    assert all(torch.equal(value, states[best][name]) for name, value in state(trainer.model).items())


@pytest.mark.parametrize(("patience", "steps"), [(1, 3), (2, 6), (None, 10)])
def test_patience_counts_evaluations_without_a_better_one(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: int | None, steps: int
) -> None:
    scripted(monkeypatch, "loss", [0.5, 0.4, 0.4, 0.3, 0.31, 0.3, 0.2, 0.2, 0.2, 0.1])
    made = job(model_folder, tmp_path, rows=80, training={**EVERY_STEP, "patience": patience})
    counters = begin(model_folder, made).run()
    assert counters.step == steps
    assert len(counters.curve) == steps


def alarms(made: Any) -> list[dict[str, Any]]:
    """What the alarms in the row's log say."""
    events = [json.loads(line) for line in made.folder.log.read_text(encoding="utf-8").splitlines()]
    keys = ("class", "share", "true_share")
    return [{key: event[key] for key in keys} for event in events if event["event"] == "alarm"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_logits_that_a_reload_is_compared_with_are_those_of_the_plain_pass(
    model_folder: Path, tmp_path: Path, precision: str
) -> None:
    made = job(model_folder, tmp_path, packed=True, inference=precision)
    trainer = begin(model_folder, made)
    counters = trainer.run()
    assert counters.best_step is not None
    tokens = made.validation.tokens
    plain = plain_logits(trainer.model, tokens, pad_id=made.pad_id, budget=made.evaluation_budget)
    assert np.array_equal(checkpoints.best_logits(made.folder.checkpoints, counters.best_step), plain)
    best = made.folder.checkpoints / f"best-{counters.best_step:08d}" / "validation.safetensors"
    scored = load_file(best)["logits"].numpy()
    assert 0 < np.abs(scored - plain).max() < 0.1
    path = next(made.folder.checkpoints.glob("plain-*")) / "validation.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert "validation.safetensors" in str(checkpoints.best_damage(made.folder.checkpoints, counters.best_step))


def test_an_alarm_when_one_class_takes_the_predictions(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = np.tile(np.asarray([[0.0, 1.0]], np.float32), (30, 1))
    monkeypatch.setattr(validation, "plain_logits", lambda *_, **__: flat)
    notes: list[str] = []
    made = job(model_folder, tmp_path, rows=8, training={**EVERY_STEP, "warmup_fraction": 0.0})
    made = replace(made, advance=lambda _, note: notes.append(note) if note.startswith("validation") else None)
    assert begin(model_folder, made).run().warnings == []  # a later step may learn: the verdict speaks of what is kept
    assert alarms(made) == [{"class": "good", "share": 1.0, "true_share": 0.5}]
    assert notes[-1].endswith(" %, 100 % of the answers are 'good'")


def test_no_alarm_below_the_share_nor_where_the_labels_are_so(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = np.tile(np.asarray([[0.0, 1.0]], np.float32), (30, 1))
    mixed[:2] = [1.0, 0.0]  # 28 of 30 is 93 %
    monkeypatch.setattr(validation, "plain_logits", lambda *_, **__: mixed)
    made = job(model_folder, tmp_path / "mixed", rows=8, training={**EVERY_STEP, "warmup_fraction": 0.0})
    begin(model_folder, made).run()
    assert alarms(made) == []
    flat = np.tile(np.asarray([[0.0, 1.0]], np.float32), (30, 1))
    monkeypatch.setattr(validation, "plain_logits", lambda *_, **__: flat)
    made = job(model_folder, tmp_path / "flat", rows=8, training={**EVERY_STEP, "warmup_fraction": 0.0})
    made.validation.labels[:] = 1
    begin(model_folder, made).run()
    assert alarms(made) == []


def test_a_stop_while_the_best_step_is_taken_saves_no_state_of_that_step(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model then has the best step's values, and the counters are those of the last one."""
    scripted(monkeypatch, "loss", [0.3, 0.5])
    made = job(model_folder, tmp_path, rows=16, packed=True, inference="float32", training=EVERY_STEP)
    saved, stopping = [], []
    save, load_best = checkpoints.save, checkpoints.load_best
    monkeypatch.setattr(
        checkpoints, "save", lambda *places, **state: (saved.append(list(stopping)), save(*places, **state))
    )
    monkeypatch.setattr(checkpoints, "load_best", lambda *places: (stopping.append(True), load_best(*places)))
    with pytest.raises(Interrupted, match=r"^interrupted; the state is saved\.$"):
        begin(model_folder, replace(made, stop=lambda: 15 if stopping else None)).run()
    assert saved == [[], []]  # the checkpoint that was due, and that of the end, both before the best step was loaded
    monkeypatch.undo()
    counters = begin(model_folder, made).run()
    assert (counters.step, counters.best_step) == (2, 1)


def stands_still(trainer: Any) -> str:
    """The message of the divergence, after checking that no weight and no moment moved in that step."""
    before = {name: value.detach().clone() for name, value in trainer.named.items()}
    with pytest.raises(DivergedError) as caught:
        trainer.run()
    for name, value in trainer.named.items():
        np.testing.assert_array_equal(value.detach().numpy(), before[name].numpy())
    assert not trainer.optimizer.state
    assert not list(trainer.job.folder.checkpoints.iterdir())
    return str(caught.value)


def rows_of(trainer: Any, count: int) -> str:
    return ", ".join(trainer.job.train.ids[row] for row in seeds.order(3, 0, 40)[:count])


@pytest.mark.parametrize(("full", "key"), [(False, "learning_rate"), (True, "full_learning_rate")])
def test_a_loss_that_is_not_finite_stops_before_the_step(
    model_folder: Path, tmp_path: Path, full: bool, key: str
) -> None:
    trainer = begin(model_folder, job(model_folder, tmp_path, rows=40, full=full, training={"batch_size": 10}))
    with torch.no_grad():
        next(value for name, value in trainer.named.items() if "classifier" in name).fill_(float("nan"))
    assert stands_still(trainer) == (
        f"the loss of step 1 is not finite (rows {rows_of(trainer, 8)}, ...); try a lower training.{key}."
    )


@pytest.mark.parametrize(("full", "key"), [(False, "learning_rate"), (True, "full_learning_rate")])
def test_a_validation_logit_that_is_not_finite_ends_it(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool, key: str
) -> None:
    monkeypatch.setattr(validation, "plain_logits", lambda *_, **__: np.full((30, 2), np.nan, np.float32))
    trainer = begin(model_folder, job(model_folder, tmp_path, rows=8, full=full, training=EVERY_STEP))
    with pytest.raises(DivergedError) as caught:
        trainer.run()
    assert str(caught.value) == f"a validation logit after step 1 is not finite; try a lower training.{key}."


def test_a_gradient_that_is_not_finite_stops_before_the_step(model_folder: Path, tmp_path: Path) -> None:
    trainer = begin(model_folder, job(model_folder, tmp_path, rows=40, training={"batch_size": 3}))
    first = next(iter(trainer.named.values()))
    first.register_hook(lambda gradient: gradient * float("inf"))  # type: ignore[no-untyped-call]
    assert stands_still(trainer) == (
        f"the gradient of step 1 is not finite (rows {rows_of(trainer, 3)}); try a lower training.learning_rate."
    )


def test_the_last_good_checkpoint_stands_after_a_divergence(model_folder: Path, tmp_path: Path) -> None:
    made = job(model_folder, tmp_path, rows=40, training={"checkpoint_every": 1, "evaluate_every": 2})
    trainer = begin(model_folder, made)
    real = trainer._step

    def step() -> None:
        if trainer.counters.step == 3:
            with torch.no_grad():
                next(iter(trainer.named.values())).fill_(float("inf"))
        real()

    trainer._step = step  # type: ignore[method-assign]
    with pytest.raises(DivergedError, match=r"^the loss of step 4 is not finite \(rows train\.csv:"):
        trainer.run()
    again = begin(model_folder, made)
    assert again.counters.step == 3
    assert again.run().step == made.schedule.most


@pytest.mark.parametrize(("changes", "warned"), [({}, True), ({"warmup_fraction": 0.0}, False), ({"epochs": 2}, False)])
def test_a_single_step_of_warm_up_learns_nothing_and_says_so(
    model_folder: Path, tmp_path: Path, changes: dict[str, Any], warned: bool
) -> None:
    made = job(model_folder, tmp_path, rows=8, training={"epochs": 1, **changes})
    fresh = {name: value.detach().clone() for name, value in begin(model_folder, made).named.items()}
    actual, counters = trained(model_folder, made)
    warning = (
        "its only step is a warm-up step with a learning rate of 0: nothing was learned. Set training.warmup_fraction: "
        "0, or train for more steps"
    )
    assert (warning in counters.warnings) == same_bits(actual, fresh) == warned
