"""A block computes as it was recorded, and leaves everything as it was."""

from typing import Any

import pytest
import torch

from finetooth.models import device


def state() -> tuple[int, bool, bool]:
    filling: bool = torch.utils.deterministic.fill_uninitialized_memory
    return torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), filling


@pytest.mark.parametrize("threads", [1, 2])
def test_the_block_has_the_recorded_threads_and_what_was_before_comes_back(threads: int) -> None:
    before = state()
    with pytest.raises(ZeroDivisionError), device.configured({"threads": threads}):
        assert state() == (threads, True, False)
        raise ZeroDivisionError
    assert state() == before


@pytest.mark.parametrize("threads", [0, -1, 10**9, "2", None, 1.5, [2]])
def test_a_thread_count_that_no_machine_has_is_left_alone(threads: Any) -> None:
    before = state()
    with device.configured({"threads": threads}):
        assert torch.get_num_threads() == before[0]
    assert state() == before


def test_only_a_plan_with_a_gpu_asks_its_products_to_add_up_in_float32() -> None:
    matmul, threads = torch.backends.cuda.matmul, torch.get_num_threads()
    before = matmul.allow_bf16_reduced_precision_reduction
    try:
        with device.configured({"threads": threads}):
            assert matmul.allow_bf16_reduced_precision_reduction == before
            device.configure({"threads": threads, "gpu": "Example 80GB"})
            assert matmul.allow_bf16_reduced_precision_reduction is False
    finally:
        matmul.allow_bf16_reduced_precision_reduction = before
