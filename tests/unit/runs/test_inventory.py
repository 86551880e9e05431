"""The list of a run folder's files: the documentation holds it, and what is not as it says is named."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from finetooth.errors import RunError
from finetooth.runs import inventory
from finetooth.runs.layout import RowFolder, RunFolder

DOCS = Path(__file__).parents[3] / "docs" / "run-folder.md"

MAKERS: dict[str, Callable[[Path], object]] = {
    "symbolic link": lambda path: path.symlink_to("nowhere"),
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "file": Path.touch,
}


def test_the_documentation_holds_the_list() -> None:
    lines = [
        "| file | when the run continues, it is checked against | `verify` checks it against |",
        "| --- | --- | --- |",
    ]
    for entry in inventory.ENTRIES:
        lines.append(f"| {entry.name}{'/' * (entry.kind == 'folder')} | {entry.resume} | {entry.verify} |")
    assert "\n".join(lines) + "\n" in DOCS.read_text(encoding="utf-8")


def test_every_place_of_the_layout_is_in_the_list() -> None:
    run = RunFolder(Path("x"))
    row = RowFolder(Path("x/rows/ROW"))
    attributes = [getattr(folder, name) for folder in (run, row) for name in vars(type(folder)) if name != "path"]
    paths = {path.relative_to("x").as_posix() for path in attributes if isinstance(path, Path)}
    assert len(paths) > 8
    assert paths - {entry.name for entry in inventory.ENTRIES} == set()
    names = [entry.name for entry in inventory.ENTRIES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("entry", inventory.ENTRIES, ids=lambda entry: entry.name)
def test_a_link_a_pipe_and_the_other_kind_in_its_place_are_named(tmp_path: Path, entry: inventory.Entry) -> None:
    for row in ("rows/tfidf/", "rows/r4/seed-3/"):
        folder = RunFolder(tmp_path / row.replace("/", "-"))
        name = entry.name.replace("rows/ROW/", row)
        path = folder.path / name
        path.parent.mkdir(parents=True)
        for kind, make in MAKERS.items():
            make(path)
            if kind == entry.kind:
                inventory.refuse_irregular(folder)
            else:
                with pytest.raises(RunError) as caught:
                    inventory.refuse_irregular(folder)
                assert str(caught.value).startswith(f"{folder.path}: {name} is a {kind}. A run folder holds regular ")
            path.rmdir() if kind == "folder" else path.unlink()


def test_links_and_pipes_deep_in_a_folder_of_the_list_are_named_and_a_users_own_are_not(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    row = folder.row("r4", 3)
    deep = row.checkpoints / "step-00000005-0"
    deep.mkdir(parents=True)
    (tmp_path / "mine").symlink_to("nowhere")
    (row.path / "notes").symlink_to("nowhere")
    inventory.refuse_irregular(folder)
    for path in (deep / "state.safetensors", folder.work / "frozen_layers" / "layer-1-train" / "states.f32"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to("nowhere")
        name = path.relative_to(tmp_path).as_posix()
        assert list(inventory.irregular(folder)) == [(name, "symbolic link")]
        path.unlink()


def test_a_file_of_a_file_manager_beside_the_rows_is_passed_over(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.rows.mkdir(parents=True)
    (folder.rows / ".DS_Store").touch()
    assert list(inventory.irregular(folder)) == []
    (folder.rows / "lora-r8").touch()
    assert list(inventory.irregular(folder)) == [("rows/lora-r8", "file")]
