"""ROW CONTRACT: what a kind of row does. What is true of a kind stands in its record in finetooth.row_kinds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetooth.evaluation.decisions import Decision
from finetooth.recipe import Candidate, Recipe
from finetooth.row_kinds import RowKind
from finetooth.rows.context import Channel, Context
from finetooth.runs import results
from finetooth.runs.layout import RowFolder
from finetooth.runs.plan_file import Plan
from finetooth.runs.results import Parameters

if TYPE_CHECKING:  # rows without a model are made without torch
    from finetooth.models.loading import Base

ResultsRow = results.Row  # of results.json
STEP_COSTS = "step_costs.json"  # in the folder of a row that `check` measures


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRow:
    """A row that was fitted and scored, as its facts are read from it.

    accuracies: of its splits, those of other heads too (test/seed-1). decision: what makes labels of its logits.
    """

    plan: Plan
    name: str
    folder: RowFolder
    accuracies: Mapping[str, float]
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """What `check` measured, for the seconds that a row will take.

    measured: seconds of each trained row, by its name and by their part. characters: of the training texts.
    """

    recipe: Recipe
    plan: Plan
    measured: Mapping[str, Mapping[str, Any]]
    characters: int


@dataclass(frozen=True, slots=True)
class Trainable:
    """A model to be trained. candidate: whose adapter it has; None: all of it is trained. parameters(): its counts."""

    model: Any
    candidate: Candidate | None
    parameters: Callable[[], Parameters]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a kind of row does: in a process of the row's own (fit, score, trainable), and in the command (the others).

    fit(context, channel): fit the row on the training rows, and save it in the row's folder. score(context, channel):
    score the context's split from what was saved, and keep the predictions. trainable(context, base): the model that
    the training loop trains; None of a kind that is not trained.
    facts(scored, row): the row of results.json with what the kind says besides figures. steps(recipe, plan): how much
    there is to fit, and its unit; None where nothing is counted. seconds(estimates, name): what all rows of that name
    will take.
    """

    kind: RowKind
    fit: Callable[[Context, Channel], None]
    score: Callable[[Context, Channel], None]
    trainable: Callable[[Context, "Base"], Trainable] | None = None
    facts: Callable[[ScoredRow, ResultsRow], ResultsRow]
    steps: Callable[[Recipe, Plan], tuple[int | None, str]] = lambda recipe, plan: (None, "")
    seconds: Callable[[Estimates, str], float]
