"""ROW CONTRACT: what a kind of row does. The properties of a kind are in its record in finetooth.row_kinds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetooth.evaluation.decisions import Decision
from finetooth.recipe import Candidate, Recipe
from finetooth.row_kinds import RowKind
from finetooth.rows.context import Channel, Context
from finetooth.runs.layout import RowFolder
from finetooth.runs.plan_file import Plan
from finetooth.runs.results import Parameters, ResultsRow

if TYPE_CHECKING:  # rows without a model are made without torch
    from finetooth.models.loading import Base

STEP_COSTS = "step_costs.json"  # in the folder of a row that `check` measures


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRow:
    """A row that was fitted and scored.

    accuracies: by split, those of other heads too (test/seed-1). decision: how its logits become labels.
    """

    plan: Plan
    name: str
    folder: RowFolder
    accuracies: Mapping[str, float]
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """The measurements of `check`, from which the seconds of a row are estimated.

    measured: seconds of each trained row, by its name and by part of the work. characters: of the training texts.
    """

    recipe: Recipe
    plan: Plan
    measured: Mapping[str, Mapping[str, Any]]
    characters: int


@dataclass(frozen=True, slots=True)
class Trainable:
    """A model to train. candidate: whose adapter it has; None: all of it is trained. parameters(): its counts."""

    model: Any
    candidate: Candidate | None
    parameters: Callable[[], Parameters]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The functions of a kind of row: fit, score and trainable run in the row's own process, the others in the command.

    fit(context, channel): fit the row on the training rows, and save it in the row's folder. score(context, channel):
    score the context's split from what was saved, and save the predictions. trainable(context, base): the model that
    the training loop trains; None of a kind that is not trained.
    facts(scored, row): the row of results.json with the facts of this kind besides figures. steps(recipe, plan): the
    amount of work to fit, and its unit; None where nothing is counted. seconds(estimates, name): the estimated seconds
    of all rows of that name.
    """

    kind: RowKind
    fit: Callable[[Context, Channel], None]
    score: Callable[[Context, Channel], None]
    trainable: Callable[[Context, "Base"], Trainable] | None = None
    facts: Callable[[ScoredRow, ResultsRow], ResultsRow]
    steps: Callable[[Recipe, Plan], tuple[int | None, str]] = lambda recipe, plan: (None, "")
    seconds: Callable[[Estimates, str], float]
