"""The model's own pass over a whole split: what the reload check compares bitwise."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import pad_sequence

from finetooth.models.batching import EVALUATION_BUDGET, Rows, Tokens, collate, evaluation_batches
from finetooth.models.frozen_layer_cache import FrozenLayerCache, entered


def logits(
    model: Any,
    tokens: Tokens,
    *,
    pad_id: int,
    budget: int = EVALUATION_BUDGET,
    states: FrozenLayerCache | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> npt.NDArray[np.float32]:
    """Logits (N, C) float32 of every row of `tokens` by the model's own pass, under the plan of evaluation_batches.

    states: what the first layers compute, known for whole micro-batches of the same plan; the logits are the same.
    The model is put in eval mode for it and back after. advance is called after each micro-batch with its rows; what
    it raises ends the work.
    """
    training = model.training
    model.eval()
    computed: npt.NDArray[np.float32] | None = None
    try:
        with torch.inference_mode(), entered(model, states.depth) if states else nullcontext() as entry:
            for rows in evaluation_batches(tokens.lengths, budget):
                if states is not None and entry is not None:
                    entry.states = _known(states, tokens, rows)
                part = model(**collate(tokens, rows, pad_id=pad_id)).logits.float().numpy()
                if computed is None:
                    computed = np.empty((len(tokens.lengths), part.shape[1]), np.float32)
                computed[rows] = part
                advance(len(rows))
    finally:
        model.train(training)
    return np.empty((0, model.config.num_labels), np.float32) if computed is None else computed


def _known(states: FrozenLayerCache, tokens: Tokens, rows: Rows) -> torch.Tensor | None:
    """The states of a micro-batch, padded with zeros, (B, L, H); None unless all are known."""
    if not states.holds(rows).all():
        return None
    return pad_sequence(list(torch.split(states.read(rows), tokens.lengths[rows].tolist())), batch_first=True)
