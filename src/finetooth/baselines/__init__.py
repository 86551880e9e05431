"""Classifiers that train no neural network; a candidate must beat them to be worth its training.

A baseline is fitted on the training split, saved as JSON and safetensors, and measured from its saved files. Majority
and tfidf read texts. The probe reads the hidden states of a frozen encoder, which its caller computes.
"""

from pathlib import Path

from finetooth.baselines.fitted import read_kind
from finetooth.baselines.majority import Majority
from finetooth.baselines.probe import Probe
from finetooth.baselines.tfidf import TfidfLogistic
from finetooth.data import Examples

__all__ = ["FittedBaseline", "Probe", "fit", "load"]

FittedBaseline = Majority | TfidfLogistic  # the baselines that read texts
_OF_TEXTS: dict[str, type[FittedBaseline]] = {kind.KIND: kind for kind in (Majority, TfidfLogistic)}


def fit(kind: str, train: Examples, *, classes: int) -> FittedBaseline:
    """A baseline that reads texts, by its kind, fitted on `train`, whose labels are 0 to classes - 1."""
    return _OF_TEXTS[kind].fit(train, classes=classes)


def load(folder: Path) -> FittedBaseline:
    """The baseline of texts that was saved at `folder`, with bitwise equal logits.

    Raises: VerificationError if the folder is damaged or is not such a baseline.
    """
    return _OF_TEXTS[read_kind(folder, tuple(_OF_TEXTS))].load(folder)
