"""What a complete run leaves."""

from pathlib import Path

from finetooth.pipeline.ending import clear_away
from finetooth.runs.layout import RunFolder


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
