"""Words that give the label away: in many rows of one class, almost never in the others.

A run of signs between words (`★★★★★`, `:)`, `?`) is a word too, and so is each symbol in it (`★`, `😀`, `$`; Unicode
category S), so that `😀` and `😀!` have one in common. What is ordinary stands in all classes and never reaches the
bar.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from finetooth.data import Examples
from finetooth.preflight.data_finding import Finding, Row, Severity
from finetooth.preflight.data_view import Seen
from finetooth.wording import roughly

LEAST_ROWS = 10
LEAST_SHARE, WARNED_SHARE = 0.1, 0.5  # of the rows of the class
LEAST_OF_ALL = 0.95  # of the rows that hold the word
LEAST_LOG_ODDS = 4.0  # in nats: the odds of the word are 55 times those in the other classes
_WORD, _SIGNS = re.compile(r"\w+"), re.compile(r"[^\w\s]+")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Word:
    """A word that nearly decides a class. inside, outside: share of the rows of the class, and of the others, it is in.

    log_odds: the logarithm of the ratio of its odds inside and outside, each smoothed by half a row.
    """

    word: str
    label: int
    inside: float
    outside: float
    log_odds: float


def find(seen: Seen) -> list[Finding]:
    """One finding on such words in the training rows; it names the rows that hold one of those it shows."""
    found = telling(seen.train, classes=len(seen.classes))
    if not found:
        return []
    shown = found[:_SHOWN]
    parts = [
        f"{word.word!r} in {roughly(word.inside)} of the {seen.classes[word.label]!r} rows and "
        f"{roughly(word.outside)} of the others"
        for word in shown
    ]
    more = f"; {len(found) - _SHOWN:,} more words like these" if len(found) > _SHOWN else ""
    severity: Severity = "warn" if found[0].inside >= WARNED_SHARE else "note"
    says = f"Words that nearly give the label away: {'; '.join(parts)}{more}."
    advice = (
        "If they come from how the rows were gathered (a sender, a template, a mark), remove them: figures would be "
        "too good. If they are what the class is about, all is well, and TF-IDF will be hard to beat."
    )
    return [Finding("giveaway_words", severity, says, advice, tuple(_rows(seen.train, shown)))]


def telling(examples: Examples, *, classes: int) -> list[Word]:
    """The words that nearly decide a class, those that stand in the largest share of its rows first.

    Source: smoothed log-odds ratio with half a row added to each count (Haldane 1956, Anscombe 1956).
    """
    inside: list[Counter[str]] = [Counter() for _ in range(classes)]
    for row, label in enumerate(examples.labels.tolist()):
        inside[label].update(_words(examples, row))
    whole: Counter[str] = Counter()
    for counter in inside:
        whole.update(counter)
    sizes = np.bincount(examples.labels, minlength=classes)
    total, found = len(examples), []
    for label, counter in enumerate(inside):
        size, rest = int(sizes[label]), total - int(sizes[label])
        least = max(LEAST_ROWS, LEAST_SHARE * size)
        for word, count in counter.items():
            if count < least or count < LEAST_OF_ALL * whole[word] or not rest:
                continue
            elsewhere = whole[word] - count
            log_odds = _log_odds(count, size) - _log_odds(elsewhere, rest)
            if log_odds >= LEAST_LOG_ODDS:
                found.append(Word(word, label, count / size, elsewhere / rest, log_odds))
    return sorted(found, key=lambda word: (-word.inside, word.outside, word.word))


def _rows(examples: Examples, words: list[Word]) -> list[Row]:
    wanted = {word.word for word in words}
    held = [(row, sorted(wanted & _words(examples, row))) for row in range(len(examples))]
    return [Row(examples.ids[row], "train", f"holds {', '.join(names)}") for row, names in held if names]


def _words(examples: Examples, row: int) -> set[str]:
    text = examples.texts[row] if examples.pairs is None else f"{examples.texts[row]}\n{examples.pairs[row]}"
    signs = [sign for run in set(_SIGNS.findall(text)) for sign in _signs(run)]
    return {*_WORD.findall(text.lower()), *signs}


@lru_cache(maxsize=1 << 16)
def _signs(run: str) -> tuple[str, ...]:
    """The run and the symbols in it; none of a run of accents or of what cannot be seen."""
    kinds = {character: unicodedata.category(character)[0] for character in run}
    if not {"P", "S"} & set(kinds.values()):
        return ()
    return (run, *(character for character, kind in kinds.items() if kind == "S"))


def _log_odds(count: int, of: int) -> float:
    return float(np.log((count + 0.5) / (of - count + 0.5)))
