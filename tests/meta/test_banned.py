"""What no module may do, found by syntax, not by text."""

import ast
from functools import cache

import pytest
from source_tree import calls, imports, modules

from finetooth import row_kinds

BANNED_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "evaluate"}
BANNED_CALLS = {
    "torch.load": "use safetensors",
    "torch.save": "use safetensors",
    "yaml.load": "use yaml.safe_load",
    "yaml.unsafe_load": "use yaml.safe_load",
    "yaml.full_load": "use yaml.safe_load",
    "eval": "parse what is expected",
    "exec": "parse what is expected",
    "compile": "parse what is expected",
    "__import__": "import it",
    "os.system": "use subprocess with a list",
    "os.popen": "use subprocess with a list",
}
PRINTERS = ("cli", "workers.channel", "workers.entry_point", "workers.fork_server")
ENDINGS = {"exit", "quit", "sys.exit", "os._exit", "os.abort"}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_no_banned_import(module):
    for line, name in imports(module):
        assert name.split(".")[0] not in BANNED_MODULES, f"{module.where}:{line} imports {name}."
        assert name not in ("torch.load", "yaml.load"), f"{module.where}:{line} imports {name}."
        assert "AutoPeftModel" not in name, f"{module.where}:{line}: AutoPeftModel loads what a stranger's file names."


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_no_banned_call(module):
    for line, name, call in calls(module):
        assert name not in BANNED_CALLS, f"{module.where}:{line} calls {name}: {BANNED_CALLS[name]}."
        for keyword in call.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            assert not (keyword.arg == "allow_pickle" and value is not False), f"{module.where}:{line}: allow_pickle."
            assert not (keyword.arg == "trust_remote_code" and value is not False), (
                f"{module.where}:{line}: trust_remote_code."
            )
            assert not (keyword.arg == "shell" and value is not False), f"{module.where}:{line}: shell=True."


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_only_the_command_line_and_the_worker_print_or_exit(module):
    if module.is_in(*PRINTERS):
        return
    for line, name, _ in calls(module):
        assert name not in ENDINGS | {"print"}, (
            f"{module.where}:{line} calls {name}; only cli and the entries of processes may."
        )
        assert name not in ("sys.stdout.write", "sys.stderr.write"), f"{module.where}:{line} writes to the terminal."


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_no_error_is_swallowed(module):
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = ast.unparse(node.type) if node.type else "everything"
        silent = all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body)
        broad = caught in ("everything", "Exception", "BaseException")
        assert not (silent and broad), f"{module.where}:{node.lineno} swallows {caught}."


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_no_class_inherits_from_another_of_ours(module):
    if module.is_in("errors", "recipe"):
        return
    ours = classes()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            for base in (ast.unparse(base) for base in node.bases):
                free = base.endswith("Error") or base == "Section" or ours.get(base, False)
                assert base not in ours or free, f"{module.where}:{node.lineno}: {node.name} inherits from {base}."


@cache
def classes() -> dict[str, bool]:
    """The classes of the package by name, each with whether it is a Protocol."""
    found = (node for module in modules() for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef))
    return {node.name: any(ast.unparse(base).startswith("Protocol") for base in node.bases) for node in found}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_no_row_is_told_by_its_name(module):
    """What differs between kinds of rows stands in row_kinds and in rows; elsewhere they are asked, not compared."""
    if module.is_in("rows", "row_kinds"):
        return
    names = {kind.name for kind in row_kinds.KINDS if kind.name}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Compare):
            compared = {inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant)}
            assert not names & compared, f"{module.where}:{node.lineno} compares with {sorted(names & compared)}."
