"""Threads that compute micro-batches: each takes the next one when it is done with one, and none waits for another."""

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import TypeVar

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

    micro_batches: taken one at a time, in order. step: returns the number of rows that it computed. advance: called
    with that number in the caller's thread. What either raises ends the work. prepare: called first in each thread.
    """
    lock, stopped = threading.Lock(), threading.Event()
    results: SimpleQueue[int | BaseException | None] = SimpleQueue()  # rows, a worker's error, or None at its end

    def take() -> Work | None:
        with lock:
            return None if stopped.is_set() else next(micro_batches, None)

    def work() -> None:
        try:
            prepare()
            while (micro_batch := take()) is not None:
                results.put(step(micro_batch))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            results.put(error)
        finally:
            results.put(None)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    working = len(threads)
    try:
        while working:
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            if result is None:
                working -= 1
            else:
                advance(result)
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
