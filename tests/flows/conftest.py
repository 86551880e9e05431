"""Runs that the flows share: each costs seconds of imports in every process of it."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from finetooth.cli import main
from trials import Finished, Trial, write_recipe

STEADY: dict[str, Any] = {"name": "steady", "baselines": [], "training": {"epochs": 8}}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny model and its reviews."""
    return tmp_path_factory.mktemp("flows")


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


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the command line says, in this process: (exit code, stdout, stderr)."""

    def say(trial: Trial, *arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
        monkeypatch.setenv("FINETOOTH_STATE", str(trial.state))
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        out, err = capfd.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, out, err

    return say
