"""Golden files: the results of small runs of every kind, which a change of structure must not move by a bit.

A run is reduced to the SHA-256 of what its inputs determine: the tensors of each row, its logits and results.json. They
stand in golden.json with the machine and libraries that made them; elsewhere sums are rounded otherwise. To record them
again, where a change is meant to move them (its commit says which and why):

    FINETOOTH_RECORD_GOLDEN=1 .venv/bin/python -m pytest tests/flows -k golden
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from finetooth.files import read_json, sha256_bytes, sha256_file
from finetooth.runs.predictions import read as read_predictions
from trials import Trial

FILE = Path(__file__).with_name("golden.json")
MACHINE = ("processor", "capability", "threads", "mkl_cbwr")
RECORD = "FINETOOTH_RECORD_GOLDEN"
TASK = b'  "task": "single_label",\n'  # a line that results.json did not have when golden.json was recorded


def reduced(trial: Trial) -> dict[str, str]:
    """SHA-256 by name of what the inputs of a finished run determine."""
    results = trial.folder.results.read_bytes()
    assert results.count(TASK) == 1
    hashes = {"results.json": sha256_bytes(results.replace(TASK, b""))}
    for row in trial.folder.row_folders():
        name = row.path.relative_to(trial.folder.rows).as_posix()
        for file in sorted(row.path.rglob("*.safetensors")):
            hashes[f"{name}/{file.relative_to(row.path).as_posix()}"] = sha256_file(file)
        if row.predictions.is_file():
            for split, scored in read_predictions(row.predictions).items():
                hashes[f"{name}/{split} logits"] = hashlib.sha256(scored.logits.tobytes()).hexdigest()
    return hashes


def made_by(trial: Trial) -> dict[str, Any]:
    """The processor and the libraries that decide the last bit of a run; whose code it is does not count."""
    device: dict[str, Any] = read_json(trial.folder.plan)["device"]
    return {key: value for key, value in device.items() if key != "finetooth"}


def check(name: str, trial: Trial) -> None:
    """Check that a run is what golden.json says, or record it there; skip on another machine than it was made on."""
    golden: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    if os.environ.get(RECORD):
        golden[name] = {"made_by": made_by(trial), "sha256": reduced(trial)}
        FILE.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        pytest.skip(f"recorded {name}")
    wanted = golden[name]
    before, now = wanted["made_by"], made_by(trial)
    if any(before.get(key) != now.get(key) for key in MACHINE):
        pytest.skip(f"not compared: {FILE.name} was made on {[before.get(key) for key in MACHINE]}")
    assert now == before, f"other libraries; record again: {RECORD}=1"
    assert reduced(trial) == wanted["sha256"]
