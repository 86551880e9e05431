"""The rows of candidates: an adapter trained on a clean base, with the decision that the recipe asks for."""

import time
from dataclasses import replace
from functools import partial

from finetooth.measure import deciding, decision_file
from finetooth.measure.decisions import Decision
from finetooth.model import adapters
from finetooth.model.batching import Tokens
from finetooth.model.loading import Base
from finetooth.model.tokenizer import load_tokenizer
from finetooth.recipe import Candidate
from finetooth.row_kinds import CANDIDATE
from finetooth.rows import trained
from finetooth.rows.context import Channel, Context
from finetooth.rows.contract import ResultsRow, Row, ScoredRow, Trainable
from finetooth.rows.outputs import add_costs
from finetooth.rows.planned_base import load_planned
from finetooth.runs.work import read_labels
from finetooth.tuning import head_start
from finetooth.tuning.job import Split
from finetooth.tuning.loss import class_weights


def fit(context: Context, channel: Channel) -> None:
    """Train the candidate's adapter on a clean base and save it.

    Raises: VerificationError if the base is not the plan's, or if a frozen tensor changed in training.
    """
    base = load_planned(context, head_seed=context.seed, dropout=context.recipe.training.base_dropout)
    context.folder.path.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(context.base_folder)
    if head_start.is_due(base, context.recipe.training):
        _start_head(context, channel, base, pad_id=tokenizer.pad_token_id)
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
    """The decision that the recipe asks for, from the validation logits as the training loop measured them."""
    _, labels = read_labels(context.run_folder, "validation")
    logits = trained.measured_logits(context)
    plan, asked = context.plan, context.recipe.decision
    return deciding.fit(logits, labels, classes=plan.classes, asked=asked, task=plan.of_task())


def _start_head(context: Context, channel: Channel, base: Base, *, pad_id: int) -> None:
    """Give the new head its start, and count the time as that of states computed beforehand."""
    ids, labels = read_labels(context.run_folder, "train")
    plan, began = context.plan, time.perf_counter()
    weights = class_weights(labels, classes=plan.classes, asked=context.recipe.training.class_weights).numpy()
    try:
        head_start.begin(
            base,
            Split(ids, Tokens.open(context.tokens / "train"), labels),
            seed=context.seed,
            pad_id=pad_id,
            budget=plan.evaluation_budget,
            folder=context.folder.head_start,
            weights=weights,
            advance=lambda count: channel.go_on(0, "fitting the output layer on the frozen model"),
        )
    finally:
        add_costs(context.folder, prefix_seconds=time.perf_counter() - began)


def facts(scored: ScoredRow, row: ResultsRow) -> ResultsRow:
    """What the training gave, and how its logits become answers."""
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
