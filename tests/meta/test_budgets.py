"""Files, functions and parameter lists stay small; what does not says why on the spot: `# long: because ...`."""

import ast
import re

import pytest
from source_tree import modules

FILE_LINES, FUNCTION_LINES, PARAMETERS, POSITIONAL = 400, 60, 8, 3
_REASON = re.compile(r"#\s*long:\s*\S.{8,}")
_DRAWERS = {"utils", "util", "common", "helpers", "helper", "misc", "shared", "base", "core", "stuff"}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_files_are_short(module):
    if not any(_REASON.search(line) for line in module.lines[:5]):
        assert len(module.lines) <= FILE_LINES, f"{module.where}: {len(module.lines)} lines, at most {FILE_LINES}."


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_functions_are_short_and_take_few_parameters(module):
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        place = f"{module.where}:{node.lineno} {node.name}"
        if _has_reason(module.lines, node):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        assert length <= FUNCTION_LINES, f"{place}: {length} lines, at most {FUNCTION_LINES}."
        own = [item.arg for item in [*node.args.posonlyargs, *node.args.args] if item.arg not in ("self", "cls")]
        count = len(own) + len(node.args.kwonlyargs)
        assert count <= PARAMETERS, f"{place}: {count} parameters, at most {PARAMETERS}."
        if not node.decorator_list and not node.name.startswith("_"):  # click hands its parameters over by name
            assert len(own) <= POSITIONAL, f"{place}: {len(own)} positional parameters; past two, keyword-only."


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_no_drawers(module):
    assert not _DRAWERS & set(module.name.split(".")), f"{module.where}: name it for the one thing it holds."


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_every_module_and_public_name_says_what_it_gives(module):
    assert ast.get_docstring(module.tree), f"{module.where} has no docstring."
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{module.where}:{node.lineno}: {node.name} has no docstring."


def _has_reason(lines: tuple[str, ...], node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(_REASON.search(line) for line in lines[max(0, node.lineno - 2) : node.body[0].lineno])
