"""Classifiers that train no neural network, that a candidate must beat to be worth its training.

A baseline is fitted on the training split, saved as JSON and safetensors, and measured from what was saved. Majority
and tfidf read texts; the probe reads the hidden states of a frozen encoder, which others compute.
"""

from pathlib import Path

from finetooth.baselines.fitted import FittedBaseline, read_kind
from finetooth.baselines.majority import Majority
from finetooth.baselines.probe import Probe
from finetooth.baselines.tfidf import TfidfLogistic
from finetooth.data import Examples

__all__ = ["FittedBaseline", "Probe", "fit", "load"]

_OF_TEXTS: dict[str, type[Majority] | type[TfidfLogistic]] = {kind.KIND: kind for kind in (Majority, TfidfLogistic)}


def fit(kind: str, train: Examples, *, classes: int) -> FittedBaseline:
    """The baseline that reads texts of that kind, fitted on `train`, whose labels are 0 to classes - 1."""
    return _OF_TEXTS[kind].fit(train, classes=classes)


def load(folder: Path) -> FittedBaseline:
    """The baseline of texts that was saved at `folder`; its logits are bitwise those of the one that was saved.

    Raises: VerificationError if the folder is not whole, or is not such a baseline.
    """
    return _OF_TEXTS[read_kind(folder, tuple(_OF_TEXTS))].load(folder)
