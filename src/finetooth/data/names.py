"""Names of files and columns: the words in them, and how a recipe writes them."""

import json
import re
from collections.abc import Sequence

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # where CamelCase begins a word
_LETTERS = re.compile(r"[^\W\d_]+")
_SHOWN_NAMES = 20
_PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_YAML_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


def name_words(name: str) -> list[str]:
    """The words of a name in lower case: its runs of letters, split at capitals too (reviewsTrain)."""
    return _LETTERS.findall(snake_case(name))


def snake_case(name: str) -> str:
    """A name in lower case, with `_` where CamelCase begins a word."""
    return _CAPITAL.sub("_", name).casefold()


def folded(name: str) -> str:
    """A name of a column as names are compared: in lower case, without outer spaces."""
    return name.strip().casefold()


def recipe_word(name: str) -> str:
    """A name as a recipe writes it: in quotes if YAML would read the bare name as something else."""
    plain = _PLAIN_WORD.fullmatch(name) and name.casefold() not in _YAML_WORDS
    return name if plain else json.dumps(name, ensure_ascii=False)


def recipe_list(names: Sequence[str]) -> str:
    """Names as a list in a recipe, at most _SHOWN_NAMES of them."""
    more = ", ..." if len(names) > _SHOWN_NAMES else ""
    return f"[{', '.join(map(recipe_word, names[:_SHOWN_NAMES]))}{more}]"
