"""Fixtures of the data tests: a folder of small files, and a time limit for each test."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from labelled_files import Files

MOST_SECONDS = 2.0


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture(autouse=True)
def in_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a numbered data case when the processor time of its body passes MOST_SECONDS."""
    start = time.process_time()
    yield
    if request.node.name.startswith("test_case_"):
        assert time.process_time() - start < MOST_SECONDS
