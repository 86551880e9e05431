"""Sources of a small run, and a complete run, that several modules read and do not change."""

from pathlib import Path

import pytest
from small_runs import make_run

import tiny


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT in model/, and 60 reviews."""
    folder = tmp_path_factory.mktemp("sources")
    tiny.save_model(folder / "model")
    tiny.save_reviews(folder / "reviews.csv", 60)
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a complete run; its base is in m/ beside it."""
    return make_run(tmp_path_factory.mktemp("made"))
