"""The batch is the recipe's, whatever the micro-batches: its gradient is that of the whole, and its rows never move."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from training_jobs import begin, job

from finetooth.models import seeds
from finetooth.models.batching import collate
from finetooth.models.plain_pass import logits
from finetooth.tasks import DEFAULT
from finetooth.training.loss import class_weights

STILL = {"base_dropout": 0.0, "max_grad_norm": None, "epochs": 1}
BUDGETS = (16, 96, 100_000)


def gradients(
    folder: Path, directory: Path, *, packed: bool, **training: Any
) -> tuple[Any, list[dict[str, torch.Tensor]]]:
    """The gradients of every step; no step moves the weights."""
    trainer = begin(
        folder, job(folder, directory, rows=19, packed=packed, training=STILL | training, candidate={"dropout": 0.0})
    )
    with torch.no_grad():
        torch.manual_seed(0)
        for parameter in trainer.named.values():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    gradients_of_steps: list[dict[str, torch.Tensor]] = []

    def keep() -> None:
        gradients_of_steps.append(
            {name: value.grad.clone() for name, value in trainer.named.items() if value.grad is not None}
        )

    trainer.optimizer.step = keep  # type: ignore[method-assign, assignment]
    trainer.run()
    return trainer, gradients_of_steps


def gradients_in_one_piece(trainer: Any, rows: np.ndarray, weight: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """The gradient of one batch taken in one piece, as PyTorch's weighted mean defines it."""
    trainer.model.train()
    trainer.model.zero_grad()
    truth = torch.from_numpy(trainer.job.train.labels[rows])
    outputs = trainer.model(**collate(trainer.job.train.tokens, rows, pad_id=0)).logits
    torch.autograd.backward(functional.cross_entropy(outputs, truth, weight=weight))
    return {name: value.grad.clone() for name, value in trainer.named.items()}


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("class_weights", [None, {"bad": 0.2, "good": 3.0}])
def test_accumulation_equals_the_big_batch_and_the_short_last_one_its_own_mean(
    model_folder: Path, tmp_path: Path, budget: int, class_weights: dict[str, float] | None, packed: bool
) -> None:
    trainer, steps = gradients(model_folder, tmp_path, packed=packed, token_budget=budget, class_weights=class_weights)
    order = seeds.order(3, 0, 19)
    batches = [order[0:8], order[8:16], order[16:19]]
    assert len(steps) == len(batches)
    weight = None if class_weights is None else torch.tensor(list(class_weights.values()))
    for actual, rows in zip(steps, batches, strict=True):
        expected = gradients_in_one_piece(trainer, rows, weight)
        assert actual.keys() == expected.keys()
        for name, gradient in expected.items():
            torch.testing.assert_close(actual[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


def seen(folder: Path, directory: Path, **changes: Any) -> list[list[int]]:
    """The rows of every optimizer batch, sorted."""
    batches: list[list[int]] = []
    trainer = begin(folder, job(folder, directory, rows=19, **changes))
    split, lengths, budget = trainer.forward.split, trainer.job.train.tokens.lengths, trainer.job.token_budget

    def spy(rows: np.ndarray) -> list[np.ndarray]:
        parts = split(rows)
        assert sorted(np.concatenate(parts).tolist()) == sorted(rows.tolist())
        padded = (len(part) * lengths[part].max() for part in parts)
        sizes = [lengths[part].sum() for part in parts] if trainer.job.packed else list(padded)
        assert all(len(part) == 1 or size <= budget for part, size in zip(parts, sizes, strict=True))
        batches.append(sorted(rows.tolist()))
        return parts

    trainer.forward.split = spy  # type: ignore[method-assign]
    trainer.run()
    return batches[-trainer.schedule.most :]  # not those of a pass that is thrown away


def test_batches_hold_the_same_rows_whatever_the_budget(model_folder: Path, tmp_path: Path) -> None:
    actual = [
        seen(model_folder, tmp_path / f"{budget}-{packed}", packed=packed, training={"token_budget": budget})
        for budget in BUDGETS
        for packed in (False, True)
    ]
    assert all(batches == actual[0] for batches in actual)
    assert [len(batch) for batch in actual[0]] == [8, 8, 3, 8, 8, 3]
    for epoch in (actual[0][:3], actual[0][3:]):
        assert sorted(row for batch in epoch for row in batch) == list(range(19))


def test_the_order_differs_by_epoch_and_by_seed(model_folder: Path, tmp_path: Path) -> None:
    one = seen(model_folder, tmp_path / "3")
    other = seen(model_folder, tmp_path / "4", seed=4)
    assert one[:3] != one[3:]
    assert one[:3] != other[:3]


def test_balanced_weights_are_inverse_frequencies(model_folder: Path, tmp_path: Path) -> None:
    made = job(model_folder, tmp_path, rows=19, training={"class_weights": "balanced"})
    assert np.bincount(made.train.labels).tolist() == [10, 9]
    torch.testing.assert_close(
        class_weights(made.train.labels, classes=made.classes, setting="balanced"), torch.tensor([19 / 20, 19 / 18])
    )


@pytest.mark.parametrize("packed", [False, True])
def test_training_figures_of_the_curve_are_of_the_rows_since_the_last_evaluation(
    model_folder: Path, tmp_path: Path, packed: bool
) -> None:
    """Weights that never move make the model of the end that of every step."""
    trainer, _ = gradients(model_folder, tmp_path, packed=packed, evaluate_every=2)
    tokens, labels, order = trainer.job.train.tokens, trainer.job.train.labels, seeds.order(3, 0, 19)
    actual = logits(trainer.model, tokens, pad_id=0, budget=10_000)
    assert [point["epoch"] for point in trainer.counters.curve] == [2 / 3, 1.0]
    for point, rows in zip(trainer.counters.curve, (order[:16], order[16:]), strict=True):
        figures = DEFAULT.score(actual[rows], labels[rows])
        assert point["train_accuracy"] == figures["accuracy"]
        assert point["train_loss"] == pytest.approx(figures["loss"], abs=1e-5)
