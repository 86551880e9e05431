"""The validation rows while a candidate is trained: by the inference pass where the model allows it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.models.batching import Tokens
from finetooth.models.frozen_layer_cache import FrozenLayerCache
from finetooth.models.packed_inference import InferencePass, inference_obstacle
from finetooth.models.plain_pass import logits
from finetooth.models.precision import DTYPES
from finetooth.runs.plan_file import Precision


def validation_logits(
    model: Any,
    tokens: Tokens,
    *,
    precision: Precision,
    pad_id: int,
    budget: int,
    states: FrozenLayerCache | None,
    advance: Callable[[int], None],
) -> npt.NDArray[np.float32]:
    """Logits (N, C) float32 of the validation rows by the model as it is now.

    precision: the number format of the inference pass, float32 where a logit in bfloat16 is not finite; `plain`, or a
    model that it cannot compute: by the plain pass. budget: tokens of a micro-batch of the plain pass. states, advance:
    as in both passes. The model is put in eval mode for it and back.
    """
    if precision == "plain" or inference_obstacle(model) is not None:
        return logits(model, tokens, pad_id=pad_id, budget=budget, states=states, advance=advance)
    training = model.training
    model.eval()
    try:
        computed = InferencePass(model, dtype=DTYPES[precision]).split_logits(tokens, states=states, advance=advance)
        if precision == "float32" or np.isfinite(computed).all():
            return computed
        exact = InferencePass(model, dtype=DTYPES["float32"])
        return exact.split_logits(tokens, states=states, advance=lambda count: advance(0))  # the rows are counted once
    finally:
        model.train(training)
