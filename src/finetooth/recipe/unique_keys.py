"""YAML read safely, and strictly: of two equal keys in one mapping neither is dropped in silence."""

from collections.abc import Iterator
from typing import Any

import yaml

from finetooth.errors import RecipeError


def parse(text: str, *, where: str) -> Any:
    """The value of a YAML text. where: begins an error.

    Raises: RecipeError with the line of every key that stands twice in a mapping; yaml.YAMLError for what is not YAML.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        doubled = [] if node is None else list(_doubled(node))
        if doubled:
            raise RecipeError("\n".join(f"{where} {fault} Keep one of the two." for fault in doubled))
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _doubled(root: yaml.Node) -> Iterator[str]:
    waiting, met = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in met or isinstance(node, yaml.ScalarNode):
            continue  # an alias leads to what was looked at before
        met.add(id(node))
        if not isinstance(node, yaml.MappingNode):
            waiting += reversed(node.value)
            continue
        waiting += [value for _, value in reversed(node.value)]
        first: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if (key.tag, key.value) in first:
                before = first[key.tag, key.value]
                yield f"line {line}: the key {key.value!r} stands twice in one mapping (first in line {before})."
            first.setdefault((key.tag, key.value), line)
