"""Read YAML safely and strictly: no value is silently read as another, and a small text stays small.

Refused: a key that occurs twice in a mapping, a number that YAML 1.1 reads as another (010 is 8, 1:30 is 90), a date, a
tag, and aliases that expand to more than MAX_NODES values.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from finetooth.errors import RecipeError, did_you_mean

MAX_BYTES = 256 * 1024
MAX_NODES = 50_000
MAX_DIGITS = 18
_SHOWN = 20
_TAG = "tag:yaml.org,2002:"
_KNOWN_TAGS = frozenset(_TAG + name for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge"))
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
# YAML 1.1 reads 7e-4 as text because it has no point; here it is a number, as in YAML 1.2.
_DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_EXPONENT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+")


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_implicit_resolver(f"{_TAG}float", _EXPONENT, list("-+0123456789."))


def read(path: Path) -> dict[str, Any]:
    """The keys and values of a recipe file.

    Raises: RecipeError for a file that cannot be read, is larger than MAX_BYTES, or is refused by parse.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise RecipeError(f"{path}: has more than {MAX_BYTES:,} bytes, the limit for a recipe. Is it a data file?")
        text = data.decode("utf-8")
    except FileNotFoundError:
        near = sorted(path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        raise RecipeError(f"{path}: no such recipe.{did_you_mean(str(path), map(str, near))}") from None
    except (OSError, ValueError) as error:  # not UTF-8, or a NUL in the name
        raise RecipeError(f"{path}: cannot be read as UTF-8 text ({error}). Name a text file in UTF-8.") from error
    try:
        values = parse(text, where=str(path))
    except yaml.YAMLError as error:
        raise RecipeError(
            f"{path}: not valid YAML: {' '.join(str(error).split())}. Correct the line that it names."
        ) from error
    if not isinstance(values, dict):
        raise RecipeError(
            f"{path}: a recipe is a mapping with the keys name, model, data; found {type(values).__name__}."
        )
    return {str(key): value for key, value in values.items()}


def parse(text: str, *, where: str) -> Any:
    """The value of a YAML text. where: the beginning of an error message.

    Raises: RecipeError with the line and key of each refused value; yaml.YAMLError for text that is not YAML.
    """
    if len(text) > MAX_BYTES:
        raise RecipeError(f"{where} has more than {MAX_BYTES:,} characters, the limit for a value. Shorten it.")
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _size(node, {}, (), where=where)
        problems = list(_problems(node, "", set()))
        if problems:
            more = [f"... and {len(problems) - _SHOWN:,} more like these."] if len(problems) > _SHOWN else []
            raise RecipeError("\n".join([f"{where} {problem}" for problem in problems[:_SHOWN]] + more))
        return loader.construct_document(node)
    except RecursionError:
        raise RecipeError(
            f"{where} is nested too deep; a recipe has at most five levels. Remove brackets or indentation."
        ) from None
    finally:
        loader.dispose()


def _size(node: yaml.Node, sizes: dict[int, int], above: tuple[int, ...], *, where: str) -> int:
    """The number of values in a node after every alias is expanded.

    sizes: of the nodes that were counted before, by their identity. above: the identities of the nodes around this one.
    Raises: RecipeError for more than MAX_NODES values, or for an alias within its own value.
    """
    if id(node) in sizes:
        return sizes[id(node)]
    line = node.start_mark.line + 1
    if id(node) in above:
        raise RecipeError(f"{where} line {line}: contains an alias of itself. Write the values out.")
    inner: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        inner = [item for pair in node.value for item in pair]
    elif isinstance(node, yaml.SequenceNode):
        inner = node.value
    size = sizes[id(node)] = 1 + sum([_size(item, sizes, (*above, id(node)), where=where) for item in inner])
    if size > MAX_NODES:
        raise RecipeError(
            f"{where} line {line}: has more than {MAX_NODES:,} values after its aliases (*name) are expanded. "
            "Write the values out, or use fewer aliases."
        )
    return size


def _problems(node: yaml.Node, key: str, checked: set[int]) -> Iterator[str]:
    """A line for each value in a node that is refused. checked: the nodes that were checked, for aliases of them."""
    if id(node) in checked:
        return
    checked.add(id(node))
    if problem := _misread(node):
        yield f"line {node.start_mark.line + 1}: {key or 'the value'}: {problem}"
    above = f"{key}." if key else ""
    if isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _problems(value, f"{above}{index}", checked)
    elif isinstance(node, yaml.MappingNode):
        yield from _duplicate_keys(node)
        for name, value in node.value:
            word = name.value if isinstance(name, yaml.ScalarNode) else "?"
            yield from _problems(name, f"{above}{word}", checked)
            yield from _problems(value, f"{above}{word}", checked)


def _duplicate_keys(node: yaml.MappingNode) -> Iterator[str]:
    first: dict[tuple[str, str], int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        line = key.start_mark.line + 1
        if (key.tag, key.value) in first:
            before = first[key.tag, key.value]
            yield (
                f"line {line}: the key {key.value!r} occurs twice in one mapping (first in line {before}). "
                "Remove one of the two."
            )
        first.setdefault((key.tag, key.value), line)


def _misread(node: yaml.Node) -> str | None:
    """How YAML reads a value differently than most people intend, and how to write it instead; or None."""
    kind = node.tag.removeprefix(_TAG)
    shown = node.value if isinstance(node, yaml.ScalarNode) and len(node.value) <= 60 else "a value"
    if kind in ("timestamp", "value"):
        what = "a date" if kind == "timestamp" else "a key without a name"
        return f"YAML reads {shown} as {what}. Put quotes around it."
    scalar = isinstance(node, yaml.ScalarNode)
    odd = kind in ("int", "float", "bool") and not scalar
    odd = odd or (kind == "bool" and node.value.lower() not in yaml.SafeLoader.bool_values)
    if odd or node.tag not in _KNOWN_TAGS:
        return f"the tag {node.tag[:60]} is not allowed. Remove it."
    if kind == "int" and not _WHOLE.fullmatch(node.value):
        return (
            f"YAML reads {shown} as a number in another base, or in minutes or hours. Write a number in decimal digits "
            "without a leading zero; put quotes around a text."
        )
    if kind == "int" and len(node.value) > MAX_DIGITS:
        return f"the number has {len(node.value):,} digits; the limit is {MAX_DIGITS}. Put quotes around a text."
    if kind == "float" and not _DECIMAL.fullmatch(node.value):
        return f"YAML reads {shown} as a number in minutes or with separators. Write it in decimal digits."
    return None
