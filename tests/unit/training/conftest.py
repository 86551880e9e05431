from pathlib import Path

import pytest

import tiny


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT without a head."""
    return tiny.save_model(tmp_path_factory.mktemp("model") / "tiny-bert")
