"""Threads that compute micro-batches: each takes the next one when it is done with one, and none waits for another."""

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Generic, TypeVar

Work = TypeVar("Work")


def compute(
    micro_batches: Iterator[Work],
    step: Callable[[Work], int],
    *,
    workers: int,
    prepare: Callable[[], None] = lambda: None,
    advance: Callable[[int], None] = lambda count: None,
) -> None:
    """Call step(micro_batch) for each of micro_batches in `workers` threads.

    micro_batches: taken one at a time, in order. step: gives the number of rows that it computed, for advance, which is
    called in the caller's thread; what either raises ends the work. prepare: called first in each thread.
    """
    pool = _Pool(micro_batches, step, prepare)
    threads = [threading.Thread(target=pool.work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        pool.watch(len(threads), advance)
    finally:
        pool.stopped = True
        for thread in threads:
            thread.join()


class _Pool(Generic[Work]):
    """What the workers share. results: rows of a micro-batch that is done, a worker's error, or None at its end."""

    def __init__(self, micro_batches: Iterator[Work], step: Callable[[Work], int], prepare: Callable[[], None]) -> None:
        self.micro_batches, self.step, self.prepare, self.stopped = micro_batches, step, prepare, False
        self.lock = threading.Lock()
        self.results: SimpleQueue[int | BaseException | None] = SimpleQueue()

    def work(self) -> None:
        """Take micro-batches until there is none left; the body of a worker's thread."""
        try:
            self.prepare()
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
