"""The opening of the test rows is recorded before their labels are read, once for a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetooth.errors import RunError
from finetooth.rows import outputs, text_baseline
from silent import SILENT


def fitted(context: Callable[..., Any]) -> Any:
    text_baseline.fit(context("fit", "majority"), SILENT)
    text_baseline.score(context("score", "majority", "validation"), SILENT)
    return context("score", "majority", "test")


def openings(tmp_path: Path) -> int:
    return len(list((tmp_path / "state" / "ledger").glob("*.opening")))


def test_no_label_is_read_if_the_opening_cannot_be_recorded(
    begin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = fitted(begin(baselines=["majority"]))
    (tmp_path / "state").write_text("a file where the folder should be")
    monkeypatch.setattr(outputs, "read_labels", lambda *_: pytest.fail("a label was read"))
    with pytest.raises(RunError, match=r"cannot be written .*, so no test row is scored\. Make it writable"):
        text_baseline.score(context, SILENT)


def test_a_run_killed_between_record_and_scoring_continues_its_opening(
    begin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = fitted(begin(baselines=["majority"]))

    def killed(*_: Any) -> None:
        assert openings(tmp_path) == 1
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(outputs, "read_labels", killed)
        text_baseline.score(context, SILENT)
    text_baseline.score(context, SILENT)
    assert openings(tmp_path) == 1
