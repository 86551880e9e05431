"""The model's own pass: what the reload check compares bitwise, and an engine."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import pad_sequence

from finetooth.models.batching import EVALUATION_BUDGET, Rows, Tokens, collate, evaluation_batches, tensors_of
from finetooth.models.engine import Batch
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

    budget: most tokens of a micro-batch, with padding. states: those of the first layers for whole micro-batches of the
    same plan; the logits are the same. advance: called after each micro-batch with its number of rows; what it raises
    ends the work. The model computes in eval mode and is then put back into its own mode.
    """
    computed = np.empty((len(tokens.lengths), model.config.num_labels), np.float32)
    training = model.training
    model.eval()
    try:
        with torch.inference_mode(), entered(model, states.depth) if states else nullcontext() as entry:
            for rows in evaluation_batches(tokens.lengths, budget):
                if states is not None and entry is not None:
                    entry.states = _padded_states(states, tokens, rows)
                computed[rows] = model(**collate(tokens, rows, pad_id=pad_id)).logits.float().numpy()
                advance(len(rows))
    finally:
        model.train(training)
    return computed


def _padded_states(states: FrozenLayerCache, tokens: Tokens, rows: Rows) -> torch.Tensor | None:
    """The states of a micro-batch, padded with zeros, (B, L, H); None unless all are known."""
    if not states.holds(rows).all():
        return None
    return pad_sequence(list(torch.split(states.read(rows), tokens.lengths[rows].tolist())), batch_first=True)


class PlainEngine:
    """The model's own pass: padded, the adapter not merged, float32; torch's threads share each batch.

    model: a classifier in eval mode, with or without an adapter.
    """

    threads = 0

    def __init__(self, model: Any) -> None:
        assert not model.training
        self._model = model
        self.outputs = int(model.config.num_labels)

    def prepare_thread(self) -> None:
        """Do nothing: batches are computed in the caller's thread."""

    def batches(self, lengths: npt.NDArray[np.int64]) -> list[Rows]:
        """Batches of at most EVALUATION_BUDGET tokens with padding, longest first."""
        return evaluation_batches(lengths, EVALUATION_BUDGET)

    def logits(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Logits (B, C) float32 of a batch."""
        if not len(batch.ids):
            return np.empty((0, self.outputs), np.float32)
        with torch.inference_mode():
            logits: npt.NDArray[np.float32] = self._model(**tensors_of(batch)).logits.float().numpy()
        return logits
