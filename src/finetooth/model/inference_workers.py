"""Threads that compute micro-batches of an inference pass: one for each core, and none waits for another.

Each takes the next micro-batch when it is done with one. It computes alone, on one thread, so that the result of a
micro-batch depends neither on who took it nor on how many there are.
"""

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Generic, TypeVar

import torch

Work = TypeVar("Work")


def compute(
    micro_batches: Iterator[Work],
    step: Callable[[Work], int],
    *,
    workers: int | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> None:
    """Call step(micro_batch) for each of micro_batches, in inference mode, in worker threads of one core each.

    micro_batches: taken one at a time, in order. step gives the rows it computed, for advance, which is called in the
    caller's thread; what either raises ends the work. workers: number of threads, torch's own number when omitted.
    """
    threads = torch.get_num_threads()
    pool = _Pool(micro_batches, step)
    crew = [threading.Thread(target=pool.work, daemon=True) for _ in range(workers or threads)]
    for thread in crew:
        thread.start()
    try:
        pool.watch(len(crew), advance)
    finally:
        pool.stopped = True
        for thread in crew:
            thread.join()
        torch.set_num_threads(threads)  # a worker's own count is also the one that the next new thread begins with


class _Pool(Generic[Work]):
    """What the workers share. results: rows of a micro-batch that is done, a worker's error, or None at its end."""

    def __init__(self, micro_batches: Iterator[Work], step: Callable[[Work], int]) -> None:
        self.micro_batches, self.step, self.stopped = micro_batches, step, False
        self.lock = threading.Lock()
        self.results: SimpleQueue[int | BaseException | None] = SimpleQueue()

    def work(self) -> None:
        """Take micro-batches until there is none left; the body of a worker's thread."""
        try:
            torch.set_num_threads(1)
            with torch.inference_mode():
                while (micro_batch := self._next()) is not None:
                    self.results.put(self.step(micro_batch))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self.results.put(error)
        finally:
            self.results.put(None)

    def _next(self) -> Work | None:
        with self.lock:
            return None if self.stopped else next(self.micro_batches, None)

    def watch(self, working: int, advance: Callable[[int], None]) -> None:
        """Pass on what the workers report, until `working` of them have ended.

        Raises: what the first failing worker raised.
        """
        while working:
            result = self.results.get()
            if isinstance(result, BaseException):
                raise result
            if result is None:
                working -= 1
            else:
                advance(result)
