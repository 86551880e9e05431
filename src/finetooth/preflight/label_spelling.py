"""Finds classes that look like one label in two spellings."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from finetooth.preflight.data_finding import Finding, FlaggedRow, Severity
from finetooth.preflight.data_view import DataView
from finetooth.wording import counted

LEAST_LETTERS = 6  # of the longer label: shorter words often differ by one letter (hired, fired)
TYPO_SHARE = 0.1  # of the other label's rows: a label with fewer rows is more likely a typo than a class
MOST_PAIRS, _SHOWN = 5, 2
_JOINTS = re.compile(r"(?<=[^\W_])[_-]+(?=[^\W_])")  # only inside a name: the grades A and A- differ
_DISTINCT = re.compile(r"\d+|^[-+*\u2212\u2013]+|[-+*\u2212\u2013]+$")  # numbers, and signs like those of grades


def find(view: DataView) -> list[Finding]:
    """A finding for each pair of labels that may be one class. It names the rows of the rarer spelling.

    More than MOST_PAIRS pairs of frequent labels that differ by one letter are one finding without rows.
    """
    findings = list(_findings(view))
    notes = [finding for finding in findings if finding.severity == "note"]
    if len(notes) <= MOST_PAIRS:
        return findings
    shown = " ".join(finding.says for finding in notes[:_SHOWN])
    says = f"{len(notes):,} pairs of frequent labels differ by one letter, the first: {shown}"
    together = Finding("label_spelling", "note", says, notes[0].advice)
    return [*(finding for finding in findings if finding.severity != "note"), together]


def variants(classes: Sequence[str]) -> list[tuple[str, str, str]]:
    """Pairs of labels that may be one class, and how they differ: only in case, spaces or signs, or by one letter."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        alike[_plain(name)].append(name)
    spelled_alike = [(same[0], other, "only in case, spaces or signs") for same in alike.values() for other in same[1:]]
    near: dict[str, list[str]] = defaultdict(list)
    for name in alike:
        if len(name) >= LEAST_LETTERS - 1:
            # Two names that are one edit apart become equal when one letter of one or both of them is removed.
            for cut in {name, *(name[:index] + name[index + 1 :] for index in range(len(name)))}:
                near[cut].append(name)
    candidates = {(one, other) for names in near.values() for one in names for other in names if one < other}
    pairs = sorted(pair for pair in candidates if _is_typo(*pair))
    return [*spelled_alike, *((alike[one][0], alike[other][0], "by one letter") for one, other in pairs)]


def _findings(view: DataView) -> Iterator[Finding]:
    labels = np.concatenate([view.train.labels, view.validation.labels])
    counts = np.bincount(labels, minlength=len(view.classes)).tolist()
    number = {name: index for index, name in enumerate(view.classes)}
    for one, other, how in variants(view.classes):
        rare, usual = sorted((one, other), key=lambda name: (counts[number[name]], name))
        few, many = counts[number[rare]], counts[number[usual]]
        is_typo = how != "by one letter" or few <= TYPO_SHARE * many
        severity: Severity = "warn" if is_typo else "note"
        says = f"The labels {rare!r} ({counted(few, 'row')}) and {usual!r} ({many:,}) differ {how}."
        advice = "Finetooth treats them as two classes. If they are one, use the same spelling in the files."
        rows = tuple(_rows(view, number[rare], usual, is_typo=is_typo))
        yield Finding("label_spelling", severity, says, advice, rows)


def _rows(view: DataView, label: int, usual: str, *, is_typo: bool) -> Iterator[FlaggedRow]:
    """The rows of the rarer label. If it looks like a typo, the usual label is suggested for them."""
    for split, examples in (("train", view.train), ("validation", view.validation)):
        for row in np.flatnonzero(examples.labels == label).tolist():
            suggested = usual if is_typo else None
            yield FlaggedRow(examples.ids[row], split, f"label it {usual}, if the two are one class", suggested)


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    if not any(mark.isalpha() for mark in folded):
        return folded  # in numbers, signs and spaces matter
    return _JOINTS.sub("", "".join(folded.split()))


def _is_typo(one: str, other: str) -> bool:
    """Whether two names with all but one letter in common are one edit apart, not in a digit or a sign at an end."""
    if _DISTINCT.findall(one) != _DISTINCT.findall(other):
        return False
    if len(one) != len(other):
        return max(len(one), len(other)) >= LEAST_LETTERS
    if len(one) < LEAST_LETTERS:
        return False
    return sum(left != right for left, right in zip(one, other, strict=True)) == 1
