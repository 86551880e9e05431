"""What the plan says of the number format is what a candidate is trained in."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from finetooth.files import read_json
from finetooth.rows import row_of
from finetooth.training import forward
from silent import SILENT


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_plan_s_precision_reaches_the_products(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    still = {"base_dropout": 0.0, "epochs": 1}
    candidates = [{"name": "r4", "rank": 4}, {"name": "wild", "rank": 4, "dropout": 0.1}]
    context = begin(baselines=["original"], candidates=candidates, training=still | {"precision": precision})
    plan = context("fit", "r4").plan
    assert plan.of_model().precision == precision
    made: list[torch.dtype] = []
    real = forward.PackedModel

    def packed(*arguments: Any, **named: Any) -> Any:
        made.append(named["dtype"])
        return real(*arguments, **named)

    monkeypatch.setattr(forward, "PackedModel", packed)
    row_of("r4").fit(context("fit", "wild"), SILENT)
    assert made == []  # trained with padding: float32
    row_of("r4").fit(context("fit", "r4"), SILENT)
    assert made == [{"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]]
    weights = context("fit", "r4").folder.adapter / "adapter_model.safetensors"
    row_of("r4").score(context("score", "r4", "validation"), SILENT)
    assert read_json(context("fit", "r4").folder.verify)["compared"]["bitwise"] is True
    assert weights.stat().st_size > 0


def test_where_nothing_is_trained_without_padding_nothing_is_measured(begin: Callable[..., Any]) -> None:
    context = begin(baselines=["original"], candidates=[{"name": "wild", "rank": 4, "dropout": 0.1}])
    assert context("score", "original").plan.of_model().precision == "float32"
