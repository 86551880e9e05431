"""Classifiers that train no neural network; a candidate must beat them to be worth its training.

A baseline is fitted on the training split, its settings are chosen on the validation split, it is saved as JSON and
safetensors, and measured from its saved files. Majority, tfidf and nb_words read texts. The probe reads the hidden
states of a frozen encoder, which its caller computes.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from finetooth import row_kinds
from finetooth.baselines import nb_words, tfidf
from finetooth.baselines.choosing import Figure
from finetooth.baselines.fitted import read_kind
from finetooth.baselines.majority import Majority
from finetooth.baselines.probe import Probe
from finetooth.baselines.text_regression import TextRegression
from finetooth.data import Examples
from finetooth.tasks import DEFAULT, Task

__all__ = ["FittedBaseline", "Probe", "fit", "load"]

FittedBaseline = Majority | TextRegression  # the baselines that read texts
_LOAD: Mapping[str, Callable[[Path], FittedBaseline]] = {
    row_kinds.MAJORITY.name: Majority.load,
    row_kinds.TFIDF.name: TextRegression.load,
    row_kinds.NB_WORDS.name: TextRegression.load,
}


def fit(
    kind: str,
    train: Examples,
    *,
    validation: Examples,
    classes: int,
    task: Task = DEFAULT,
    figure: Figure | None = None,
) -> FittedBaseline:
    """A baseline that reads texts, by its kind, fitted on `train`, whose labels are 0 to classes - 1.

    validation: the examples on which its settings are chosen. figure: as in choosing.trial.
    """
    if kind == row_kinds.MAJORITY.name:
        return Majority.fit(train, classes=classes)
    of_kind = {row_kinds.TFIDF.name: tfidf.fit, row_kinds.NB_WORDS.name: nb_words.fit}[kind]
    return of_kind(train, validation=validation, classes=classes, task=task, figure=figure)


def load(folder: Path) -> FittedBaseline:
    """The baseline of texts that was saved at `folder`, with bitwise equal logits.

    Raises: VerificationError if the folder is damaged or is not such a baseline.
    """
    return _LOAD[read_kind(folder, tuple(_LOAD))](folder)
