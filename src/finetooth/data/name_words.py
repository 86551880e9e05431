"""The words in names of files and columns."""

import re

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # where CamelCase begins a word
_LETTERS = re.compile(r"[^\W\d_]+")


def words(name: str) -> list[str]:
    """The words of a name in lower case: runs of letters, also where only a capital begins one (reviewsTrain)."""
    return _LETTERS.findall(snake(name))


def snake(name: str) -> str:
    """A name in lower case with `_` where CamelCase begins a word."""
    return _CAPITAL.sub("_", name).casefold()
