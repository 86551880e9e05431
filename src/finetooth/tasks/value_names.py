"""The name that a value in a file means, whatever its type: of labels, groups and slices."""

import unicodedata
from decimal import Decimal

import numpy as np


def value_name(value: object) -> str:
    """The name that a value in a file means: words stripped and in Unicode NFC, 1.0 as `1`, true as `true`.

    NA, None, null and nan written as words are names like any other.
    Raises: ValueError saying what is wrong (`is missing`, `is a list (...)`), to follow the word "label".
    """
    if isinstance(value, str):
        name = unicodedata.normalize("NFC", value.strip())
        if not name:
            raise ValueError("is missing")
        return name
    if value is None:
        raise ValueError("is missing")
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        if not np.isfinite(value):
            raise ValueError(f"is {float(value)}, which is not a finite number")
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    if isinstance(value, Decimal) and value.is_finite():
        return str(int(value)) if value == int(value) else str(value.normalize())
    kind = {"list": "a list", "dict": "an object"}.get(type(value).__name__, f"a {type(value).__name__}")
    raise ValueError(f"is {kind} ({str(value)[:40]}); one word, number or true/false is expected")
