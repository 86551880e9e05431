"""How a saved model computes texts: a measurement when it is saved, and the choice of an engine when it is loaded."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from finetooth.models import agreement
from finetooth.models.agreement import Measured
from finetooth.models.artifact import reference_tokens
from finetooth.models.artifact_files import REFERENCE_TOLERANCE
from finetooth.models.batching import Tokens
from finetooth.models.engine import Engine
from finetooth.models.packed_inference import InferencePass, inference_obstacle
from finetooth.models.plain_pass import PlainEngine
from finetooth.models.predictor import Predictor
from finetooth.models.text_model import TextModel
from finetooth.runs.plan_file import Precision

# If a model was moved to another machine: the largest difference allowed on the reference inputs, as a multiple of the
# largest one that the gate measured.
MOVED_TIMES = 4.0


def measure(
    trained: TextModel,
    tokens: Tokens,
    *,
    plain: npt.NDArray[np.float32],
    truth: npt.NDArray[np.int64],
    preferred: Precision,
    advance: Callable[[int], None] = lambda count: None,
) -> Measured:
    """How the inference pass answers the validation rows; in bfloat16 if that is `preferred` and they are enough.

    plain: logits (N, C) of the rows by the plain pass. truth: (N,), their labels. advance: as in split_logits.
    """
    obstacle = inference_obstacle(trained.model)
    if obstacle is not None or preferred != "bfloat16" or len(truth) < agreement.LEAST_ROWS:
        return Measured(obstacle)
    rounded = InferencePass(trained.model, preferred).split_logits(tokens, advance=advance)
    return Measured(None, agreement.compare(plain, rounded, decision=trained.decision, truth=truth))


def ready(trained: TextModel, preferred: Precision) -> Predictor:
    """The predictor with the engine that `predict` and the test phase use: `preferred`, or what its gate allows.

    In float32 the inference pass is compared with the plain pass on the reference inputs; if they differ by more than
    rounding, the plain pass is used, and measured.fallback_reason says so. A model that was moved is computed in
    bfloat16 only if that changes the reference inputs here as little as it changed the validation rows.
    """
    measured = trained.measured
    if preferred != "plain":
        measured = replace(measured, fallback_reason=inference_obstacle(trained.model))
    precision = measured.precision(preferred)
    engine: Engine = PlainEngine(trained.model)
    if precision != "plain":
        computed = InferencePass(trained.model, precision)
        if precision == "bfloat16" and trained.moved and not _as_measured(trained, computed):
            return ready(trained, "float32")
        reason = _difference(trained, computed) if precision == "float32" else None
        if reason is None:
            engine = computed
        else:
            precision, measured = "plain", replace(measured, fallback_reason=reason)
    return Predictor(
        engine,
        trained.tokenizer,
        trained.classes,
        trained.input,
        trained.name,
        trained.decision,
        precision=precision,
        measured=measured,
    )


def _difference(trained: TextModel, computed: InferencePass) -> str | None:
    """How the inference pass differs on the reference inputs from the plain pass, in words; None: by rounding alone."""
    tokens = reference_tokens(trained)
    difference = float(np.abs(computed.split_logits(tokens) - trained.logits(tokens)).max())
    if difference <= REFERENCE_TOLERANCE:
        return None
    return f"its logits differ from those of the plain pass by {difference:.2g}"


def _as_measured(trained: TextModel, computed: InferencePass) -> bool:
    """Whether bfloat16 answers the reference inputs as the plain pass does, about as near as the gate measured."""
    of_gate, tokens = trained.measured.agreement, reference_tokens(trained)
    assert of_gate is not None  # else the precision were float32
    here = agreement.compare(
        trained.logits(tokens),
        computed.split_logits(tokens),
        decision=trained.decision,
        truth=np.zeros(len(tokens.lengths), np.int64),  # only answers and logits are compared
    )
    if here.largest_difference is None or of_gate.largest_difference is None:
        return False
    return here.flipped == 0 and here.largest_difference <= MOVED_TIMES * of_gate.largest_difference
