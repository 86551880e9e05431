"""The words that the allow-lists are written in: a rule says what a value must be, a table has one for each key."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from finetooth.wording import short

# What is needed instead of the value, such as "a whole number from 1 to 8"; None if the value is that.
Rule = Callable[[Any], str | None]

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}")
LONGEST_TEXT = 10_000


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that is refused. key: its path in the file, such as `rank_pattern.query`; empty for the whole file.

    kind: `value`, of a wrong type or out of range; `code`, chooses or loads code; `pattern`, would run as a regular
    expression; `unsupported`, would change what is computed and is not supported. what: a sentence that names the
    value. mend: what to do, with its leading space, or empty.
    """

    key: str
    kind: Literal["value", "code", "pattern", "unsupported"]
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.what}{self.mend}"


def integer(least: int, most: int) -> Rule:
    """A whole number in a range; True and 1.0 are none."""
    return lambda value: (
        None if type(value) is int and least <= value <= most else f"a whole number from {least:,} to {most:,}"
    )


def number(least: float, most: float, *, above: bool = False) -> Rule:
    """A finite number in a range. above: `least` itself is outside."""

    def rule(value: Any) -> str | None:
        inside = type(value) in (int, float) and least <= value <= most  # false for NaN
        return None if inside and not (above and value == least) else f"a number {words}"

    words = f"above {least:g} and up to {most:g}" if above else f"from {least:g} to {most:g}"
    return rule


def flag(value: Any) -> str | None:
    """True or false."""
    return None if isinstance(value, bool) else "true or false"


def text(most: int = LONGEST_TEXT) -> Rule:
    """A text of at least one character, without half characters that no file can hold."""

    def rule(value: Any) -> str | None:
        usable = isinstance(value, str) and 0 < len(value) <= most and not _has_surrogate(value)
        return None if usable else f"a text of 1 to {most:,} characters"

    return rule


def one_of(*values: Any) -> Rule:
    """One of a few texts, numbers or null, each of its own type: True is not 1."""
    named = ", ".join("null" if value is None else repr(value) for value in values)

    def rule(value: Any) -> str | None:
        return None if any(type(value) is type(one) and value == one for one in values) else f"one of {named}"

    return rule


def optional(rule: Rule) -> Rule:
    """The same, or null."""

    def with_null(value: Any) -> str | None:
        needed = None if value is None else rule(value)
        return needed and f"{needed}, or null"

    return with_null


def either(first: Rule, second: Rule) -> Rule:
    """What one of the two rules accepts."""

    def rule(value: Any) -> str | None:
        one, other = first(value), second(value)
        return f"{one}, or {other}" if one and other else None

    return rule


def module_name(value: Any) -> str | None:
    """The literal name of a module: no character of it means anything in a pattern but the dot."""
    return (
        None if isinstance(value, str) and _NAME.fullmatch(value) else "a literal module name (letters, digits, _ . -)"
    )


def many(rule: Rule, most: int, *, least: int = 0) -> Rule:
    """A list of values of one kind."""

    def listed(value: Any) -> str | None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            return f"a list of {least:,} to {most:,} values" if least else f"a list of at most {most:,} values"
        needed = next((needed for item in value if (needed := rule(item))), None)
        return needed and f"a list in which each value is {needed}"

    return listed


def mapping(key: Rule, value: Rule, most: int) -> Rule:
    """A mapping of keys and values of one kind each."""

    def mapped(values: Any) -> str | None:
        if not isinstance(values, dict) or len(values) > most:
            return f"a mapping of at most {most:,} keys"
        needed = next((needed for item in values if (needed := key(item))), None)
        if needed:
            return f"a mapping in which each key is {needed}"
        needed = next((needed for item in values.values() if (needed := value(item))), None)
        return needed and f"a mapping in which each value is {needed}"

    return mapped


def record(table: Mapping[str, Rule], *, required: Collection[str] = ()) -> Rule:
    """A mapping with keys of the table and no others."""

    def recorded(value: Any) -> str | None:
        if not isinstance(value, dict):
            return f"a mapping of {', '.join(table)}"
        missing = [key for key in required if key not in value]
        strange = [key for key in value if key not in table]
        if missing or strange:
            return f"a mapping with {missing[0]!r}" if missing else f"a mapping of {', '.join(table)} alone"
        return next((f"{key}: {needed}" for key in value if (needed := table[key](value[key]))), None)

    return recorded


def check_table(values: Mapping[str, Any], table: Mapping[str, Rule], *, path: str = "") -> Iterator[Problem]:
    """A problem for each key of the table whose value is not what it must be; other keys are not looked at."""
    for key, rule in table.items():
        needed = rule(values[key]) if key in values else None
        if needed:
            yield Problem(f"{path}{key}", "value", f"key {path + key!r} is {short(values[key])}; {needed} is needed.")


def check_required(values: Mapping[str, Any], keys: Collection[str], *, path: str = "") -> Iterator[Problem]:
    """A problem for each key that is missing."""
    for key in keys:
        if key not in values:
            yield Problem(f"{path}{key}", "value", f"key {path + key!r} is missing.")


def not_a_mapping(value: Any) -> Iterator[Problem]:
    """The problem of a file that holds something else than settings; none of a mapping."""
    if not isinstance(value, dict):
        yield Problem("", "value", f"holds no mapping of settings but {type(value).__name__}.")


def _has_surrogate(value: str) -> bool:
    return not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)
