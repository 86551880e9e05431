"""The two forward passes of training: without padding if model and candidate allow it, else the model's own, padded."""

from typing import Any, Protocol

import torch

from finetooth.models.batching import Rows, Tokens, collate, micro_batches
from finetooth.models.packed import PackedModel, States
from finetooth.models.precision import DTYPES


class Forward(Protocol):
    """What the loop needs of a forward pass over the training rows. budget: most tokens computed at a time."""

    budget: int

    @property
    def concurrent(self) -> int:
        """How many micro-batches are computed at a time."""
        ...

    def split(self, rows: Rows) -> list[Rows]:
        """The micro-batches of one optimizer batch."""
        ...

    def fold(self) -> None:
        """Use the present trained values from here on; called once before each step."""
        ...

    def __call__(self, rows: Rows) -> torch.Tensor:
        """Logits (B, C) float32 of a micro-batch."""
        ...


class PaddedModel:
    """The model's own forward pass, which dropout and unknown families need: one micro-batch at a time, on the CPU."""

    concurrent = 1

    def __init__(self, model: Any, tokens: Tokens, *, budget: int, pad_id: int) -> None:
        assert next(model.parameters()).device.type == "cpu"  # check refuses it on a GPU
        self.model, self.tokens, self.budget, self.pad_id = model, tokens, budget, pad_id

    def split(self, rows: Rows) -> list[Rows]:
        """The micro-batches of one optimizer batch: those that cost least with their padding."""
        return micro_batches(rows, self.tokens.lengths, self.budget)

    def fold(self) -> None:
        """Do nothing: the model computes with the trained values themselves."""

    def __call__(self, rows: Rows) -> torch.Tensor:
        """Logits (B, C) float32 of a micro-batch."""
        logits: torch.Tensor = self.model(**collate(self.tokens, rows, pad_id=self.pad_id)).logits.float()
        return logits


def forward_of(
    model: Any,
    tokens: Tokens,
    *,
    packed: bool,
    budget: int,
    pad_id: int,
    precision: str,
    most_concurrent: int,
    states: States | None,
) -> Forward:
    """The forward pass over rows of `tokens`, without padding if `packed`; the other arguments are those of the pass.

    precision: a name of finetooth.models.precision.DTYPES; with padding it is float32.
    """
    if not packed:
        return PaddedModel(model, tokens, budget=budget, pad_id=pad_id)
    dtype = DTYPES[precision]
    return PackedModel(model, tokens, budget=budget, most_concurrent=most_concurrent, states=states, dtype=dtype)
