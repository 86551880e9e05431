"""An automatic training: it ends by itself, keeps its last step, and resumes to the bit in each phase."""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load_file
from training_jobs import begin, job, same_bits, trained

from finetooth.errors import Interrupted
from finetooth.tasks.task import Task
from finetooth.training import loop, schedule, validation
from finetooth.training.checkpoints import Counters
from finetooth.training.job import TrainingJob
from finetooth.training.validation import Validation

AUTO = {"epochs": "auto", "evaluate_every": 4, "patience": 2, "checkpoint_every": 5, "warmup_fraction": 0.25}
LOSSES = {4: 0.9, 8: 0.6, 12: 0.7, 16: 0.8}  # by step: the decay follows 16
PHASES = {"warm-up": 2, "constant": 10, "decay": 18}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of a few steps; the two-layer model, which answers one class for long, does not wait for that to end."""
    monkeypatch.setattr(validation, "collapse", lambda answers, labels: None)
    for name, value in {"LEAST_STEPS": 8, "MOST_STEPS": 40, "LARGE_EPOCHS": 1}.items():
        monkeypatch.setattr(schedule, name, value)


def scripted(monkeypatch: pytest.MonkeyPatch, trainer: Any, losses: dict[int, float]) -> None:
    """Give the trainer's evaluations these losses by their step, and later ones 1 / step."""

    def score(task: Task, logits: npt.NDArray[np.float32], targets: npt.NDArray[np.int64]) -> dict[str, float]:
        step = trainer.counters.step
        return {"loss": losses.get(step, 1 / step), "accuracy": 0.5, "macro_f1": 0.5}

    monkeypatch.setattr(Task, "score", score)


def automatic(directory: Path, folder: Path, **changes: Any) -> TrainingJob:
    return job(folder, directory, training=AUTO, packed=True, **changes)


def run(
    folder: Path, made: TrainingJob, monkeypatch: pytest.MonkeyPatch, losses: dict[int, float] = LOSSES
) -> tuple[dict[str, torch.Tensor], Counters]:
    """As `trained`, with validation losses by step."""
    trainer = begin(folder, made)
    scripted(monkeypatch, trainer, losses)
    counters = trainer.run()
    return {name: value.detach().clone() for name, value in trainer.named.items()}, counters


def events(made: TrainingJob, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in made.folder.log.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["event"] == event]


def test_it_decays_once_out_of_patience_and_keeps_its_last_step(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = automatic(tmp_path, model_folder)
    _, counters = run(model_folder, made, monkeypatch, losses=LOSSES | {20: 0.85, 24: 0.95})
    assert (counters.decay_began, counters.step) == (16, 24)
    assert counters.best_step == 24  # though 4, 8, 12 and 16 were better: at the peak rate
    assert [point["validation_loss"] for point in counters.curve] == [*LOSSES.values(), 0.95]
    assert [(line["step"], line["steps"]) for line in events(made, "decay")] == [(16, 8)]


class _Halted(Exception):
    pass


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_resumed_in_each_phase_equals_uninterrupted(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str, how: str
) -> None:
    expected, expected_counters = run(model_folder, automatic(tmp_path / "whole", model_folder), monkeypatch)

    def die() -> int:
        raise _Halted

    reached: list[Any] = []
    act = (lambda: int(signal.SIGTERM)) if how == "stopped" else die
    made = automatic(tmp_path / "broken", model_folder)
    trainer = begin(
        model_folder, replace(made, stop=lambda: act() if reached[0].counters.step >= PHASES[phase] else None)
    )
    reached.append(trainer)
    scripted(monkeypatch, trainer, LOSSES)
    with pytest.raises((Interrupted, _Halted)):
        trainer.run()
    actual, counters = run(model_folder, made, monkeypatch)
    assert len(events(made, "resume")) == (0 if (how, phase) == ("killed", "warm-up") else 1)
    assert same_bits(actual, expected)
    assert counters.curve == expected_counters.curve
    assert (counters.decay_began, counters.best_step) == (expected_counters.decay_began, expected_counters.best_step)


def test_while_one_class_takes_all_answers_it_is_not_out_of_patience(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Validation, "_collapse_note", lambda self, logits: ", one class")
    made = automatic(tmp_path, model_folder)
    _, counters = run(model_folder, made, monkeypatch, losses=dict.fromkeys(range(1, 99), 0.7))
    assert counters.decay_began == made.schedule.latest


def test_a_training_that_breaks_after_it_has_learned_ends_and_keeps_the_step_before(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Validation, "_collapse_note", lambda self, logits: ", one class" if self.counters.step > 8 else ""
    )
    made = automatic(tmp_path, model_folder)
    actual, counters = run(model_folder, made, monkeypatch, losses=LOSSES | {24: 0.1})
    assert (counters.decay_began, counters.step, counters.best_step) == (16, 24, 8)
    assert same_bits(actual, load_file(made.folder.checkpoints / "best-00000008" / "weights.safetensors"))


def test_the_learning_rate_of_the_log_is_that_of_its_phase(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    made = automatic(tmp_path, model_folder)
    run(model_folder, made, monkeypatch)
    rates = [line["learning_rate"] / 5e-3 for line in events(made, "train")]
    assert rates == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, *[1] * 12, *(1 - done / 8 for done in range(1, 8))])


def test_without_a_script_it_ends_and_scores_its_last_step(model_folder: Path, tmp_path: Path) -> None:
    made = automatic(tmp_path, model_folder)
    _, counters = trained(model_folder, made)
    assert counters.decay_began is not None
    assert counters.step == made.schedule.end(counters.decay_began) <= made.schedule.most
    assert counters.best_step is not None and counters.best_step > counters.decay_began
    assert counters.curve[-1]["epoch"] == counters.step / made.schedule.steps_per_epoch
