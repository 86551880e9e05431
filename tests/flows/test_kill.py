"""kill -9 at any moment and the same command again end in the bytes of the run that was never killed."""

from pathlib import Path

import pytest

from trials import Finished, killed, told


@pytest.mark.timeout(600)
def test_six_kills(steady: Finished, tmp_path: Path) -> None:
    """Four more are in test_frozen_layer_caches."""
    assert told(killed(steady, tmp_path, kills=6, seed=2)) == 6


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_kills(steady: Finished, tmp_path: Path) -> None:
    assert told(killed(steady, tmp_path, kills=100, seed=1)) == 100
