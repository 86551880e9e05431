"""Items made by another thread come in their order, and nothing is left running."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from finetooth.model.ahead import ahead


def test_items_come_in_their_order_from_another_thread() -> None:
    makers = set()

    def items() -> Iterator[int]:
        for number in range(20):
            makers.add(threading.get_ident())
            yield number

    assert list(ahead(items())) == list(range(20))
    assert makers and threading.get_ident() not in makers
    assert list(ahead(iter(()))) == []


def test_it_is_no_more_ahead_than_told() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            yield number

    with closing(ahead(items(), most=2)) as numbers:
        assert next(numbers) == 0
        time.sleep(0.2)
        assert len(made) <= 4  # taken, two that wait, and one in the maker's hand


def test_what_making_an_item_raises_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("the second")

    numbers = ahead(items())
    assert next(numbers) == 1
    with pytest.raises(LookupError, match="the second"):
        next(numbers)


def test_a_thread_ends_with_what_is_closed_early() -> None:
    before = threading.active_count()
    with closing(ahead(iter(range(1000)))) as numbers:
        next(numbers)
    assert threading.active_count() == before
