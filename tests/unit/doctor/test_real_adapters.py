"""Adapters that others trained, and our own: what must be found in them."""

import os
from pathlib import Path
from typing import Any

import pytest

import tiny
from finetooth.doctor import examine
from finetooth.models import adapters, artifact
from finetooth.models.batching import Input
from finetooth.models.loading import load_base
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate

REPOSITORY = Path(__file__).resolve().parents[3]
MATERIAL = Path(os.environ.get("FINETOOTH_MATERIAL", REPOSITORY.parent / "shared"))
SHELL = MATERIAL / "models" / "distilbert-base-uncased-shell"
FOUND = {  # folder -> what the faults are about, tensors, values
    "seed-rank8": (["biases"], 40, 813_314),
    "seed-rank16": (["biases"], 40, 1_034_498),
    "brucechan-rank8": ([], 28, 739_586),
    "cbepler-imdb": ([], 28, 739_586),
    "cbepler-bert-base": ([], 74, 443_906),
    "abiodun-pickle": (["weights"], None, None),
}


def needed(source: Path) -> Path:
    if not source.is_dir():
        pytest.skip(f"{source.name} is missing: set FINETOOTH_MATERIAL to the folder of adapters/ and models/")
    return source


@pytest.mark.parametrize("name", FOUND)
def test_a_real_adapter_is_told_as_it_is(name: str) -> None:
    diagnosis = examine(needed(MATERIAL / "adapters" / name))
    faults, count, values = FOUND[name]
    assert [finding.about for finding in diagnosis.findings if finding.kind == "fault"] == faults
    assert (diagnosis.adapter["tensors"], diagnosis.adapter["values"]) == (count, values)
    assert diagnosis.adapter["family"] == (None if count is None else "BERT" if count == 74 else "DistilBERT")


@pytest.mark.parametrize("name", ["seed-rank8", "seed-rank16"])
def test_the_original_experiments_adapters_lost_18_biases(name: str) -> None:
    (fault,) = [item for item in examine(needed(MATERIAL / "adapters" / name)).findings if item.kind == "fault"]
    assert fault.what.startswith("18 bias tensors (13,824 values) missing: bias is 'lora_only'")
    assert "peft before 0.21 does not save them (peft#3306)" in fault.what


def test_a_base_is_held_against_them() -> None:
    base = str(needed(SHELL))
    (fault,) = [
        item
        for item in examine(needed(MATERIAL / "adapters" / "cbepler-bert-base"), base=base).findings
        if item.kind == "fault"
    ]
    assert fault.what == (
        "the adapter's layers are those of a BERT, but the base is a DistilBERT (model_type 'distilbert'), which has "
        "none of them."
    )
    assert examine(needed(MATERIAL / "adapters" / "cbepler-imdb"), base=base).passed


@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_our_own_adapters_are_whole_and_fit_their_base(tmp_path: Path, family: str) -> None:
    folder = tiny.save_model(tmp_path / "m", family)
    choices: list[dict[str, Any]] = [{}, {"bias": "lora_only"}, {"bias": "all", "rslora": True, "layers": "last-1"}]
    for number, changes in enumerate(choices):
        clean = load_base(folder, classes=("bad", "good"), head_seed=0)
        candidate = Candidate.model_validate({"name": "c", "rank": 4, **changes})
        model = tiny.disturb(adapters.attach(clean, candidate, seed=0)).eval()
        adapter_folder = tmp_path / f"adapter-{number}"
        artifact.save(
            TextModel(model, load_tokenizer(folder), ("bad", "good"), Input(48, "head", False), "c"), adapter_folder,
            base=clean, base_folder=folder, source=artifact.Provenance("owner/name", "0" * 64),
            weights_sha256="0" * 64, head_seed=0,
        )  # fmt: skip
        diagnosis = examine(adapter_folder, base=str(folder))
        assert diagnosis.findings == ()
        assert (diagnosis.adapter["layers"], diagnosis.adapter["classes"]) == (6 if number == 2 else 12, 2)
