"""Checks the data before training: findings that name their rows."""

from collections.abc import Mapping

from finetooth.data import Dataset
from finetooth.preflight import classes, duplicates, giveaway_words, label_spelling, texts
from finetooth.preflight import mislabelled as wrong_labels
from finetooth.preflight.data_finding import SEVERITIES, Finding, FlaggedRow
from finetooth.preflight.data_view import view_of
from finetooth.preflight.texts import Lengths
from finetooth.progress import Progress, Silent

__all__ = ["Finding", "FlaggedRow", "Lengths", "inspect"]


def inspect(
    dataset: Dataset,
    *,
    lengths: Mapping[str, Lengths] | None = None,
    mislabelled: bool = False,
    progress: Progress | None = None,
) -> list[Finding]:
    """The findings on a data set, the worst first. They do not depend on the order of the rows.

    Test rows are checked only for repeated texts, blank texts, lengths and which classes occur.
    lengths: tokens of each split's rows, or of some of them. mislabelled: also search for likely wrong labels, which
    trains TF-IDF models for up to a minute.
    """
    view = view_of(dataset)
    findings = [
        *classes.find(view),
        *duplicates.find(view),
        *texts.blank(view),
        *label_spelling.find(view),
        *giveaway_words.find(view),
    ]
    if mislabelled:
        findings += wrong_labels.find(view, progress=progress or Silent())
    findings += texts.cut(lengths or {}, pairs=dataset.train.pairs is not None)
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
