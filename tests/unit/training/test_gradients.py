"""Concurrently or one after another, the gradient is the same, and so are its bits from one time to the next."""

import contextlib
import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from training_jobs import begin, job

from finetooth.models.packed import PackedModel
from finetooth.training.gradients import MicroBatchPool, accumulate


def test_tasks_run_concurrently_each_on_its_own_thread_with_results_in_order() -> None:
    both = threading.Barrier(2, timeout=20)  # passed only by two at a time

    def task(name: str) -> Callable[[], tuple[str, int, int]]:
        def work() -> tuple[str, int, int]:
            both.wait()
            return name, threading.get_ident(), torch.get_num_threads()

        return work

    with MicroBatchPool() as pool:
        assert pool.size == 2
        actual = [pool.run([task("a"), task("b")]) for _ in range(3)]
    assert [name for name, *_ in actual[0]] == ["a", "b"]
    assert actual[0] == actual[1] == actual[2]
    assert len({ident for _, ident, _ in actual[0]} | {threading.get_ident()}) == 3
    assert [threads for *_, threads in actual[0]] == [1, 1]


def test_a_task_alone_and_the_caller_asking_for_them_have_all_threads() -> None:
    with MicroBatchPool() as pool:
        assert torch.get_num_threads() == 1
        assert pool.run([torch.get_num_threads]) == [2]
        with pool.all_threads():
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_one_thread_makes_a_pool_of_one() -> None:
    torch.set_num_threads(1)
    with MicroBatchPool() as pool:
        assert pool.size == 1
        assert pool.run([torch.get_num_threads]) == [1]


@pytest.mark.parametrize("count", [1, 2])
def test_what_a_failed_task_held_is_free_before_the_next_try(count: int) -> None:
    references: list[weakref.ref[torch.Tensor]] = []

    def work() -> None:
        large = torch.ones(1000)
        references.append(weakref.ref(large))
        raise MemoryError

    gc.disable()  # what only the collector of cycles would free is not free when it is needed
    try:
        with MicroBatchPool() as pool:
            for _ in range(2):
                with contextlib.suppress(MemoryError):
                    pool.run([work] * count)
                assert [item() for item in references] == [None] * len(references)
    finally:
        gc.enable()


def test_the_first_error_is_raised_once_all_have_ended() -> None:
    ended = []

    def fail() -> None:
        raise MemoryError("first")

    def last() -> None:
        ended.append(threading.get_ident())

    with MicroBatchPool() as pool:
        with pytest.raises(MemoryError, match="first"):
            pool.run([fail, last])
        assert len(ended) == 1
        assert pool.run([lambda: 1, lambda: 2]) == [1, 2]


def made(folder: Path, directory: Path) -> tuple[Any, Callable[..., tuple[float, list[torch.Tensor | None]]]]:
    trainer = begin(folder, job(folder, directory, packed=True))
    with torch.no_grad():
        torch.manual_seed(0)
        for parameter in trainer.parameters:
            parameter.add_(torch.randn_like(parameter) * 0.05)
    labels = torch.from_numpy(trainer.job.train.labels)

    def summed(pool: MicroBatchPool, *, most_concurrent: int) -> tuple[float, list[torch.Tensor | None]]:
        forward = PackedModel(trainer.model, trainer.job.train.tokens, budget=150, most_concurrent=most_concurrent)

        def loss(logits: torch.Tensor, part: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
            value = functional.cross_entropy(logits, labels[part], reduction="sum")
            return value, value.detach().double()

        parts = forward.split(np.arange(24))
        assert forward.concurrent == most_concurrent
        assert len(parts) >= 4
        figure, seconds = accumulate(pool, parts, forward=forward, parameters=trainer.parameters, loss=loss)
        assert min(seconds.values()) > 0
        return float(figure), [value.grad for value in trainer.parameters]

    return trainer, summed


def test_concurrent_micro_batches_sum_to_what_one_after_another_does(model_folder: Path, tmp_path: Path) -> None:
    _, summed = made(model_folder, tmp_path)
    with MicroBatchPool() as pool:
        one, ones = summed(pool, most_concurrent=1)
        two, twos = summed(pool, most_concurrent=2)
    assert two == pytest.approx(one, rel=1e-6)
    largest = max(float(gradient.abs().max()) for gradient in ones if gradient is not None)
    for gradient, other in zip(ones, twos, strict=True):
        assert gradient is not None
        assert other is not None
        torch.testing.assert_close(gradient, other, rtol=1e-5, atol=1e-6 * largest)


def test_concurrent_micro_batches_give_the_same_bits_each_time(model_folder: Path, tmp_path: Path) -> None:
    _, summed = made(model_folder, tmp_path)
    with MicroBatchPool() as pool:
        summed(pool, most_concurrent=2)  # the first pass of a process is thrown away (ADR 5)
        first, firsts = summed(pool, most_concurrent=2)
        for _ in range(5):
            figure, gradients = summed(pool, most_concurrent=2)
            assert figure == first
            assert all(torch.equal(one, two) for one, two in zip(firsts, gradients, strict=True))  # type: ignore[arg-type]


def test_what_no_part_reaches_has_no_gradient(model_folder: Path, tmp_path: Path) -> None:
    trainer, _ = made(model_folder, tmp_path)
    aside = torch.nn.Parameter(torch.ones(3))
    with MicroBatchPool() as pool:
        parts = trainer.forward.split(np.arange(8))
        accumulate(
            pool,
            parts,
            forward=trainer.forward,
            parameters=[aside],
            loss=lambda logits, _: (logits.sum() + 0 * aside.sum(), logits.sum()),
        )
        assert torch.equal(aside.grad, torch.zeros(3))
        accumulate(
            pool,
            parts,
            forward=trainer.forward,
            parameters=[*trainer.parameters, aside],
            loss=lambda logits, _: (logits.sum(), logits.sum()),
        )
        assert aside.grad is None
        assert all(value.grad is not None for value in trainer.parameters)
