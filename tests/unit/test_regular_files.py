"""A file is read and written only where a regular file stands: never through a link, never waiting on a pipe."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from finetooth.errors import RunError
from finetooth.files import (
    MANIFEST,
    damage,
    discard,
    hash_regular,
    new_directory,
    open_regular,
    read_file,
    read_hashed_json,
    read_json,
    seal,
    write_hashed_json,
    write_json,
    write_regular,
)  # fmt: skip


def pipe(target: Path) -> None:
    os.mkfifo(target)


def link(target: Path) -> None:
    target.with_name("target").write_text("{}")
    target.symlink_to("target")


def dangling_link(target: Path) -> None:
    target.symlink_to("nowhere")


def folder(target: Path) -> None:
    target.mkdir()


KINDS = [(pipe, "pipe"), (link, "symbolic link"), (dangling_link, "symbolic link"), (folder, "folder")]
OPENS: list[Callable[[Path], object]] = [
    open_regular, read_file, hash_regular, read_json, read_hashed_json,
    lambda path: write_regular(path, "a"), lambda path: write_regular(path, "w+"),
]  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize("work", OPENS)
@pytest.mark.parametrize(("make", "kind"), KINDS)
def test_whatever_is_no_regular_file_is_refused_by_name(
    tmp_path: Path, work: Callable[[Path], object], make: Callable[[Path], None], kind: str
) -> None:
    make(tmp_path / "x")
    with pytest.raises(RunError) as caught:
        work(tmp_path / "x")
    assert str(caught.value).startswith(f"{tmp_path / 'x'}: is a {kind}, not a regular file.")
    assert not (tmp_path / "nowhere").exists()


def test_a_file_is_made_appended_to_and_written_anew(tmp_path: Path) -> None:
    for mode, text in (("a", "1"), ("a", "2"), ("w+", "3")):
        with write_regular(tmp_path / "x", mode) as file:  # type: ignore[arg-type]
            file.write(text)
        assert read_file(tmp_path / "x") == {"1": b"1", "2": b"12", "3": b"3"}[text]
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("0.25", "0.26"),
        lambda text: text.replace('"a"', '"b"'),
        lambda text: text.replace('"sha256": "', '"sha256": "0'),
        lambda text: "{}",
        lambda text: "[1]",
        lambda text: "7",
        lambda text: "",
        lambda text: "[" * 100_000,
    ],
)
def test_a_hashed_file_that_was_changed_is_refused(tmp_path: Path, change: Callable[[str], str]) -> None:
    file = tmp_path / "x.json"
    write_hashed_json(file, {"a": 0.25, "text": "\u00e4\u2028"})
    assert read_hashed_json(file) == {"a": 0.25, "text": "\u00e4\u2028"}
    file.write_text(change(file.read_text()))
    with pytest.raises(
        RunError, match=r"x\.json: was changed after Finetooth wrote it\. Restore it from a backup, or delete"
    ):
        read_hashed_json(file)


@pytest.mark.parametrize("change", [("3", "4"), ('"schema": 1', '"schema": 2'), ("{\n", "{ \n"), ('"bytes"', '"byte"')])
def test_a_manifest_is_what_its_files_give(tmp_path: Path, change: tuple[str, str]) -> None:
    with new_directory(tmp_path / "f") as inside:
        (inside / "a").write_text("one")
    manifest = tmp_path / "f" / MANIFEST
    text = manifest.read_text()
    assert '"bytes": 3' in text
    at = text.rindex(change[0])
    manifest.write_text(text[:at] + change[1] + text[at + len(change[0]) :])
    assert damage(tmp_path / "f") == f"{MANIFEST} does not match the files"
    manifest.unlink()
    seal(tmp_path / "f")
    assert damage(tmp_path / "f") is None


@pytest.mark.parametrize(("make", "kind"), KINDS)
def test_a_sealed_folder_holds_regular_files_alone(tmp_path: Path, make: Callable[[Path], None], kind: str) -> None:
    with new_directory(tmp_path / "f") as inside:
        (inside / "a").write_text("one")
    (tmp_path / "f" / "a").unlink()
    make(tmp_path / "f" / "a")
    assert damage(tmp_path / "f") == f"a is a {kind}"
    (tmp_path / "f" / "a").rename(tmp_path / "aside")
    (tmp_path / "f" / "a").write_text("one")
    (tmp_path / "f" / "target").unlink(missing_ok=True)
    if kind != "folder":
        make(tmp_path / "f" / "b")
        assert damage(tmp_path / "f") == "b is not in its manifest"
    (tmp_path / "f" / MANIFEST).rename(tmp_path / "manifest")
    make(tmp_path / "f" / MANIFEST) if kind == "folder" else dangling_link(tmp_path / "f" / MANIFEST)
    assert str(damage(tmp_path / "f")).startswith(f"{MANIFEST} is a ")


def test_a_dangling_link_is_discarded_and_no_new_folder_takes_its_place(tmp_path: Path) -> None:
    dangling_link(tmp_path / "x")
    with pytest.raises(RunError, match="exists already"), new_directory(tmp_path / "x"):
        pass
    discard(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
    write_json(tmp_path / "x", {})
