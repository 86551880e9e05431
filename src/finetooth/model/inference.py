"""How a saved model computes texts: what is measured of it once, and the pass that it is given when it is loaded."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from finetooth.model import agreement
from finetooth.model.agreement import Measured, Precision
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
    """What the inference pass makes of the validation rows, in bfloat16 where that is `wanted` and they are enough.

    plain: logits (N, C) of the rows by the plain pass. truth: (N,), their labels. advance: as in InferencePass.logits.
    """
    because = inference_obstacle(predictor.model)
    if because is not None or wanted != "bfloat16" or len(truth) < agreement.LEAST_ROWS:
        return Measured(because)
    rounded = InferencePass(predictor.model, dtype=DTYPES[wanted]).logits(tokens, advance=advance)
    return Measured(None, agreement.compare(plain, rounded, decision=predictor.decision, truth=truth))


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
