"""The original experiment as one command, on a DistilBERT of full size and random weights and a few real reviews."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
import transformers

from trials import PROGRAM

REPOSITORY = Path(__file__).resolve().parents[2]
MATERIAL = Path(os.environ.get("FINETOOTH_MATERIAL", REPOSITORY.parent / "shared"))
SHELL = MATERIAL / "models" / "distilbert-base-uncased-shell"  # its configuration and tokenizer, no weights
COUNTS = {"lora-r8": (827_138, 1.2205), "lora-r16": (1_048_322, 1.5419)}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_its_parameters_are_counted_and_its_adapters_reload_bitwise(tmp_path: Path) -> None:
    imdb = MATERIAL / "data" / "imdb"
    for needed in (SHELL, imdb):
        if not needed.is_dir():
            pytest.skip(f"{needed.name} is not here: set FINETOOTH_MATERIAL to the folder that holds data/ and models/")
    model = tmp_path / "distilbert"
    shutil.copytree(SHELL, model)
    torch.manual_seed(0)
    transformers.DistilBertModel(transformers.AutoConfig.from_pretrained(model)).save_pretrained(model)
    changes = [f"model={model}", f"data.source={imdb}", "data.limit={train: 16, test: 16}", "data.validation=16"]
    said = subprocess.run(
        [*PROGRAM, "run", "recipes/imdb-distilbert-original.yaml", "--json", "--out", str(tmp_path / "run")]
        + [word for change in (*changes, "training.epochs=2") for word in ("--set", change)],
        capture_output=True, text=True, cwd=REPOSITORY,
        env={**os.environ, "FINETOOTH_STATE": str(tmp_path / "state"), "FINETOOTH_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    rows = {row["name"]: row for row in json.loads(said.stdout)["rows"]}
    for name, (trainable, percent) in COUNTS.items():
        found = rows[name]
        assert found["parameters"]["trainable"] == trainable
        assert found["parameters"]["bias"] == 18 * 768  # q, k, v of six layers
        assert round(found["parameters"]["peft_percent"], 4) == percent
        assert found["reload"] == {"verified": True, "max_abs_logit_difference": 0.0}
