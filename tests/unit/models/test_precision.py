"""The number format of training is what the recipe says, or the one measured to be worth it."""

import pytest
import torch

from finetooth.models import precision


@pytest.mark.parametrize(("ratio", "chosen"), [(0.5, "float32"), (1.0, "float32"), (1.2, "float32"), (2.0, "bfloat16")])
def test_auto_takes_bfloat16_only_where_it_is_worth_it(
    monkeypatch: pytest.MonkeyPatch, ratio: float, chosen: str
) -> None:
    seconds, clock = {torch.float32: 0.004, torch.bfloat16: 0.004 / ratio}, [0.0]
    calls = []

    def product(inputs: torch.Tensor, weight: torch.Tensor) -> None:
        calls.append(inputs.dtype)
        delay = 1.0 if len(calls) % 5 else 0.0  # other work, most of the time
        clock[0] += seconds[weight.dtype] + delay

    monkeypatch.setattr(precision.functional, "linear", product)
    monkeypatch.setattr(precision.time, "perf_counter", lambda: clock[0])
    assert precision.choose("auto") == chosen
    assert set(calls) == {torch.float32, torch.bfloat16}


@pytest.mark.parametrize("named", ["float32", "bfloat16"])
def test_what_the_recipe_says_is_taken_unmeasured(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setattr(precision.functional, "linear", None)
    assert precision.choose(named) == named  # type: ignore[arg-type]
