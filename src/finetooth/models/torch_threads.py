"""Torch's number of threads, a setting of each thread, in threads that compute on one core each."""

import threading

import torch

_COUNTING = threading.Lock()


def count() -> int:
    """Torch's number of threads in this thread, which may be new, read while no other thread sets its own."""
    with _COUNTING:
        return torch.get_num_threads()


def compute_alone() -> None:
    """Let this new thread compute on one core.

    torch.set_num_threads sets the number of the thread that calls it, and the number that every later thread begins
    with. Another thread resets the latter at once, before another pass or a signal can intervene.
    """
    with _COUNTING:
        threads = torch.get_num_threads()  # from this call on, the thread's number is its own
        torch.set_num_threads(1)
        restoring = threading.Thread(target=torch.set_num_threads, args=(threads,))
        restoring.start()
        restoring.join()
