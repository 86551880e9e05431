"""What a complete run leaves."""

from pathlib import Path

import numpy as np
import pytest

from finetooth import Recipe
from finetooth.data import Dataset, Examples
from finetooth.files import write_json
from finetooth.pipeline import ending
from finetooth.pipeline.ending import choose_winner, clear_away
from finetooth.runs import predictions
from finetooth.runs.layout import RunFolder
from finetooth.runs.work import read_examples, save_examples


def test_states_scratch_and_halves_go_and_all_else_stays(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    kept = []
    for row in (folder.row("tfidf", None), folder.row("checkpoints", 3), folder.row("r4", 0)):
        for place in (row.adapter, row.checkpoints / "step-00000005-0", row.path / ".tmp-abc"):
            place.mkdir(parents=True)
            (place / "file").write_bytes(b"x")
        kept.append(row.adapter / "file")
    (folder.work / "tokens").mkdir(parents=True)
    (folder.path / ".tmp-half").write_bytes(b"x")
    clear_away(folder)
    assert sorted(item for item in tmp_path.rglob("*") if item.is_file()) == sorted(kept)
    assert not list(tmp_path.rglob(".tmp-*")) and not folder.work.exists()
    assert not any(row.exists() for row in tmp_path.glob("rows/*/*/checkpoints"))
    clear_away(folder)


def test_the_winner_is_the_best_on_validation_even_if_it_fails_later_on_the_test_rows(tmp_path: Path) -> None:
    recipe = Recipe.model_validate(
        {
            "name": "x",
            "model": "m/m",
            "data": {"source": "d"},
            "candidates": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
        }
    )
    folder, labels = RunFolder(tmp_path), np.array([0, 1, 1, 0])
    for name, margin in (("a", 0.5), ("b", 3.0)):
        row = folder.row(name, 0)
        row.path.mkdir(parents=True)
        logits = np.where(labels[:, None] == np.arange(2), margin, 0.0).astype(np.float32)
        predictions.write(
            row.predictions, {"validation": predictions.Predictions(("1", "2", "3", "4"), labels, logits)}
        )
    folder.row("c", 0).path.mkdir(parents=True)
    write_json(folder.row("c", 0).failed, {"error": "the loss of step 3 is not finite."})
    keys = [(name, 0) for name in "abc"]
    assert choose_winner(recipe, folder, keys) == ("b", 0)
    write_json(folder.row("b", 0).failed, {"error": "a logit of the test rows is not finite."})
    assert choose_winner(recipe, folder, keys) == ("b", 0)
    assert choose_winner(recipe, folder, [("c", 0)]) is None


def test_a_fault_in_the_report_loses_nothing_and_the_same_again_completes_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe.model_validate(
        {"name": "x", "model": "m/m", "data": {"source": "d"}, "candidates": [{"name": "a"}]}
    )
    plan = {
        "run_id": "1", "test_id": "ab" * 32, "classes": ["a", "b"], "inexact": [], "base": None,
        "counts": {"train": 2, "validation": 2, "test": 2},
    }  # fmt: skip
    folder, two = RunFolder(tmp_path), Examples(("f:1", "f:2"), ("one", "two"), None, np.array([0, 1]))
    folder.row("a", 0).path.mkdir(parents=True)
    write_json(folder.row("a", 0).failed, {"error": "the loss of step 3 is not finite."})
    folder.work.mkdir()
    write_json(folder.work / "seconds.json", {"prepare": 1.0})
    save_examples(folder, Dataset(two, two, two, ("a", "b"), "ab" * 32, "cd" * 32, {}))

    def conclude() -> None:
        ending.conclude(recipe, plan, folder, keys=[("a", 0)], winner=None, openings=1)

    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(ending, "write_report", lambda _: 1 / 0)
        conclude()
    assert all(file.is_file() for file in (folder.results, folder.comparison, folder.costs))
    assert not folder.is_complete and read_examples(folder, "test").texts == ("one", "two")
    conclude()
    assert folder.is_complete and not folder.work.exists()
    assert "the loss of step 3 is not finite." in folder.report.read_text()
    assert "without a candidate that ended well" in folder.card.read_text()
