"""Items made ahead: in order, with the error of their making, and no thread left where nobody wants more."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from finetooth.model.ahead import Ahead
from finetooth.model.inference_workers import compute

Check = Callable[[int], None]


def endless(check: Check) -> Iterator[int]:
    """One item, and then work on the second one that only a check ends."""
    yield 0
    while True:
        check(1)


def test_items_come_in_order_and_end() -> None:
    with closing(Ahead(lambda check: iter(range(9)))) as items:
        assert list(items) == list(range(9))
        assert list(items) == []


def test_an_error_of_the_maker_is_raised_once_and_nothing_hangs() -> None:
    def failing(check: Check) -> Iterator[int]:
        yield 0
        raise ValueError("the tokenizer")

    with closing(Ahead(failing)) as items, pytest.raises(ValueError, match="the tokenizer"):
        compute(items, lambda item: 1, workers=2)


def test_an_error_of_advance_is_raised_first_and_ends_the_making_within_an_item() -> None:
    def stop(count: int) -> None:
        raise KeyError("advance")

    with pytest.raises(KeyError, match="advance"), closing(Ahead(endless)) as items:
        compute(items, lambda item: 1, workers=2, advance=stop, stop=items.close)  # a worker waits for the second item
    assert not items._maker.is_alive()


def test_it_can_be_closed_while_another_thread_waits_for_an_item() -> None:
    items = Ahead(endless)
    assert next(items) == 0
    waiting = threading.Thread(target=list, args=(items,))
    waiting.start()
    items.close()
    waiting.join(10)
    assert not waiting.is_alive()
