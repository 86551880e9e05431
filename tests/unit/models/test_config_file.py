"""What is read of a configuration without transformers is what transformers gives."""

import json
from pathlib import Path

import pytest

import tiny
from finetooth.models.config_file import load_config, positions


@pytest.mark.parametrize("family", ["bert", "distilbert"])
@pytest.mark.parametrize("stated", [True, False])
def test_positions_are_those_of_transformers(tmp_path: Path, family: str, stated: bool) -> None:
    folder = tiny.save_model(tmp_path / family, family)
    file = folder / "config.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    assert values["max_position_embeddings"] == 64
    if not stated:
        del values["max_position_embeddings"]
        file.write_text(json.dumps(values), encoding="utf-8")
    assert positions(folder) == load_config(folder).max_position_embeddings == (64 if stated else 512)
