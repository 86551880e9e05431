"""How a saved model computes texts: what is measured of it once, and the pass that it is given when it is loaded."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from finetooth.measure.decisions import Decision
from finetooth.model.agreement import LARGEST, Agreement, Measured, Precision, compare
from finetooth.model.artefact import canary_tokens
from finetooth.model.artefact_files import CANARY_TOLERANCE
from finetooth.model.batching import Tokens
from finetooth.model.packed_inference import InferencePass, inference_obstacle
from finetooth.model.precision import DTYPES
from finetooth.model.predictor import Predictor


def measure(
    predictor: Predictor,
    tokens: Tokens,
    *,
    plain: npt.NDArray[np.float32],
    truth: npt.NDArray[np.int64],
    wanted: Precision,
    advance: Callable[[int], None] = lambda count: None,
) -> Measured:
    """What the inference pass makes of the validation rows, in bfloat16 where that is `wanted`.

    plain: logits (N, C) of the rows by the plain pass. truth: (N,), their labels. advance: as in InferencePass.logits.
    """
    because = inference_obstacle(predictor.model)
    if because is not None or wanted != "bfloat16":
        return Measured(because)
    rounded = InferencePass(predictor.model, dtype=DTYPES[wanted]).logits(tokens, advance=advance)
    return Measured(None, agreement(plain, rounded, decision=predictor.decision, truth=truth))


def agreement(
    plain: npt.NDArray[np.float32],
    rounded: npt.NDArray[np.float32],
    *,
    decision: Decision,
    truth: npt.NDArray[np.int64],
) -> Agreement:
    """The agreement of logits (N, C) of the validation rows by the plain pass and in bfloat16, under a decision."""
    if not np.isfinite(rounded).all():
        return Agreement(len(truth), len(truth), 0.0, float((decision.labels(plain) == truth).mean()), LARGEST)
    return compare(plain, rounded, labels=(decision.labels(plain), decision.labels(rounded)), truth=truth)


def ready(predictor: Predictor, wanted: Precision) -> Predictor:
    """The predictor with the pass that `predict` and the test phase use: in `wanted`, or in what its gate allows.

    In float32 the pass is compared with the plain pass on the reference inputs; where they differ by more than rounding
    the plain pass is kept, and measured.fallback_reason says so.
    """
    if wanted == "plain":
        return predictor
    measured = replace(predictor.measured, fallback_reason=inference_obstacle(predictor.model))
    precision = measured.precision(wanted)
    if precision == "plain":
        return replace(predictor, measured=measured)
    computed = InferencePass(predictor.model, dtype=DTYPES[precision])
    if precision == "float32":
        tokens = canary_tokens(predictor)
        difference = float(np.abs(computed.logits(tokens) - predictor.logits(tokens)).max())
        if not difference <= CANARY_TOLERANCE:
            reason = f"its logits differ from those of the plain pass by {difference:.2g}"
            return replace(predictor, measured=replace(measured, fallback_reason=reason))
    return replace(predictor, measured=measured, inference=computed)
