"""Workers compute on one core each, and change the number of threads of nobody else."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import torch

from finetooth.models.inference_workers import compute
from finetooth.models.torch_threads import compute_alone, count


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def of_a_new_thread() -> int:
    """Torch's number of threads in a thread that is new."""
    counts: list[int] = []
    thread = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return counts[0]


def computing(reached: threading.Barrier, go_on: threading.Event, counts: list[int]) -> Callable[[], None]:
    """A pass of two workers that wait until they may go on, and note their numbers of threads."""

    def step(micro_batch: int) -> int:
        reached.wait(30)
        go_on.wait(30)
        counts.append(torch.get_num_threads())
        return 1

    return lambda: compute(iter(range(2)), step, workers=2, prepare=compute_alone)


def test_passes_of_two_threads_at_a_time_leave_the_number_as_it_was() -> None:
    first, second = threading.Barrier(3), threading.Barrier(3)
    go_on = (threading.Event(), threading.Event())
    counts: list[int] = []
    passes = [
        threading.Thread(target=computing(reached, event, counts))
        for reached, event in zip((first, second), go_on, strict=True)
    ]
    passes[0].start()
    first.wait(30)
    assert of_a_new_thread() == 3
    passes[1].start()  # while the first one computes
    second.wait(30)
    for event, thread in zip(go_on, passes, strict=True):
        event.set()
        thread.join(30)
    assert counts == [1, 1, 1, 1]
    assert of_a_new_thread() == torch.get_num_threads() == 3


def test_a_pass_that_is_interrupted_twice_leaves_the_number_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    join, interrupted = threading.Thread.join, []

    def join_or_interrupt(thread: threading.Thread, timeout: float | None = None) -> None:
        if threading.current_thread() is threading.main_thread() and not interrupted:
            interrupted.append(thread)
            raise KeyboardInterrupt
        join(thread, timeout)

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "join", join_or_interrupt)
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        compute(iter(range(8)), lambda micro_batch: 1, workers=2, prepare=compute_alone, advance=stop)
    assert interrupted
    ends = time.monotonic() + 30
    while set(threading.enumerate()) - before and time.monotonic() < ends:  # what the second interruption left alone
        time.sleep(0.01)
    assert of_a_new_thread() == torch.get_num_threads() == 3


def test_a_worker_that_cannot_be_prepared_ends_the_work() -> None:
    def prepare() -> None:
        raise RuntimeError("no core is left")

    with pytest.raises(RuntimeError, match="no core is left"):
        compute(iter(range(3)), lambda micro_batch: 1, workers=2, prepare=prepare)


def test_the_number_of_threads_is_that_of_the_caller() -> None:
    assert count() == 3
