from pathlib import Path

import pytest

from finetooth.sources import cache_folder, state_folder


def test_named_folders_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FINETOOTH_CACHE", str(tmp_path / "c"))
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "s"))
    assert (cache_folder(), state_folder()) == (tmp_path / "c", tmp_path / "s")


def test_xdg_then_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FINETOOTH_CACHE", raising=False)
    monkeypatch.delenv("FINETOOTH_STATE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    monkeypatch.setenv("XDG_STATE_HOME", "relative-is-ignored")
    assert cache_folder() == tmp_path / "x" / "finetooth"
    assert state_folder() == tmp_path / ".local" / "state" / "finetooth"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "finetooth"
