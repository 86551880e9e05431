"""Classes that look like one label in two spellings."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from finetooth.preflight.data_finding import Finding, Row, Severity
from finetooth.preflight.data_view import Seen
from finetooth.wording import counted

LEAST_LETTERS = 6  # of the longer label: shorter ones may well differ by one letter (hired, fired)
SLIP_SHARE = 0.1  # of the other's rows: a rarer one is more likely a slip than a class
MOST_PAIRS, _SHOWN = 5, 2
_JOINTS = re.compile(r"(?<=[^\W_])[_-]+(?=[^\W_])")  # at an end they may tell: the grades A and A-
_TELLING = re.compile(r"\d+|^[-+*\u2212\u2013]+|[-+*\u2212\u2013]+$")  # numbers, and signs as of grades


def find(seen: Seen) -> list[Finding]:
    """A finding for each pair of labels that may be one. Rows named: those of the rarer spelling.

    Pairs of frequent labels that differ by one letter are one finding without rows where they are more than MOST_PAIRS.
    """
    findings = list(_findings(seen))
    notes = [finding for finding in findings if finding.severity == "note"]
    if len(notes) <= MOST_PAIRS:
        return findings
    shown = " ".join(finding.says for finding in notes[:_SHOWN])
    says = f"{len(notes):,} pairs of frequent labels differ by one letter, the first: {shown}"
    together = Finding("label_spelling", "note", says, notes[0].advice)
    return [*(finding for finding in findings if finding.severity != "note"), together]


def variants(classes: Sequence[str]) -> list[tuple[str, str, str]]:
    """Pairs of labels that may be one, and how they differ: only in case, spaces or signs, or by one letter."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        alike[_plain(name)].append(name)
    found = [(same[0], other, "only in case, spaces or signs") for same in alike.values() for other in same[1:]]
    near: dict[str, list[str]] = defaultdict(list)
    for name in alike:
        if len(name) >= LEAST_LETTERS - 1:
            # Two names that are one edit apart are equal when a letter is left out of one of them, or of both.
            for cut in {name, *(name[:place] + name[place + 1 :] for place in range(len(name)))}:
                near[cut].append(name)
    pairs = {
        (one, other) for names in near.values() for one in names for other in names if one < other and _slip(one, other)
    }
    found += [(alike[one][0], alike[other][0], "by one letter") for one, other in sorted(pairs)]
    return found


def _findings(seen: Seen) -> Iterator[Finding]:
    labels = np.concatenate([seen.train.labels, seen.validation.labels])
    counts = np.bincount(labels, minlength=len(seen.classes)).tolist()
    number = {name: place for place, name in enumerate(seen.classes)}
    for one, other, how in variants(seen.classes):
        rare, usual = sorted((one, other), key=lambda name: (counts[number[name]], name))
        few, many = counts[number[rare]], counts[number[usual]]
        slip = how != "by one letter" or few <= SLIP_SHARE * many
        severity: Severity = "warn" if slip else "note"
        says = f"The labels {rare!r} ({counted(few, 'row')}) and {usual!r} ({many:,}) differ {how}."
        advice = "If they mean one class, write them alike in the files; Finetooth takes them for two."
        yield Finding("label_spelling", severity, says, advice, tuple(_rows(seen, number[rare], usual, slip=slip)))


def _rows(seen: Seen, label: int, usual: str, *, slip: bool) -> Iterator[Row]:
    """The rows of the rarer label; the usual one is suggested for them where theirs looks like a slip."""
    for split, examples in (("train", seen.train), ("validation", seen.validation)):
        for row in np.flatnonzero(examples.labels == label).tolist():
            yield Row(examples.ids[row], split, f"label it {usual}, if the two are one", usual if slip else None)


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    if not any(mark.isalpha() for mark in folded):
        return folded  # of numbers the sign counts, and so may spaces
    return _JOINTS.sub("", "".join(folded.split()))


def _slip(one: str, other: str) -> bool:
    """Whether two names that share all but a letter are one edit apart, in anything but a digit or a sign at an end."""
    if _TELLING.findall(one) != _TELLING.findall(other):
        return False
    if len(one) != len(other):
        return max(len(one), len(other)) >= LEAST_LETTERS
    if len(one) < LEAST_LETTERS:
        return False
    return sum(left != right for left, right in zip(one, other, strict=True)) == 1
