"""How long one text waits for its answer, one text at a time, in the row's own process."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from finetooth.rows.context import Context
from finetooth.rows.outputs import add_costs
from finetooth.runs.work import read_texts

TEXTS, WARM_UP = 50, 3
SPREAD = (5, 95)  # percentiles of the timings, linear between two of them
MOST_SECONDS = 5.0

Answer = Callable[[Sequence[str], Sequence[str] | None], Any]


def record(context: Context, answer: Answer) -> None:
    """Add the seconds of an answer to one text to the row's costs; for other splits than test, do nothing.

    latency_seconds is the median of the timings, latency_spread_seconds their SPREAD, latency_texts their number.

    answer(texts, pairs) receives one text at a time: after WARM_UP calls that do not count, TEXTS of them, spread
    evenly over the test rows, or as many as MOST_SECONDS allow. Tokenizing is counted; loading the model is not. No
    label is read. Call it before the row's predictions are saved, which mark the test phase of the row as done.
    """
    if context.split != "test":
        return
    texts, second_texts = read_texts(context.run_folder, "test")
    rows = np.linspace(0, len(texts) - 1, min(TEXTS, len(texts))).astype(int)
    answer_seconds: list[float] = []
    end = time.perf_counter() + MOST_SECONDS
    for row in [*rows[:WARM_UP], *rows]:
        pairs = None if second_texts is None else [second_texts[row]]
        began = time.perf_counter()
        answer([texts[row]], pairs)
        answer_seconds.append(time.perf_counter() - began)
        if len(answer_seconds) > WARM_UP and time.perf_counter() > end:
            break
    timings = answer_seconds[min(WARM_UP, len(rows)) :]
    add_costs(
        context.folder,
        latency_seconds=float(np.median(timings)),
        latency_spread_seconds=np.percentile(timings, SPREAD).tolist(),
        latency_texts=len(timings),
    )
