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
_COUNTING = threading.Lock()


def compute(
    micro_batches: Iterator[Work],
    step: Callable[[Work], int],
    *,
    workers: int | None = None,
    advance: Callable[[int], None] = lambda count: None,
    stop: Callable[[], None] = lambda: None,
) -> None:
    """Call step(micro_batch) for each of micro_batches, in inference mode, in worker threads of one core each.

    micro_batches: taken one at a time, in order. step gives the rows it computed, for advance, which is called in the
    caller's thread; what either raises ends the work. workers: number of threads, torch's own number when omitted.
    stop: called at the end, so that a worker that waits for a micro-batch is given none and ends too.
    """
    pool = _Pool(micro_batches, step)
    crew = [threading.Thread(target=pool.work, daemon=True) for _ in range(workers or _threads())]
    for thread in crew:
        thread.start()
    try:
        pool.watch(len(crew), advance)
    finally:
        pool.stopped = True
        stop()
        for thread in crew:
            thread.join()


def _threads() -> int:
    """Torch's number of threads in this thread, a new one perhaps, while no worker sets its own."""
    with _COUNTING:
        return torch.get_num_threads()


def _compute_alone() -> None:
    """Let this new thread compute on one thread.

    torch.set_num_threads sets the number of the thread that calls it, and with it the one that every thread begins with
    from then on. A thread of its own sets the latter again at once: neither another pass nor a signal comes between.
    """
    with _COUNTING:
        threads = torch.get_num_threads()  # this thread has begun now; its number is its own from here on
        torch.set_num_threads(1)
        restoring = threading.Thread(target=torch.set_num_threads, args=(threads,))
        restoring.start()
        restoring.join()


class _Pool(Generic[Work]):
    """What the workers share. results: rows of a micro-batch that is done, a worker's error, or None at its end."""

    def __init__(self, micro_batches: Iterator[Work], step: Callable[[Work], int]) -> None:
        self.micro_batches, self.step, self.stopped = micro_batches, step, False
        self.lock = threading.Lock()
        self.results: SimpleQueue[int | BaseException | None] = SimpleQueue()

    def work(self) -> None:
        """Take micro-batches until there is none left; the body of a worker's thread."""
        try:
            _compute_alone()
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
