"""Finds words that give the label away: they occur in many rows of one class and almost never in other classes.

A run of signs between words (`★★★★★`, `:)`, `?`) is a word too, and so is each symbol in it (`★`, `😀`, `$`; Unicode
category S), so that `😀` and `😀!` have a word in common. Ordinary words occur in all classes, so they are not found.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from finetooth.data import Examples
from finetooth.preflight.data_finding import Finding, FlaggedRow, Severity
from finetooth.preflight.data_view import DataView
from finetooth.wording import roughly

LEAST_ROWS = 10
LEAST_SHARE, WARNED_SHARE = 0.1, 0.5  # of the rows of the class
LEAST_OF_ALL = 0.95  # of the rows with the word
LEAST_LOG_ODDS = 4.0  # in nats: the odds of the word are 55 times those in the other classes
_WORD, _SIGNS = re.compile(r"\w+"), re.compile(r"[^\w\s]+")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Word:
    """A word that nearly decides a class. inside, outside: share of the class's rows, and of the others, with it."""

    word: str
    label: int
    inside: float
    outside: float


def find(view: DataView) -> list[Finding]:
    """One finding on such words in the training rows. It names the rows that have one of the words it shows."""
    giveaways = giveaway_words(view.train, classes=len(view.classes))
    if not giveaways:
        return []
    shown = giveaways[:_SHOWN]
    parts = [
        f"{word.word!r} in {roughly(word.inside)} of the {view.classes[word.label]!r} rows and "
        f"{roughly(word.outside)} of the others"
        for word in shown
    ]
    more = f"; {len(giveaways) - _SHOWN:,} more words like these" if len(giveaways) > _SHOWN else ""
    severity: Severity = "warn" if giveaways[0].inside >= WARNED_SHARE else "note"
    says = f"Words that nearly give the label away: {'; '.join(parts)}{more}."
    advice = (
        "If the words come from how the rows were collected (a sender, a template, a mark), remove them: results would "
        "be too good. If they belong to the topic of the class, keep them; TF-IDF will then be hard to beat."
    )
    return [Finding("giveaway_words", severity, says, advice, tuple(_rows(view.train, shown)))]


def giveaway_words(examples: Examples, *, classes: int) -> list[Word]:
    """The words that nearly decide a class, sorted by the share of its rows that have them, the largest first.

    Source: smoothed log-odds ratio with half a row added to each count (Haldane 1956, Anscombe 1956).
    """
    inside: list[Counter[str]] = [Counter() for _ in range(classes)]
    for row, label in enumerate(examples.labels.tolist()):
        inside[label].update(_words(examples, row))
    totals: Counter[str] = Counter()
    for counter in inside:
        totals.update(counter)
    sizes = np.bincount(examples.labels, minlength=classes)
    total, giveaways = len(examples), []
    for label, counter in enumerate(inside):
        size, rest = int(sizes[label]), total - int(sizes[label])
        least = max(LEAST_ROWS, LEAST_SHARE * size)
        for word, count in counter.items():
            if count < least or count < LEAST_OF_ALL * totals[word] or not rest:
                continue
            elsewhere = totals[word] - count
            if _log_odds(count, size) - _log_odds(elsewhere, rest) >= LEAST_LOG_ODDS:
                giveaways.append(Word(word, label, count / size, elsewhere / rest))
    return sorted(giveaways, key=lambda word: (-word.inside, word.outside, word.word))


def _rows(examples: Examples, words: list[Word]) -> list[FlaggedRow]:
    shown = {word.word for word in words}
    present = [(row_id, sorted(shown & _words(examples, row))) for row, row_id in enumerate(examples.ids)]
    return [FlaggedRow(row_id, "train", f"contains {', '.join(names)}") for row_id, names in present if names]


def _words(examples: Examples, row: int) -> set[str]:
    text = examples.texts[row] if examples.pairs is None else f"{examples.texts[row]}\n{examples.pairs[row]}"
    signs = [sign for run in set(_SIGNS.findall(text)) for sign in _signs(run)]
    return {*_WORD.findall(text.lower()), *signs}


@lru_cache(maxsize=1 << 16)
def _signs(run: str) -> tuple[str, ...]:
    """The run and the symbols in it; nothing for a run of accents or invisible characters."""
    kinds = {character: unicodedata.category(character)[0] for character in run}
    if not {"P", "S"} & set(kinds.values()):
        return ()
    return (run, *(character for character, kind in kinds.items() if kind == "S"))


def _log_odds(count: int, of: int) -> float:
    return float(np.log((count + 0.5) / (of - count + 0.5)))
