"""The rows of full fine-tuning: all parameters trained, as a reference beside the candidates (ADR 12)."""

from functools import partial

from finetooth.evaluation.decisions import Decision
from finetooth.models import full_fine_tuning
from finetooth.models.loading import Base
from finetooth.models.tokenizer import load_tokenizer
from finetooth.row_kinds import FULL
from finetooth.rows import trained
from finetooth.rows.context import Channel, Context
from finetooth.rows.contract import Row, Trainable
from finetooth.rows.planned_base import load_planned


def fit(context: Context, channel: Channel) -> None:
    """Train all parameters of the model and save it.

    Raises: VerificationError if the base is not the plan's, or if a buffer of the base changed in training.
    """
    base = load_planned(context, head_seed=context.seed, dropout=context.recipe.training.base_dropout)
    context.folder.path.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(context.base_folder)
    model = trained.train(context, channel, trainable(context, base), base=base, pad_id=tokenizer.pad_token_id)
    trained.save(
        context, channel, model, base=base, tokenizer=tokenizer, decision=Decision(task=context.plan.of_task())
    )


def trainable(context: Context, base: Base) -> Trainable:
    """The base's own model, all of it trained."""
    return Trainable(full_fine_tuning.release(base), None, lambda: full_fine_tuning.parameters(base))


ROWS = (
    Row(
        kind=FULL,
        fit=fit,
        score=partial(trained.score, decision=None),
        trainable=trainable,
        facts=trained.facts,
        steps=trained.steps,
        seconds=trained.seconds,
    ),
)
