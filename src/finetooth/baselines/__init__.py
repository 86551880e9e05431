"""Classifiers that train no neural network, that a candidate must beat to be worth its training.

A control is fitted on the training split, saved as JSON and safetensors, and measured from what was saved. Majority
and tfidf read texts; the probe reads the hidden states of a frozen encoder, which others compute.
"""

from pathlib import Path
from typing import Literal

from finetooth.baselines.fitted import TEXT_KINDS, Control, is_control, read_kind
from finetooth.baselines.majority import Majority
from finetooth.baselines.probe import Probe
from finetooth.baselines.tfidf import TfidfLogistic
from finetooth.data import Examples

__all__ = ["TEXT_KINDS", "Control", "Probe", "fit", "is_control", "load"]


def fit(name: Literal["majority", "tfidf"], train: Examples, *, classes: int) -> Control:
    """The baseline of that name fitted on `train`, whose labels are 0 to classes - 1."""
    if name == "majority":
        return Majority.fit(train, classes=classes)
    return TfidfLogistic.fit(train, classes=classes)


def load(folder: Path) -> Control:
    """The baseline of texts that was saved at `folder`; its logits are bitwise those of the one that was saved.

    Raises: VerificationError if the folder is not whole, or is not such a control.
    """
    return Majority.load(folder) if read_kind(folder, TEXT_KINDS) == Majority.KIND else TfidfLogistic.load(folder)
