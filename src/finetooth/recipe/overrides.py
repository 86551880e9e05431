"""Change a value of a recipe from the command line: --set a.b=value."""

from pathlib import Path
from typing import Any

import yaml

from finetooth.errors import RecipeError
from finetooth.recipe import strict_yaml
from finetooth.recipe.paths import absolute_paths


def override_value(values: dict[str, Any], override: str) -> dict[str, Any]:
    """A copy of the values with one of them changed.

    override: `a.b=value`; its paths are relative to the working directory.
    Raises: RecipeError if it has another form, its value is not valid YAML, or a position is not in a list.
    """
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"--set {override}: expected KEY=VALUE, such as --set data.source=reviews.csv")
    try:
        # A single punctuation mark is text: YAML reads | @ % # and a tab as syntax. Only ~ is null.
        mark = len(text) == 1 and not text.isalnum() and text != "~"
        value = text if mark else strict_yaml.parse(text, where=f"--set {override}:")
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise RecipeError(
            f"--set {override}: the value is not valid YAML: {reason}. Put quotes around a text."
        ) from error
    path = key.split(".")
    change: Any = value
    for part in reversed(path):
        change = {part: change}
    merged: dict[str, Any] = _merge(values, absolute_paths(change, Path.cwd(), where=f"--set {key}"), path, key)
    return merged


def _merge(values: Any, change: Any, path: list[str], key: str) -> Any:
    """The values with the value at `path` taken from `change`. key: the complete path, for messages."""
    if not path:
        return change
    part, rest = path[0], path[1:]
    if isinstance(values, list):
        if not part.isdecimal() or int(part) >= len(values):
            raise RecipeError(
                f"--set {key}: {part!r} is not a position in a list of {len(values)}. Count from 0, or set the whole "
                "list."
            )
        values = list(values)
        values[int(part)] = _merge(values[int(part)], change[part], rest, key)
        return values
    inner = dict(values) if isinstance(values, dict) else {}
    inner[part] = _merge(inner.get(part), change[part], rest, key)
    return inner
