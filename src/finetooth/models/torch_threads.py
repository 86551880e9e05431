"""Torch's number of threads, which belongs to each thread, in threads that compute on one core each."""

import threading

import torch

_COUNTING = threading.Lock()


def count() -> int:
    """Torch's number of threads in this thread, a new one perhaps, while no other thread sets its own."""
    with _COUNTING:
        return torch.get_num_threads()


def compute_alone() -> None:
    """Let this new thread compute on one core.

    torch.set_num_threads sets the number of the thread that calls it, and with it the one that every thread begins with
    from then on. A thread of its own sets the latter again at once: neither another pass nor a signal comes between.
    """
    with _COUNTING:
        threads = torch.get_num_threads()  # this thread has begun now; its number is its own from here on
        torch.set_num_threads(1)
        restoring = threading.Thread(target=torch.set_num_threads, args=(threads,))
        restoring.start()
        restoring.join()
