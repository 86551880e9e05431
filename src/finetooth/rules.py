"""Rules of the allow-lists. A rule says what a value must be; a table has a rule for each key."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

from finetooth.wording import short

# Given a value, what is needed instead, such as "a whole number from 1 to 8"; None if the value is allowed.
Rule = Callable[[Any], str | None]
Check = Callable[[Any], Iterator["Problem"]]

LONGEST_TEXT = 10_000


@dataclass(frozen=True, slots=True)
class Problem:
    """A refused value. key: its path in the file, such as `rank_pattern.query`; empty for the file itself.

    kind: `value`, a wrong type or out of range; `code`, chooses or loads code; `pattern`, would run as a regular
    expression; `unsupported`, would change what is computed. what: a sentence that names the value. fix: what to do,
    with a leading space, or empty.
    """

    key: str
    kind: Literal["value", "code", "pattern", "unsupported"]
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.what}{self.fix}"


def integer(least: int, most: int) -> Rule:
    """A whole number in a range; True and 1.0 are refused."""
    return lambda value: (
        None if type(value) is int and least <= value <= most else f"a whole number from {least:,} to {most:,}"
    )


def number(least: float, most: float, *, above: bool = False) -> Rule:
    """A finite number in a range. above: exclude `least` itself."""

    def rule(value: Any) -> str | None:
        inside = type(value) in (int, float) and least <= value <= most  # false for NaN
        return None if inside and not (above and value == least) else f"a number {words}"

    words = f"above {least:g} and up to {most:g}" if above else f"from {least:g} to {most:g}"
    return rule


def flag(value: Any) -> str | None:
    """True or false."""
    return None if isinstance(value, bool) else "true or false"


def text(most: int = LONGEST_TEXT) -> Rule:
    """A text of 1 to `most` characters without surrogates, which no file can hold."""

    def rule(value: Any) -> str | None:
        usable = isinstance(value, str) and 0 < len(value) <= most and not _has_surrogate(value)
        return None if usable else f"a text of 1 to {most:,} characters"

    return rule


def one_of(*values: Any) -> Rule:
    """One of a few texts, numbers or null, compared with their type: True is not 1."""
    named = ", ".join("null" if value is None else repr(value) for value in values)

    def rule(value: Any) -> str | None:
        return None if any(type(value) is type(one) and value == one for one in values) else f"one of {named}"

    return rule


def optional(rule: Rule) -> Rule:
    """What `rule` accepts, or null."""

    def with_null(value: Any) -> str | None:
        needed = None if value is None else rule(value)
        return needed and f"{needed}, or null"

    return with_null


def either(first: Rule, second: Rule) -> Rule:
    """What either rule accepts."""

    def rule(value: Any) -> str | None:
        one, other = first(value), second(value)
        return f"{one}, or {other}" if one and other else None

    return rule


def matching(pattern: str, needed: str) -> Rule:
    """A text that matches a regular expression completely. needed: what the text must be, in words."""
    compiled = re.compile(pattern)
    return lambda value: None if isinstance(value, str) and compiled.fullmatch(value) else needed


# The dot is the only allowed character that has a meaning in a regular expression.
module_name = matching(r"[A-Za-z0-9_.-]{1,200}", "a literal module name (letters, digits, _ . -)")


def many(rule: Rule, most: int, *, least: int = 0) -> Rule:
    """A list of `least` to `most` values that `rule` accepts."""

    def listed(value: Any) -> str | None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            return f"a list of {least:,} to {most:,} values" if least else f"a list of at most {most:,} values"
        needed = next((needed for item in value if (needed := rule(item))), None)
        return needed and f"a list in which each value is {needed}"

    return listed


def mapping(key: Rule, value: Rule, most: int) -> Rule:
    """A mapping of at most `most` keys that `key` accepts, to values that `value` accepts."""

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
    """A mapping that has only keys of the table, and all of `required`."""

    def recorded(value: Any) -> str | None:
        if not isinstance(value, dict):
            return f"a mapping of {', '.join(table)}"
        missing = [key for key in required if key not in value]
        strange = [key for key in value if key not in table]
        if missing or strange:
            return f"a mapping with {missing[0]!r}" if missing else f"a mapping of {', '.join(table)} alone"
        return next((f"{key}: {needed}" for key in value if (needed := table[key](value[key]))), None)

    return recorded


def check_table(
    values: Mapping[str, Any], table: Mapping[str, Rule], *, path: str = "", required: Collection[str] = ()
) -> Iterator[Problem]:
    """Check the values of the table's keys, and yield a problem for each that is wrong or missing.

    Other keys are ignored. required: the keys that must be present.
    """
    for key in required:
        if key not in values:
            yield Problem(f"{path}{key}", "value", f"key {path + key!r} is missing.")
    for key, rule in table.items():
        needed = rule(values[key]) if key in values else None
        if needed:
            yield Problem(f"{path}{key}", "value", f"key {path + key!r} is {short(values[key])}; {needed} is needed.")


def of_mapping(check: Callable[[dict[str, Any]], Iterator[Problem]]) -> Check:
    """Decorate a check of a mapping so that it accepts any value and yields a problem for a value of another type."""

    @wraps(check)
    def checked(value: Any) -> Iterator[Problem]:
        if isinstance(value, dict):
            yield from check(value)
        else:
            yield Problem("", "value", f"holds a {type(value).__name__}, not a mapping of settings.")

    return checked


def _has_surrogate(value: str) -> bool:
    return not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)
