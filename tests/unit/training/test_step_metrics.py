"""Looking at losses less often changes nothing, and what diverged in between was never applied."""

import copy
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from training_jobs import begin, job, same_bits

from finetooth.errors import DivergedError, Interrupted
from finetooth.models.plain_pass import logits
from finetooth.training import checkpoints, loop
from finetooth.training.job import TrainingJob
from finetooth.training.loop import Trainer
from finetooth.training.step_metrics import StepMetrics

TRAINING: dict[str, Any] = {"batch_size": 3, "evaluate_every": 23, "checkpoint_every": 17}


def begun(folder: Path, made: TrainingJob, *, read_every: int) -> Trainer:
    trainer = begin(folder, made)
    trainer.read_every = read_every
    return trainer


def values_of(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in trainer.named.items()}


def logged(made: TrainingJob) -> list[dict[str, Any]]:
    return [json.loads(line) for line in made.folder.log.read_text(encoding="utf-8").splitlines()]


def test_what_is_taken_is_what_was_added_and_nothing_twice() -> None:
    metrics = StepMetrics(torch.device("cpu"))
    for step in (4, 5):
        sums = torch.tensor([0.1 * step, step - 1.0], dtype=torch.float64)
        metrics.add(step, np.arange(step), sums=sums, norm=torch.tensor(2.5))
    actual = metrics.take()
    assert [(item.step, len(item.rows), item.losses, item.scores, item.norm) for item in actual] == [
        (4, 4, 0.1 * 4, 3.0, 2.5), (5, 5, 0.1 * 5, 4.0, 2.5)
    ]  # fmt: skip
    assert metrics.take() == []
    assert float(metrics.halted) == 0


@pytest.mark.parametrize(("losses", "norm"), [(math.nan, 1.0), (1.0, math.inf), (-math.inf, math.nan)])
def test_once_not_finite_it_stays_halted(losses: float, norm: float) -> None:
    metrics = StepMetrics(torch.device("cpu"))
    for pair in ((1.0, 1.0), (losses, norm), (1.0, 1.0)):
        sums = torch.tensor([pair[0], 1.0], dtype=torch.float64)
        metrics.add(1, np.arange(1), sums=sums, norm=torch.tensor(pair[1]))
    assert (float(metrics.halted), metrics.halted.dtype, metrics.halted.shape) == (1.0, torch.float32, ())


def test_looking_every_ten_steps_gives_the_same_bits_and_the_same_log(model_folder: Path, tmp_path: Path) -> None:
    actual = []
    for read_every in (1, 10):
        made = job(model_folder, tmp_path / str(read_every), packed=True, training=TRAINING)
        trainer = begun(model_folder, made, read_every=read_every)
        counters = trainer.run()
        actual.append((values_of(trainer), counters.curve, counters.best_step, logged(made)))
    assert same_bits(actual[0][0], actual[1][0])
    assert actual[0][1:] == actual[1][1:]


def test_stopped_between_two_looks_it_goes_on_to_the_same_bits(model_folder: Path, tmp_path: Path) -> None:
    uninterrupted = begun(
        model_folder, job(model_folder, tmp_path / "a", packed=True, training=TRAINING), read_every=10
    )
    uninterrupted.run()
    made = job(model_folder, tmp_path / "b", packed=True, training=TRAINING)
    trainer = begun(model_folder, made, read_every=10)
    object.__setattr__(made, "stop", lambda: 15 if trainer.counters.step >= 14 else None)
    with pytest.raises(Interrupted):
        trainer.run()
    object.__setattr__(made, "stop", lambda: None)
    again = begun(model_folder, made, read_every=10)
    assert again.counters.step == 14
    assert again.counters.loss_count == 14 * 3
    counters = again.run()
    assert same_bits(values_of(again), values_of(uninterrupted))
    assert counters.curve == uninterrupted.counters.curve


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_step_that_diverged_and_those_after_it_change_nothing_and_the_first_is_named(
    model_folder: Path, tmp_path: Path, what: str
) -> None:
    made = job(model_folder, tmp_path, packed=True, training=TRAINING)
    trainer = begun(model_folder, made, read_every=10)
    real, states, rows = trainer._accumulate, [], []

    def spoiled(batch: np.ndarray) -> torch.Tensor:
        sums = real(batch)
        if trainer.counters.step == 3:
            states.append((values_of(trainer), {key: dict(value) for key, value in trainer.optimizer.state.items()}))
            states[0][1].update({key: {n: v.clone() for n, v in value.items()} for key, value in states[0][1].items()})
            rows.extend(batch)
            if what == "loss":
                return sums * math.nan
            assert trainer.parameters[0].grad is not None
            trainer.parameters[0].grad[0] = math.inf
        return sums

    trainer._accumulate = spoiled  # type: ignore[method-assign]
    with pytest.raises(DivergedError) as caught:
        trainer.run()
    named = ", ".join(made.train.ids[row] for row in rows)
    assert (
        str(caught.value) == f"the {what} of step 4 is not finite (rows {named}); try a lower training.learning_rate."
    )
    assert trainer.counters.step == 9  # looked at before the tenth was taken
    before, moments = states[0]
    assert same_bits(values_of(trainer), before)
    for parameter, state in moments.items():
        assert all(torch.equal(value, trainer.optimizer.state[parameter][name]) for name, value in state.items())


def test_the_model_that_is_evaluated_takes_over_what_another_was_trained_to(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = begin(model_folder, job(model_folder, tmp_path / "a", packed=True))
    expected.run()
    made = job(model_folder, tmp_path / "b", packed=True)
    monkeypatch.setattr(loop.device, "placed", lambda model, _: copy.deepcopy(model))
    trainer = begin(model_folder, made)
    assert trainer.trained_model is not trainer.model
    counters = trainer.run()
    assert counters.best_step is not None
    trained = {name: value for name, value in trainer.model.named_parameters() if value.requires_grad}
    assert same_bits(trained, dict(expected.named))
    measured = checkpoints.best_logits(made.folder.checkpoints, counters.best_step)
    actual = logits(trainer.model, made.validation.tokens, pad_id=0, budget=made.evaluation_budget)
    np.testing.assert_array_equal(actual.view(np.uint32), measured.view(np.uint32))


def test_a_step_needs_no_value_of_the_device(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the device meta there are no values: whatever would wait for one raises."""
    idle = SimpleNamespace(param_groups=[{}], step=lambda: None)  # AdamW's fused kernel knows no meta
    monkeypatch.setattr(loop, "adamw", lambda *_: (idle, [1e-3]))
    made = job(model_folder, tmp_path, packed=True, precision="bfloat16", training=TRAINING)
    object.__setattr__(made, "training", made.training.model_copy(update={"device": "meta"}))
    trainer = begin(model_folder, made)
    trainer.forward.fold()
    with trainer.pool:
        for _ in range(9):
            trainer._step()
        with pytest.raises((RuntimeError, NotImplementedError)):
            trainer._step()  # the tenth is looked at
    assert trainer.counters.step == 9
