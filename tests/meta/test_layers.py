"""The order of the rooms, the torch line, and the doors of heavy third parties."""

import re

import pytest
from source_tree import REPOSITORY, imports, modules

# doctor stands above the torch line: it examines strangers' adapters, so it starts fast and cannot load one.
ROOMS = (
    "errors", "wording", "progress", "files", "rules", "row_kinds", "families", "untrusted", "recipe", "sources",
    "tasks", "data", "recipe_draft", "measure", "baselines", "preflight", "runs", "report", "doctor", "model", "tuning",
    "verification", "rows", "workers", "plan", "pipeline", "cli",
)  # fmt: skip
FIRST_BELOW_THE_TORCH_LINE = ROOMS.index("model")
TORCH = ("torch", "transformers", "peft", "accelerate")

# Third party -> the modules or rooms that may import it.
DOORS = {
    "peft": ("model.adapters",),
    "transformers": ("model",),
    "torch": ("model", "tuning", "verification", "rows", "plan", "pipeline"),
    "tokenizers": ("model",),
    "huggingface_hub": ("sources.hub",),
    "sklearn": ("baselines",),
    "scipy": ("baselines", "measure"),
    "threadpoolctl": ("baselines",),
    "pyarrow": ("data", "runs"),
    "filelock": ("runs", "sources"),
    "pydantic": ("recipe",),
    "click": ("cli",),
    "jinja2": ("report.html",),
    "tqdm": ("cli",),
}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_imports_point_up_only(module):
    if module.name == "__init__":
        return  # the public names, each imported when it is first used
    assert module.room in ROOMS, f"{module.where}: room {module.room!r} has no place in the order of rooms."
    place = ROOMS.index(module.room)
    for line, name in imports(module):
        if not name.startswith("finetooth."):
            continue
        room = name.split(".")[1]
        if room not in ROOMS:  # a public name, from finetooth import run
            assert module.room == "cli", (
                f"{module.where}:{line} imports the public name {name}; import it from its room."
            )
        else:
            assert ROOMS.index(room) <= place, (
                f"{module.where}:{line}: {module.room} may not import {room}, which comes later."
            )


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_nothing_above_the_torch_line_imports_torch(module):
    if module.name == "__init__" or ROOMS.index(module.room) >= FIRST_BELOW_THE_TORCH_LINE:
        return
    for line, name in imports(module):
        assert name.split(".")[0] not in TORCH, f"{module.where}:{line} imports {name} above the torch line."


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_each_third_party_comes_in_through_its_door(module):
    for line, name in imports(module):
        door = DOORS.get(name.split(".")[0])
        if door is not None:
            assert module.is_in(*door), f"{module.where}:{line} imports {name}; its door is {', '.join(door)}."


def test_contributing_lists_the_packages_in_this_order():
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n## Add ")[0]
    expected = [*ROOMS[:FIRST_BELOW_THE_TORCH_LINE], "torch line", *ROOMS[FIRST_BELOW_THE_TORCH_LINE:]]
    assert re.findall(r"^\| [`*]([a-z_ ]+)[`*] \|", text, re.MULTILINE) == expected


def test_imports_have_no_cycles():
    names = {module.name for module in modules()}
    needs: dict[str, set[str]] = {}
    for module in modules():
        needs[module.name] = set()
        for _, name in imports(module):
            inside = name.removeprefix("finetooth.") if name.startswith("finetooth.") else ""
            while inside and inside not in names:
                inside = inside.rpartition(".")[0]
            # A package that gathers the names of its own modules is no cycle.
            kin = f"{inside}.".startswith(f"{module.name}.") or f"{module.name}.".startswith(f"{inside}.")
            if inside and not kin:
                needs[module.name].add(inside)
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"import cycle: {' -> '.join([*path[path.index(name) :], name])}"
        if name not in done:
            for other in sorted(needs[name]):
                visit(other, (*path, name))
            done.add(name)

    for name in sorted(needs):
        visit(name, ())
