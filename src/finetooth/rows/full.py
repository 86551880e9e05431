"""The rows of full fine-tuning: all parameters trained, as a reference beside the candidates (ADR 12)."""

from finetooth.evaluation.decisions import Decision
from finetooth.models import full_fine_tuning
from finetooth.models.loading import Base
from finetooth.row_kinds import FULL
from finetooth.rows import trained
from finetooth.rows.context import Context
from finetooth.rows.contract import Trainable
from finetooth.tasks import Logits, Targets


def trainable(context: Context, base: Base) -> Trainable:
    """The base's own model, all of it trained."""
    return Trainable(full_fine_tuning.release(base), None, lambda: full_fine_tuning.parameters(base))


def _decide(context: Context, logits: Logits, labels: Targets) -> Decision:
    """The largest logit: the recipe's settings of the decision are for candidates."""
    return Decision(task=context.plan.of_task())


ROWS = (trained.row(FULL, trainable=trainable, decide=_decide, facts=trained.facts),)
