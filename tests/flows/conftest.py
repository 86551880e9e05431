"""Runs that the flows share: each costs seconds of imports in every process of it."""

from pathlib import Path
from typing import Any

import pytest

from trials import Finished, Trial, write_recipe

STEADY: dict[str, Any] = {"name": "steady", "baselines": [], "training": {"epochs": 8}}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny model and its reviews."""
    return tmp_path_factory.mktemp("flows")


PREFIXED: dict[str, Any] = {
    "name": "prefixed",
    "baselines": [],
    "training": {"epochs": 8, "base_dropout": 0.0},
    "candidates": [{"name": "r4", "rank": 4, "bias": "lora_only", "layers": "last-1"}],
    "decision": {"thresholds": "macro_f1", "abstain": {"coverage": 0.8}},
}


@pytest.fixture(scope="session")
def prefixed(place: Path) -> Finished:
    """One candidate tuned without padding, on hidden states kept on disk, that decides by thresholds and abstains."""
    trial = Trial(write_recipe(place, **PREFIXED), place / "prefixed")
    said = trial.finish("--profile")
    assert said.returncode == 0, said.stderr
    return Finished(trial, said)


@pytest.fixture(scope="session")
def steady(place: Path) -> Finished:
    """One candidate alone, 144 steps: what killed and interrupted runs are compared with."""
    trial = Trial(write_recipe(place, **STEADY), place / "steady")
    said = trial.finish()
    assert said.returncode == 0, said.stderr
    return Finished(trial, said)


@pytest.fixture(scope="session")
def table(place: Path) -> Finished:
    """All baselines, a candidate, and one whose B has a learning rate that cannot end well."""
    candidates = [
        {"name": "r4", "rank": 4, "bias": "lora_only", "dropout": 0.1},
        {"name": "wild", "rank": 2, "lora_plus_ratio": 1e33},
    ]
    trial = Trial(write_recipe(place, name="table", candidates=candidates), place / "table")
    return Finished(trial, trial.finish())
