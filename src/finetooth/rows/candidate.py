"""The rows of candidates: an adapter trained on a clean base, with the decision that the recipe sets."""

from dataclasses import replace
from functools import partial

from finetooth.evaluation import deciding, decision_file
from finetooth.evaluation.decisions import Decision
from finetooth.models import adapters
from finetooth.models.loading import Base
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate
from finetooth.row_kinds import CANDIDATE
from finetooth.rows import trained
from finetooth.rows.context import Channel, Context
from finetooth.rows.contract import Row, ScoredRow, Trainable
from finetooth.rows.planned_base import load_planned
from finetooth.runs.results import ResultsRow
from finetooth.runs.work import read_labels


def fit(context: Context, channel: Channel) -> None:
    """Train the candidate's adapter on a clean base and save it.

    Raises: VerificationError if the base is not the plan's, or if a frozen tensor changed in training.
    """
    base = load_planned(context, head_seed=context.seed, dropout=context.recipe.training.base_dropout)
    context.folder.path.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(context.base_folder)
    model = trained.train(context, channel, trainable(context, base), base=base, pad_id=tokenizer.pad_token_id)
    trained.save(context, channel, model, base=base, tokenizer=tokenizer, decision=_decision(context))


def trainable(context: Context, base: Base) -> Trainable:
    """The base with the candidate's adapter."""
    model = adapters.attach(base, _candidate(context), seed=context.seed)
    return Trainable(model, _candidate(context), lambda: adapters.parameters(model))


def score(context: Context, channel: Channel) -> None:
    """Score a split with the saved adapter: the validation rows by the plain pass, compared bitwise.

    Raises: VerificationError when the adapter, or its decision, is not what was measured before it was saved.
    """
    trained.score(context, channel, decision=partial(_decision, context))


def _candidate(context: Context) -> Candidate:
    return next(item for item in context.recipe.candidates if item.name == context.row)


def _decision(context: Context) -> Decision:
    """The decision that the recipe sets, fitted on the validation logits of the training loop."""
    _, labels = read_labels(context.run_folder, "validation")
    logits = trained.measured_logits(context)
    plan, settings = context.plan, context.recipe.decision
    return deciding.fit(logits, labels, classes=plan.classes, settings=settings, task=plan.of_task())


def facts(scored: ScoredRow, row: ResultsRow) -> ResultsRow:
    """The row with the facts of its training, and with how its logits become answers."""
    described = decision_file.describe(scored.decision, scored.plan.classes)
    return replace(trained.facts(scored, row), decision=described)


ROWS = (
    Row(
        kind=CANDIDATE,
        fit=fit,
        score=score,
        trainable=trainable,
        facts=facts,
        steps=trained.steps,
        seconds=trained.seconds,
    ),
)
