"""The package's source as syntax trees, for the tests beside this file."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "src" / "finetooth"


@dataclass(frozen=True)
class Module:
    """One file of the package. name: `data.readers.csv`, `__init__` for the package itself."""

    path: Path
    name: str
    tree: ast.Module
    lines: tuple[str, ...]

    @property
    def package(self) -> str:
        """The first part of its name: its package."""
        return self.name.split(".")[0]

    @property
    def where(self) -> str:
        """Its path from the repository."""
        return self.path.relative_to(REPOSITORY).as_posix()

    def is_in(self, *places: str) -> bool:
        """Whether it is one of these modules or in one of these packages."""
        return any(self.name == place or self.name.startswith(place + ".") for place in places)


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package."""
    return tuple(_read(path) for path in sorted(PACKAGE.rglob("*.py")))


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of all that a module imports, inside functions too; `from a import b` gives `a.b`.

    Imports under `if TYPE_CHECKING:` count too: a type is also knowledge of another package.
    """
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"
        elif isinstance(node, ast.Call) and _called(node).removeprefix("importlib.") == "import_module":
            yield from ((node.lineno, str(name.value)) for name in node.args[:1] if isinstance(name, ast.Constant))


def calls(module: Module) -> Iterator[tuple[int, str, ast.Call]]:
    """(line, dotted name as written, call) of all calls of a module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield node.lineno, _called(node), node


def _called(call: ast.Call) -> str:
    parts: list[str] = []
    node: ast.expr = call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = ["finetooth", *module.name.split(".")]
    if module.path.name != "__init__.py":
        package = package[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, *([node.module] if node.module else [])])


def _read(path: Path) -> Module:
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    text = path.read_text(encoding="utf-8")
    return Module(path, ".".join(parts), ast.parse(text, filename=str(path)), tuple(text.splitlines()))
