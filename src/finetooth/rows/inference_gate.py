"""Measures in a row's process how the inference pass agrees with the plain pass, and chooses the pass to use."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from finetooth.models import agreement, inference
from finetooth.models.agreement import Measured
from finetooth.models.artifact import reference_tokens
from finetooth.models.batching import Tokens
from finetooth.models.predictor import Predictor
from finetooth.models.text_model import TextModel
from finetooth.rows.context import Context
from finetooth.rows.outputs import add_costs
from finetooth.runs.plan_file import Precision
from finetooth.tasks import Targets


def measure(
    context: Context,
    trained: TextModel,
    *,
    tokens: Tokens,
    labels: Targets,
    plain: npt.NDArray[np.float32] | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> Measured:
    """How the inference pass agrees with the plain pass on the validation rows, to be saved with the row's artifact.

    tokens, labels: of the validation rows. plain: their logits (N, C) by the plain pass; computed when omitted.
    advance: called after each micro-batch.
    """
    plan = context.plan
    if plain is None and plan.inference == "bfloat16" and len(labels) >= agreement.LEAST_ROWS:
        trained.logits(reference_tokens(trained))  # discarded: a first pass may have other last bits (ADR 5)
        plain = trained.logits(tokens, budget=plan.evaluation_budget, advance=advance)
    empty = np.empty((0, len(trained.classes)), np.float32)
    return inference.measure(
        trained,
        tokens,
        plain=empty if plain is None else plain,
        truth=labels,
        preferred=plan.inference,
        advance=advance,
    )


def ready(context: Context, trained: TextModel) -> Predictor:
    """The predictor for a split; that of the validation rows, which are compared bitwise, uses the plain pass."""
    preferred: Precision = "plain" if context.split == "validation" else context.plan.inference
    return inference.ready(trained, preferred)


def record(context: Context, precision: Precision, measured: Measured) -> None:
    """Record in the row's costs how the test rows were computed; the results report it."""
    if context.split == "test":
        add_costs(context.folder, inference={"precision": precision, "fallback_reason": measured.fallback_reason})
