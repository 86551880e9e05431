"""Turn pydantic's errors into messages with the recipe's own keys."""

import re
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from finetooth.errors import did_you_mean
from finetooth.wording import short

_EXPECTED = "Input should be "
_SHOWN = 20  # problems in one message


def explain(error: ValidationError, values: Any, *, keys_at: Callable[[tuple[int | str, ...]], list[str]]) -> list[str]:
    """One line for each error, with the key as in `values` and, for an unknown key, the most similar known one.

    keys_at: the known keys at a location.
    """
    lines: list[str] = []
    expected: dict[tuple[str, str], list[str]] = {}
    faults = error.errors(include_url=False)
    for looked_at, fault in enumerate(faults):
        if len(lines) + len(expected) >= _SHOWN:
            lines.append(f"... and {len(faults) - looked_at:,} more.")
            break
        path, branched = _key_path(fault["loc"], values, missing=fault["type"] == "missing")
        if branched and any(_is_longer_branch(other["loc"], fault["loc"]) for other in faults):
            continue  # in a union, the branch that matches more of the value is the intended one
        key = ".".join(path) or "recipe"
        if fault["type"] == "extra_forbidden":
            known = keys_at(fault["loc"][:-1])
            lines.append(f"unknown key {key!r}.{did_you_mean(path[-1], known)} Known here: {', '.join(known)}.")
        elif fault["type"] == "missing":
            lines.append(f"key {key!r} is missing.")
        elif fault["type"] == "value_error":
            lines.append(f"{key}: {fault['ctx']['error']}" if path else str(fault["ctx"]["error"]))
        elif fault["msg"].startswith(_EXPECTED):
            expectation = fault["msg"].removeprefix(_EXPECTED).partition(", unable to parse")[0]
            expectation = re.sub(r"a valid dictionary( or instance of \w+)?", "a mapping", expectation)
            expected.setdefault((key, short(fault["input"], 200)), []).append(expectation)
        else:
            lines.append(f"{key}: {fault['msg'][0].lower()}{fault['msg'][1:]}; found {short(fault['input'], 200)}.")
    for (key, value), choices in expected.items():  # the branches of a union on one line
        lines.append(f"{key}: input should be {' or '.join(dict.fromkeys(choices))}; found {value}.")
    return lines


def _key_path(loc: tuple[int | str, ...], values: Any, *, missing: bool) -> tuple[list[str], bool]:
    """The keys that lead to an error, and whether pydantic's location ends in the name of a branch (`str`).

    A name of a branch is not a key in the recipe's values; neither is a missing key.
    """
    path: list[str] = []
    here, inside = values, True
    for part in loc:
        inside = part in here if isinstance(here, dict) else isinstance(here, list) and isinstance(part, int)
        if inside:
            path.append(str(part))
            here = here[part]
    if missing:
        return [*path, str(loc[-1])], False
    return path, not inside


def _is_longer_branch(other: tuple[int | str, ...], loc: tuple[int | str, ...]) -> bool:
    """Whether `other` is in another branch of the same union as `loc`, further into the value."""
    above = len(loc) - 1
    return len(other) > len(loc) and other[:above] == loc[:above] and other[above] != loc[above]
