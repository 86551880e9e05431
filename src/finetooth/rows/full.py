"""The rows of full fine-tuning: all parameters trained, as a reference beside the candidates (ADR 12)."""

from finetooth.models import full_fine_tuning
from finetooth.models.loading import Base
from finetooth.row_kinds import FULL
from finetooth.rows import trained
from finetooth.rows.context import Context
from finetooth.rows.contract import Trainable


def trainable(context: Context, base: Base) -> Trainable:
    """The base's own model, all of it trained."""
    return Trainable(full_fine_tuning.release(base), None, lambda: full_fine_tuning.parameters(base))


ROWS = (trained.row(FULL, trainable=trainable),)
