"""Engines on torch: the model's own pass, and the packed pass with one thread for each core."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from finetooth.models import torch_threads
from finetooth.models.batching import (
    EVALUATION_BUDGET,
    Rows,
    Tokens,
    evaluation_batches,
    inference_batches,
    tensors_of,
)
from finetooth.models.engine import Batch
from finetooth.models.packed_inference import InferencePass


class PlainEngine:
    """The model's own pass: padded, the adapter not merged, float32; torch's threads share each batch.

    model: a classifier in eval mode, with or without an adapter.
    """

    threads = 0

    def __init__(self, model: Any) -> None:
        assert not model.training
        self._model = model

    @property
    def outputs(self) -> int:
        """C, the number of outputs."""
        return int(self._model.config.num_labels)

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


class PackedEngine:
    """The inference pass: the adapter folded into the weights, no padding, float32 or bfloat16.

    Each thread computes batches of its own on one core, so that logits depend neither on who computes a batch nor on
    how many threads there are. computed: of the model. threads: as many as torch's when omitted.
    """

    def __init__(self, computed: InferencePass, *, threads: int | None = None) -> None:
        self.computed = computed
        self._threads = threads

    @property
    def outputs(self) -> int:
        """C, the number of outputs."""
        return self.computed.outputs

    @property
    def threads(self) -> int:
        """How many threads compute at a time."""
        return self._threads or torch_threads.count()

    def prepare_thread(self) -> None:
        """Let this thread compute on one core."""
        torch_threads.compute_alone()

    def batches(self, lengths: npt.NDArray[np.int64]) -> list[Rows]:
        """Batches of about INFERENCE_TOKENS tokens without padding, of rows of about one length."""
        return inference_batches(lengths)

    def logits(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Logits (B, C) float32 of a batch."""
        lengths = batch.lengths
        logits = np.empty((len(lengths), self.outputs), np.float32)
        if len(lengths):
            order = np.argsort(lengths, kind="stable")  # the pass takes rows in ascending order of length
            logits[order] = self.computed.micro_batch(_end_to_end(batch, order))
        return logits


def _end_to_end(batch: Batch, order: Rows) -> Tokens:
    """The tokens of a batch without padding, its examples in `order`."""
    lengths, tokens = batch.lengths[order], batch.mask[order].astype(bool)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    types = None if batch.types is None else batch.types[order][tokens].astype(np.uint8)
    return Tokens(batch.ids[order][tokens].astype(np.int32), starts, types, lengths)
