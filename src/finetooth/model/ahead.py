"""Items that a thread of its own makes while others use the earlier ones: tokens, while texts are computed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

Item = TypeVar("Item")
_WAIT_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class _End:
    """After the last item; error: what ended the making of them early."""

    error: BaseException | None


class _Stopped(Exception):
    """Nobody wants more items."""


class Ahead(Generic[Item]):
    """The items in their order, made by another thread that is at most `most` of them ahead.

    items: called in that thread with a function for it to call now and then, with a count that is not looked at; it
    ends the making once nobody wants more. To be closed where it is not used up; another thread may be waiting for an
    item then. Raises, on iteration: what making an item raised.
    """

    def __init__(self, items: Callable[[Callable[[int], None]], Iterator[Item]], *, most: int = 2) -> None:
        self._made: Queue[Item | _End] = Queue(most)
        self._stopped = threading.Event()
        self._maker = threading.Thread(target=self._make, args=(items,), daemon=True)
        self._maker.start()

    def _make(self, items: Callable[[Callable[[int], None]], Iterator[Item]]) -> None:
        error = None
        try:
            for item in items(self._check):
                self._made.put(item)
                self._check(1)
        except _Stopped:
            pass
        except BaseException as raised:  # noqa: BLE001 - raised again in the thread that uses the items
            error = raised
        self._made.put(_End(error))

    def _check(self, count: int) -> None:
        if self._stopped.is_set():
            raise _Stopped

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item = self._made.get()
        if not isinstance(item, _End):
            return item
        self._made.put(_End(None))  # for whoever asks again; the maker puts nothing more
        raise StopIteration if item.error is None else item.error

    def close(self) -> None:
        """End the thread. It comes to its end at its next check."""
        self._stopped.set()
        while self._maker.is_alive():  # it may wait for room
            try:
                self._made.get(timeout=_WAIT_SECONDS)
            except Empty:
                continue
        with suppress(Full):
            self._made.put_nowait(_End(None))  # a thread may wait for an item
