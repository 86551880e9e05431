from pathlib import Path

import pytest

from finetooth.progress import Silent
from finetooth.recipe import load
from finetooth.sources import cache_folder, fetch_data, state_folder


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


def test_data_behind_a_link_goes_by_the_name_of_the_link(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "ab12").write_text("text,label\na,b\n")
    (tmp_path / "set").mkdir()
    (tmp_path / "here").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "reviews.csv").symlink_to(tmp_path / "store" / "ab12")
    recipe = load({"name": "t", "model": "owner/name", "data": {"source": str(tmp_path / "here" / "reviews.csv")}})
    assert recipe.data.source == str((tmp_path / "set").resolve() / "reviews.csv")
    source = fetch_data(recipe.data.source, progress=Silent())
    assert (source.id, source.path) == ("reviews.csv", Path(recipe.data.source))
    (tmp_path / "Reviews.JSON").symlink_to(tmp_path / "store" / "ab12")
    assert fetch_data(str(tmp_path / "Reviews.JSON"), progress=Silent()).id == "Reviews.JSON"
    (tmp_path / "latest").symlink_to(tmp_path / "set" / "other.csv")
    (tmp_path / "set" / "other.csv").write_text("text,label\na,b\n")
    assert fetch_data(str(tmp_path / "latest"), progress=Silent()).id == "other.csv"  # its own name tells the format
