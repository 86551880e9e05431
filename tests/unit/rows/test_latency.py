"""The latency is the median of single texts, tokens included, of test rows alone, those of the warm-up left out.

Beside it stand the 5th and 95th percentile of the same timings, and how many there are.
"""

from collections.abc import Callable
from typing import Any

import pytest

from finetooth.files import read_json
from finetooth.rows import latency, probe, text_baseline
from silent import SILENT


@pytest.mark.parametrize(("row", "module"), [("tfidf", text_baseline), ("probe", probe)])
def test_it_is_recorded_when_the_test_rows_are_scored(begin: Callable[..., Any], row: str, module: Any) -> None:
    context = begin(baselines=[row, "original"], candidates=[])
    module.fit(context("fit", row), SILENT)
    module.score(context("score", row, "validation"), SILENT)
    costs = context("score", row).folder.costs
    assert "latency_seconds" not in read_json(costs)
    module.score(context("score", row, "test"), SILENT)
    assert 0 < read_json(costs)["latency_seconds"] < 5


def test_it_is_the_median_of_one_text_at_a_time(begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    context = begin(baselines=["majority", "original"], candidates=[])("score", "majority", "test")
    context.folder.path.mkdir(parents=True, exist_ok=True)
    clock, calls = [0.0], []
    monkeypatch.setattr(latency.time, "perf_counter", lambda: clock[0])

    def answer(texts: Any, pairs: Any) -> None:
        calls.append((list(texts), pairs))
        clock[0] += 9.0 if len(calls) <= latency.WARM_UP else 0.001 * (len(calls) - latency.WARM_UP)

    monkeypatch.setattr(latency, "MOST_SECONDS", 1e9)
    latency.record(context, answer)
    count = 20  # test rows
    assert len(calls) == latency.WARM_UP + count and all(len(texts) == 1 for texts, _ in calls)
    assert len({texts[0] for texts, _ in calls}) > 10
    recorded = read_json(context.folder.costs)
    assert recorded["latency_seconds"] == pytest.approx(0.001 * (count + 1) / 2)
    # Of 1, 2, .. 20 ms: linear between the timings that lie around 5 and 95 % of the way.
    assert recorded["latency_spread_seconds"] == pytest.approx([0.00195, 0.01905])
    assert recorded["latency_texts"] == count
    calls.clear()
    monkeypatch.setattr(latency, "MOST_SECONDS", 20.0)  # over after the warm-up and a few
    latency.record(context, answer)
    assert latency.WARM_UP < len(calls) < latency.WARM_UP + count
