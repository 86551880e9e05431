"""What is wrong with the data, before anything is trained: findings that name their rows."""

from collections.abc import Mapping

from finetooth.data import Dataset
from finetooth.preflight import classes, duplicates, giveaway_words, label_spelling, texts
from finetooth.preflight import mislabelled as wrong_labels
from finetooth.preflight.data_finding import Finding, Row, worst_first
from finetooth.preflight.data_view import see
from finetooth.preflight.texts import Lengths
from finetooth.progress import Progress, Silent

__all__ = ["Finding", "Lengths", "Row", "inspect"]


def inspect(
    dataset: Dataset,
    *,
    lengths: Mapping[str, Lengths] | None = None,
    mislabelled: bool = False,
    progress: Progress | None = None,
) -> list[Finding]:
    """What was found, the worst first; the order of the rows changes nothing.

    Of test rows only repeated texts, blank ones, lengths and the presence of classes are looked at.
    lengths: tokens of each split's rows, or of some of them. mislabelled: also search for likely wrong labels, which
    takes TF-IDF models and up to a minute.
    """
    seen = see(dataset)
    found = [
        *classes.find(seen),
        *duplicates.find(seen),
        *texts.blank(seen),
        *label_spelling.find(seen),
        *giveaway_words.find(seen),
    ]
    if mislabelled:
        found += wrong_labels.find(seen, progress=progress or Silent())
    return worst_first([*found, *texts.cut(lengths or {}, pairs=dataset.train.pairs is not None)])
