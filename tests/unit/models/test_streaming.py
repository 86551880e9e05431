"""Texts become logits in their order, whatever the batches, the threads and the windows; memory stays bounded."""

import gc
import threading
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from fake_engine import FakeEngine, texts, word_tokenizer
from finetooth.models.batching import Tokens, tokenize
from finetooth.models.engine import Batch
from finetooth.models.streaming import logits_of, logits_of_windows

TEXTS = texts(90)


def tokens_of(window: list[str]) -> Tokens:
    return tokenize(word_tokenizer(), window, max_tokens=24)


def in_windows(size: int, source: list[str] = TEXTS) -> Iterator[list[str]]:
    return (source[start : start + size] for start in range(0, len(source), size))


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_batches_are_of_near_lengths_and_answers_in_the_order_of_the_rows(threads: int) -> None:
    engine = FakeEngine(threads=threads)
    done: list[int] = []
    logits = logits_of(engine, tokens_of(TEXTS), pad_id=0, advance=done.append)
    alone = [logits_of(FakeEngine(), tokens_of([text]), pad_id=0)[0] for text in TEXTS]
    np.testing.assert_allclose(logits, alone, rtol=0, atol=1e-6)
    assert sum(done) == sum(rows for rows, _ in engine.sizes) == 90 and len(engine.sizes) > 5
    real = int(tokens_of(TEXTS).lengths.sum())
    assert sum(rows * longest for rows, longest in engine.sizes) < 1.2 * real
    assert len(engine.prepared) == threads  # each thread once


@pytest.mark.parametrize("threads", [0, 2])
def test_windows_give_the_logits_of_each_window(threads: int) -> None:
    engine = FakeEngine(threads=threads)
    parts = list(logits_of_windows(engine, in_windows(25), tokens_of, pad_id=0))
    assert [len(part) for part in parts] == [25, 25, 25, 15]
    expected = [logits_of(FakeEngine(), tokens_of(window), pad_id=0) for window in in_windows(25)]
    assert all(np.array_equal(*both) for both in zip(parts, expected, strict=True))
    assert list(logits_of_windows(engine, iter([]), tokens_of, pad_id=0)) == []


def test_at_most_two_windows_are_in_memory() -> None:
    most = 0

    class Window(list[str]):
        pass

    windows: list[weakref.ref[Window]] = []

    def source() -> Iterator[Window]:
        nonlocal most
        for _ in range(12):
            window = Window(TEXTS[:20])
            windows.append(weakref.ref(window))
            gc.collect()
            most = max(most, sum(window() is not None for window in windows))
            yield window
            del window

    for part in logits_of_windows(FakeEngine(), source(), tokens_of, pad_id=0):
        assert len(part) == 20
    assert len(windows) == 12 and most <= 2


def test_the_next_window_is_tokenized_while_one_is_computed() -> None:
    tokenized = threading.Semaphore(0)

    def noting(window: list[str]) -> Tokens:
        tokenized.release()
        return tokens_of(window)

    waited: list[bool] = []

    def before(batch: Batch) -> None:
        if not waited:  # the first window is computed: both it and the next one are tokenized
            waited.append(all(tokenized.acquire(timeout=30) for _ in range(2)))

    list(logits_of_windows(FakeEngine(before=before), in_windows(45), noting, pad_id=0))
    assert waited == [True]


@pytest.mark.parametrize("threads", [0, 2])
def test_what_fails_is_raised_in_the_callers_thread_and_no_thread_is_left(threads: int) -> None:
    before = set(threading.enumerate())

    def fail(batch: Batch) -> None:
        raise ZeroDivisionError("the engine")

    def unreadable(window: list[str]) -> Tokens:
        raise OSError("the tokenizer")

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    def broken() -> Iterator[list[str]]:
        yield TEXTS
        raise EOFError("the source")

    good = FakeEngine(threads=threads)
    with pytest.raises(ZeroDivisionError, match="the engine"):
        list(logits_of_windows(FakeEngine(threads=threads, before=fail), in_windows(30), tokens_of, pad_id=0))
    with pytest.raises(OSError, match="the tokenizer"):
        list(logits_of_windows(good, in_windows(30), unreadable, pad_id=0))
    with pytest.raises(KeyboardInterrupt):
        list(logits_of_windows(good, in_windows(30), tokens_of, pad_id=0, advance=stop))
    with pytest.raises(EOFError, match="the source"):
        list(logits_of_windows(good, broken(), tokens_of, pad_id=0))
    abandoned = logits_of_windows(good, in_windows(30), tokens_of, pad_id=0)
    next(abandoned)
    abandoned.close()
    assert set(threading.enumerate()) == before
