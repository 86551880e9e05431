"""From texts to logits by an engine: in batches of about one length, in the order of the texts, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from finetooth.models.batching import Rows, Tokens, batch_of
from finetooth.models.engine import Engine
from finetooth.models.inference_workers import compute

Window = TypeVar("Window")


def logits_of(
    engine: Engine, tokens: Tokens, *, pad_id: int, advance: Callable[[int], None] = lambda count: None
) -> npt.NDArray[np.float32]:
    """Logits (N, C) float32 of every row of `tokens`, in their order.

    advance: called in this thread with the number of rows of each batch that is done; what it raises ends the work.
    """
    logits = np.empty((len(tokens.lengths), engine.outputs), np.float32)

    def step(rows: Rows) -> int:
        logits[rows] = engine.logits(batch_of(tokens, rows, pad_id=pad_id))
        return len(rows)

    batches = engine.batches(tokens.lengths)
    if engine.threads:
        compute(iter(batches), step, workers=engine.threads, prepare=engine.prepare_thread, advance=advance)
    else:
        for rows in batches:
            advance(step(rows))
    return logits


def logits_of_windows(
    engine: Engine,
    windows: Iterable[Window],
    tokenize: Callable[[Window], Tokens],
    *,
    pad_id: int,
    advance: Callable[[int], None] = lambda count: None,
) -> Iterator[npt.NDArray[np.float32]]:
    """The logits of each window of texts, as in logits_of, while the next window is tokenized in another thread.

    At most two windows are in memory. They are taken in the caller's thread, and whatever `windows`, `tokenize` and
    `advance` raise is raised there too.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="tokenize") as executor:
        current: Future[Tokens] | None = None
        for window in windows:
            following = executor.submit(tokenize, window)
            if current is not None:
                yield logits_of(engine, current.result(), pad_id=pad_id, advance=advance)
            current = following
        if current is not None:
            yield logits_of(engine, current.result(), pad_id=pad_id, advance=advance)
