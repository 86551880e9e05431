"""How files reach the disk."""

import json
import os
import stat
from pathlib import Path

import pytest

from finetooth.errors import RunError
from finetooth.files import MANIFEST, damage, damages, new_directory, read_json, sha256_file, write_file


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_file_has_the_mode_that_the_umask_gives(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_file(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode
    assert [item.name for item in tmp_path.iterdir()] == ["a"]


def test_all_that_is_wrong_with_a_sealed_folder_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    with new_directory(folder) as inside:
        for name in ("a", "b", "c"):
            (inside / name).write_text(name)
    assert (damages(folder), damage(folder)) == ([], None)
    (folder / "a").write_text("x")
    (folder / "b").unlink()
    (folder / "d").write_text("new")
    reported = ["a differs from its manifest", "b is missing", "d is not in its manifest"]
    assert (damages(folder), damage(folder)) == (reported, reported[0])
    for manifest in ("7", "[" * 100_000, '{"files": 1}'):
        (folder / MANIFEST).write_text(manifest)
        assert damages(folder) == [f"{MANIFEST} is not a manifest"]
    (folder / MANIFEST).unlink()
    assert damages(folder) == [f"{MANIFEST} is missing"]


def test_a_manifest_never_leads_out_of_its_folder(tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_text("x")
    folder = tmp_path / "sealed"
    folder.mkdir()
    entry = {"sha256": sha256_file(outside), "bytes": 1}
    for name in ("../secret", str(outside)):
        (folder / MANIFEST).write_text(json.dumps({"schema": 1, "files": {name: entry}}))
        assert damages(folder) == [f"{name} is missing"]


def test_json_nested_without_end_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(b"[" * 100_000)
    with pytest.raises(RunError, match=r"plan\.json: is not valid JSON"):
        read_json(path)
