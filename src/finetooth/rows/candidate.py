"""The rows of candidates: an adapter trained on a clean base, with the decision that the recipe sets."""

from dataclasses import replace

from finetooth.evaluation import deciding, decision_file
from finetooth.evaluation.decisions import Decision
from finetooth.models import adapters
from finetooth.models.loading import Base
from finetooth.row_kinds import CANDIDATE
from finetooth.rows import trained
from finetooth.rows.context import Context
from finetooth.rows.contract import ScoredRow, Trainable
from finetooth.runs.results import ResultsRow
from finetooth.tasks import Logits, Targets


def trainable(context: Context, base: Base) -> Trainable:
    """The base with the candidate's adapter."""
    candidate = next(item for item in context.recipe.candidates if item.name == context.row)
    model = adapters.attach(base, candidate, seed=context.seed)
    return Trainable(model, candidate, lambda: adapters.parameters(model))


def decide(context: Context, logits: Logits, labels: Targets) -> Decision:
    """The decision that the recipe sets, fitted on validation logits (N, C) and labels."""
    plan = context.plan
    return deciding.fit(logits, labels, classes=plan.classes, settings=context.recipe.decision, task=plan.of_task())


def facts(scored: ScoredRow, row: ResultsRow) -> ResultsRow:
    """The row with the facts of its training, and with how its logits become answers."""
    described = decision_file.describe(scored.decision, scored.plan.classes)
    return replace(trained.facts(scored, row), decision=described)


ROWS = (trained.row(CANDIDATE, trainable=trainable, decide=decide, facts=facts),)
