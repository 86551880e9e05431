"""How a saved model computes texts: what is measured of it once, and the pass that it is given when it is loaded."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from finetooth.model import agreement
from finetooth.model.agreement import Measured
from finetooth.model.artefact import canary_tokens
from finetooth.model.artefact_files import CANARY_TOLERANCE
from finetooth.model.batching import Tokens
from finetooth.model.packed_inference import InferencePass, inference_obstacle
from finetooth.model.precision import DTYPES
from finetooth.model.predictor import Predictor
from finetooth.runs.plan_file import Precision

MOVED_TIMES = 4.0  # the gate's largest difference, on the reference inputs on another machine


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
    the plain pass is kept, and measured.fallback_reason says so. One that was moved is computed in bfloat16 only where
    that changes the reference inputs here as little as it changed the validation rows.
    """
    if wanted == "plain":
        return predictor
    measured = replace(predictor.measured, fallback_reason=inference_obstacle(predictor.model))
    precision = measured.precision(wanted)
    if precision == "plain":
        return replace(predictor, measured=measured)
    computed = InferencePass(predictor.model, dtype=DTYPES[precision])
    if precision == "bfloat16" and predictor.moved and not _as_measured(predictor, computed):
        return ready(predictor, "float32")
    if precision == "float32":
        tokens = canary_tokens(predictor)
        difference = float(np.abs(computed.logits(tokens) - predictor.logits(tokens)).max())
        if not difference <= CANARY_TOLERANCE:
            reason = f"its logits differ from those of the plain pass by {difference:.2g}"
            return replace(predictor, measured=replace(measured, fallback_reason=reason))
    return replace(predictor, measured=measured, inference=computed)


def _as_measured(predictor: Predictor, computed: InferencePass) -> bool:
    """Whether bfloat16 gives the reference inputs the answers of the plain pass, about as near as its gate measured."""
    known, tokens = predictor.measured.agreement, canary_tokens(predictor)
    assert known is not None  # precision gave bfloat16
    found = agreement.compare(
        predictor.logits(tokens),
        computed.logits(tokens),
        decision=predictor.decision,
        truth=np.zeros(len(tokens.lengths), np.int64),  # only answers and logits are compared
    )
    if found.largest_difference is None or known.largest_difference is None:
        return False
    return found.flipped == 0 and found.largest_difference <= MOVED_TIMES * known.largest_difference
