"""The headline of the report: the verdict that the comparison holds, its first sentence before the others."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_END = re.compile(r"(?<=[.!?])\s+")  # of a sentence; a figure's point has no blank after it


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headline, and the sentences after it."""

    headline: str
    more: tuple[str, ...] = ()


def verdict_of(comparison: Mapping[str, Any]) -> Verdict:
    """The verdict, in words."""
    first, *rest = _END.split(comparison["verdict"]["text"].strip(), maxsplit=1)
    return Verdict(first, tuple(rest))
