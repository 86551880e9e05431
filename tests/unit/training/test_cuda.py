"""Training on a GPU; none of this runs without one. What holds without one: test_step_metrics, test_varlen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_jobs import begin, job, same_bits

from finetooth.errors import Interrupted
from finetooth.models import device
from finetooth.models.plain_pass import logits
from finetooth.training import checkpoints
from finetooth.training.job import TrainingJob

pytestmark = pytest.mark.skipif(device.gpu_obstacle() is not None, reason=f"not tested: {device.gpu_obstacle()}")

ON_GPU: dict[str, Any] = {"device": "cuda"}


@pytest.fixture(autouse=True)
def deterministic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a run's own processes."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with device.configured({"threads": torch.get_num_threads()}):
        yield


def made_for(folder: Path, directory: Path, **training: Any) -> TrainingJob:
    precision = "bfloat16" if training.get("device") == "cuda" else "float32"
    return job(folder, directory, packed=True, precision=precision, training=training)


def losses(made: TrainingJob) -> list[float]:
    lines = [json.loads(line) for line in made.folder.log.read_text(encoding="utf-8").splitlines()]
    return [line["train_loss"] for line in lines if line["event"] == "evaluate"]


def test_losses_are_near_those_of_the_cpu(model_folder: Path, tmp_path: Path) -> None:
    actual = []
    for name, training in (("cpu", {}), ("cuda", ON_GPU)):
        made = made_for(model_folder, tmp_path / name, **training)
        assert made.schedule.most == 20
        begin(model_folder, made).run()
        actual.append(losses(made))
    assert actual[1] == pytest.approx(actual[0], rel=0.05)  # the products are rounded to 8 bits


def test_what_is_measured_and_left_in_the_model_is_the_cpus(model_folder: Path, tmp_path: Path) -> None:
    made = made_for(model_folder, tmp_path, **ON_GPU)
    trainer = begin(model_folder, made)
    counters = trainer.run()
    assert counters.best_step is not None
    assert {value.device.type for value in trainer.model.parameters()} == {"cpu"}
    assert {value.device.type for value in trainer.parameters} == {"cuda"}
    measured = checkpoints.best_logits(made.folder.checkpoints, counters.best_step)
    actual = logits(trainer.model, made.validation.tokens, pad_id=0, budget=made.evaluation_budget)
    np.testing.assert_array_equal(actual.view(np.uint32), measured.view(np.uint32))


def test_resumed_equals_uninterrupted(model_folder: Path, tmp_path: Path) -> None:
    uninterrupted = begin(model_folder, made_for(model_folder, tmp_path / "a", **ON_GPU))
    uninterrupted.run()
    made = made_for(model_folder, tmp_path / "b", **ON_GPU)
    trainer = begin(model_folder, made)
    object.__setattr__(made, "stop", lambda: 15 if trainer.counters.step >= 13 else None)
    with pytest.raises(Interrupted):
        trainer.run()
    object.__setattr__(made, "stop", lambda: None)
    again = begin(model_folder, made)
    assert again.counters.step == 13
    again.run()
    assert same_bits(dict(again.named), dict(uninterrupted.named))


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype feature")
def test_a_step_does_not_wait_for_the_gpu(model_folder: Path, tmp_path: Path) -> None:
    trainer = begin(model_folder, made_for(model_folder, tmp_path, evaluate_every=1000, **ON_GPU))
    with trainer.pool:
        for _ in range(2):  # kernels are loaded, memory is taken, moments are made
            trainer._step()
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(2):
                trainer._step()
        finally:
            torch.cuda.set_sync_debug_mode("default")
