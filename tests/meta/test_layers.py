"""The order of the packages, the torch line, and the only importers of large libraries."""

import re

import pytest
from source_tree import REPOSITORY, imports, modules

# doctor is above the torch line: it examines untrusted adapters, so it starts fast and cannot load one.
PACKAGES = (
    "errors", "wording", "progress", "files", "rules", "row_kinds", "families", "untrusted", "recipe", "sources",
    "tasks", "data", "recipe_draft", "evaluation", "baselines", "preflight", "runs", "report", "doctor", "models",
    "training", "verification", "rows", "workers", "pipeline", "cli",
)  # fmt: skip
FIRST_BELOW_THE_TORCH_LINE = PACKAGES.index("models")
TORCH = ("torch", "transformers", "peft", "accelerate")

# Library -> the modules or packages that may import it.
IMPORTERS = {
    "peft": ("models.adapters",),
    "transformers": ("models",),
    "torch": ("models", "training", "verification", "rows", "pipeline"),
    "tokenizers": ("models",),
    "huggingface_hub": ("sources.hub",),
    "sklearn": ("baselines",),
    "scipy": ("baselines", "evaluation"),
    "threadpoolctl": ("baselines",),
    "pyarrow": ("data", "runs"),
    "filelock": ("runs", "sources"),
    "pydantic": ("recipe", "runs.plan_file"),
    "click": ("cli",),
    "jinja2": ("report.html",),
    "tqdm": ("cli",),
}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_imports_point_up_only(module):
    if module.name == "__init__":
        return  # the public names, each imported when it is first used
    assert module.package in PACKAGES, f"{module.where}: package {module.package!r} is not in the order of packages."
    place = PACKAGES.index(module.package)
    for line, name in imports(module):
        if not name.startswith("finetooth."):
            continue
        package = name.split(".")[1]
        if package not in PACKAGES:  # a public name, from finetooth import run
            assert module.package == "cli", (
                f"{module.where}:{line} imports the public name {name}; import it from its package."
            )
        else:
            assert PACKAGES.index(package) <= place, (
                f"{module.where}:{line}: {module.package} may not import {package}, which comes later."
            )


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_nothing_above_the_torch_line_imports_torch(module):
    if module.name == "__init__" or PACKAGES.index(module.package) >= FIRST_BELOW_THE_TORCH_LINE:
        return
    for line, name in imports(module):
        assert name.split(".")[0] not in TORCH, f"{module.where}:{line} imports {name} above the torch line."


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_only_its_importers_import_a_library(module):
    for line, name in imports(module):
        importers = IMPORTERS.get(name.split(".")[0])
        if importers is not None:
            assert module.is_in(*importers), f"{module.where}:{line} imports {name}; only {', '.join(importers)} may."


def test_contributing_lists_the_packages_in_this_order():
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n## Add ")[0]
    expected = [*PACKAGES[:FIRST_BELOW_THE_TORCH_LINE], "torch line", *PACKAGES[FIRST_BELOW_THE_TORCH_LINE:]]
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
