"""The rows of candidates: an adapter trained on a clean base."""

from finetooth.models import adapters
from finetooth.models.loading import Base
from finetooth.row_kinds import CANDIDATE
from finetooth.rows import trained
from finetooth.rows.context import Context
from finetooth.rows.contract import Trainable


def trainable(context: Context, base: Base) -> Trainable:
    """The base with the candidate's adapter."""
    candidate = next(item for item in context.recipe.candidates if item.name == context.row)
    model = adapters.attach(base, candidate, seed=context.seed)
    return Trainable(model, candidate, lambda: adapters.parameters(model))


ROWS = (trained.row(CANDIDATE, trainable=trainable),)
