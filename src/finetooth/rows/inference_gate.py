"""How the rows of a run are computed: by the plain pass, or by the inference pass as far as its gate allows."""

import numpy as np
import numpy.typing as npt

from finetooth.models import agreement, inference
from finetooth.models.agreement import Measured
from finetooth.models.artifact import reference_tokens
from finetooth.models.batching import Tokens
from finetooth.models.predictor import Predictor
from finetooth.models.text_model import TextModel
from finetooth.rows.context import Channel, Context
from finetooth.rows.outputs import add_costs
from finetooth.runs.plan_file import Precision
from finetooth.runs.work import read_labels


def measure(
    context: Context,
    trained: TextModel,
    *,
    plain: npt.NDArray[np.float32] | None = None,
    channel: Channel | None = None,
) -> Measured:
    """What the inference pass makes of the validation rows, for the folder of the row's artifact.

    plain: their logits (N, C) by the plain pass; computed where omitted. channel: obeyed between micro-batches.
    Raises: Interrupted after a signal.
    """

    def advance(count: int) -> None:
        if channel is not None:
            channel.obey()

    plan, (_, truth) = context.plan, read_labels(context.run_folder, "validation")
    tokens = Tokens.open(context.run_folder.work / "tokens" / "validation")
    if plain is None and plan.inference == "bfloat16" and len(truth) >= agreement.LEAST_ROWS:
        trained.logits(reference_tokens(trained))  # thrown away: a first pass may have other last bits (ADR 5)
        plain = trained.logits(tokens, budget=plan.evaluation_budget, advance=advance)
    empty = np.empty((0, len(trained.classes)), np.float32)
    return inference.measure(
        trained,
        tokens,
        plain=empty if plain is None else plain,
        truth=np.asarray(truth),
        preferred=plan.inference,
        advance=advance,
    )


def ready(context: Context, trained: TextModel) -> Predictor:
    """The predictor for a split: the validation rows are compared bitwise, and go through the plain pass."""
    preferred: Precision = "plain" if context.split == "validation" else context.plan.inference
    return inference.ready(trained, preferred)


def record(context: Context, precision: Precision, measured: Measured) -> None:
    """Put down how the test rows were computed, beside the costs of the row: the results say it."""
    if context.split == "test":
        add_costs(context.folder, inference={"precision": precision, "fallback_reason": measured.fallback_reason})
