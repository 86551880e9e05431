from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import tiny


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT without a head."""
    return tiny.save_model(tmp_path_factory.mktemp("model") / "tiny-bert")


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """Two threads on any machine, so that micro-batches are computed concurrently."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
