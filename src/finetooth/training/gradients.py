"""The gradient of an optimizer batch from its micro-batches, which are computed one after another or two at a time."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any

import torch
from torch import nn

from finetooth.models.batching import Rows
from finetooth.training.forward import Forward

# Two concurrent micro-batches, each on half of the threads, wait only for each other at the end; one micro-batch on all
# threads waits after each of its thousands of products for the slower half (docs/adr/0009-side-by-side.md).
MOST_CONCURRENT = 2

Loss = Callable[[torch.Tensor, Rows], tuple[torch.Tensor, torch.Tensor]]


class MicroBatchPool:
    """Threads that compute micro-batches concurrently, each with its share of the processor.

    Each thread's micro-batches are fixed, so that results do not depend on which thread is faster. Inside a `with`
    block the caller has only such a share too, since further threads would delay the others by milliseconds. size: how
    many micro-batches are computed at a time.
    """

    def __init__(self) -> None:
        self._threads = torch.get_num_threads()
        self.size = min(MOST_CONCURRENT, self._threads)
        self._share = self._threads // self.size
        self._workers: list[ThreadPoolExecutor] = []

    def __enter__(self) -> "MicroBatchPool":
        self._workers = [
            ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(self._share,)) for _ in range(self.size)
        ]
        torch.set_num_threads(self._share)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.shutdown()
        torch.set_num_threads(self._threads)

    @contextmanager
    def all_threads(self) -> Iterator[None]:
        """A block in which the caller has the whole processor; nothing may run concurrently."""
        torch.set_num_threads(self._threads)
        try:
            yield
        finally:
            torch.set_num_threads(self._share)

    def run(self, tasks: Sequence[Callable[[], Any]]) -> list[Any]:
        """The results of at most `size` tasks, in order; a single task gets all threads.

        Raises: the error of the first task that failed, after all have ended.
        """
        if len(tasks) == 1:
            with self.all_threads():
                return [tasks[0]()]
        running = [worker.submit(task) for worker, task in zip(self._workers, tasks, strict=False)]
        assert len(running) == len(tasks)
        wait(running)
        errors = [future.exception() for future in running]
        failed = next((error for error in errors if error is not None), None)
        if failed is not None:
            try:
                raise failed
            finally:  # else this frame and the error refer to each other, and keep memory that may have run out
                running.clear()
                del failed, errors
        return [future.result() for future in running]


def accumulate(
    pool: MicroBatchPool,
    parts: Sequence[Rows],
    *,
    forward: Forward,
    parameters: Sequence[nn.Parameter],
    loss: Loss,
    before: Callable[[int], None] = lambda number: None,
) -> tuple[torch.Tensor, dict[str, float]]:
    """Give each parameter the gradient of the loss summed over micro-batches, added in their order.

    loss(logits, rows): the value that is differentiated, and figures to be summed. before(number): called before each
    group of concurrent micro-batches, with the number of its first. Returns the sums of the figures, on their device,
    and the seconds of forward and backward passes; a GPU is not waited for, so these are seconds to enqueue them.
    """
    gradients: list[torch.Tensor | None] = [None] * len(parameters)
    figure, seconds = torch.zeros((), dtype=torch.float64), {"forward": 0.0, "backward": 0.0}
    for start in range(0, len(parts), forward.concurrent):
        before(start)
        began = time.perf_counter()
        tasks = [
            partial(_differentiate, forward, part, parameters, loss)
            for part in parts[start : start + forward.concurrent]
        ]
        results = pool.run(tasks)
        share = (time.perf_counter() - began) / sum(there + back for *_, there, back in results)
        for part_figure, added, there, back in results:
            figure = figure + part_figure
            gradients = [_sum(one, other) for one, other in zip(gradients, added, strict=True)]
            seconds["forward"] += there * share
            seconds["backward"] += back * share
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    return figure, seconds


def _differentiate(
    forward: Forward, part: Rows, parameters: Sequence[nn.Parameter], loss: Loss
) -> tuple[torch.Tensor, tuple[torch.Tensor | None, ...], float, float]:
    began = time.perf_counter()
    value, figure = loss(forward(part), part)
    middle = time.perf_counter()
    gradients = torch.autograd.grad(value, parameters, allow_unused=True)
    return figure.detach(), gradients, middle - began, time.perf_counter() - middle


def _sum(one: torch.Tensor | None, other: torch.Tensor | None) -> torch.Tensor | None:
    if one is None or other is None:
        return one if other is None else other.clone()  # autograd may give one tensor to two parameters
    return one.add_(other)
