"""Loading what was tuned: which base is brought for it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from finetooth.errors import SourceError
from finetooth.pipeline import using


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The bases asked for; nothing is loaded."""
    asked: list[str] = []

    def bring_model(text: str, *, progress: Any, offline: bool) -> Any:
        asked.append(text)
        if text == "gone/away":
            raise SourceError("gone/away: cannot be reached.")
        return SimpleNamespace(path=Path("base"))

    monkeypatch.setattr(using, "bring_model", bring_model)
    monkeypatch.setattr(using, "bring_adapter", lambda text, *, progress: SimpleNamespace(path=Path(text)))
    monkeypatch.setattr(using.artefact, "load", lambda folder, *, base_folder, name: name)
    monkeypatch.setattr(using.artefact, "identity_of", lambda folder: {"base": {"id": "gone/away"}})
    return asked


def test_a_base_named_as_typed_is_the_folder_of_that_name(
    brought: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    using.load(tmp_path / "adapter", base="model")
    using.load(tmp_path / "adapter", base="owner/name")
    assert brought == ["./model", "owner/name"]


def test_a_base_that_cannot_be_brought_names_the_way_out(brought: list[str], tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        using.load(tmp_path / "adapter")
    assert str(caught.value) == (
        f"gone/away: cannot be reached. It is the base of {tmp_path / 'adapter'}; name another copy of it with --base."
    )
