"""The headline of the report: the verdict that the comparison holds, its first sentence before the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finetooth.report.markup import shown

_MOST = 2_000  # characters: far more than a verdict has


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headline, and the sentences after it."""

    headline: str
    more: tuple[str, ...] = ()


def verdict_of(comparison: Mapping[str, Any]) -> Verdict:
    """The verdict, in words."""
    verdict = comparison["verdict"]
    first = verdict["headline"]
    rest = verdict["text"].removeprefix(first).strip()
    # It may quote a class, which is the user's own text.
    return Verdict(shown(first, _MOST), (shown(rest, _MOST),) if rest else ())
