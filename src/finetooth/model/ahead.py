"""Items that a thread of its own makes while others use the earlier ones: tokens, while texts are computed."""

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from queue import Empty, Queue
from typing import TypeVar

Item = TypeVar("Item")
_WAIT_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class _End:
    """After the last item; error: what ended the making of them early."""

    error: BaseException | None


def ahead(items: Iterator[Item], *, most: int = 2) -> Generator[Item]:
    """The items in their order, made by another thread that is at most `most` of them ahead.

    To be closed where it is not used up, so that the thread ends. Raises: what making an item raised.
    """
    made: Queue[Item | _End] = Queue(most)
    stopped = threading.Event()

    def make() -> None:
        error = None
        try:
            for item in items:
                made.put(item)
                if stopped.is_set():
                    break
        except BaseException as raised:  # noqa: BLE001 - raised again in the thread that uses the items
            error = raised
        made.put(_End(error))

    maker = threading.Thread(target=make, daemon=True)
    maker.start()
    try:
        while not isinstance(item := made.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        while maker.is_alive():  # it may wait for room
            try:
                made.get(timeout=_WAIT_SECONDS)
            except Empty:
                continue
